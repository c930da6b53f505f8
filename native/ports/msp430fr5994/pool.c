#include "pool.h"
#include "requantize.h"

#define CHUNK 16 /* channels */

/* Taps of a window along one axis, clipped to the input, and the first one's place. */
typedef struct axis {
    uint16_t first, taps;
} axis;

static FML_APART axis clip(int16_t origin, uint16_t kernel, uint16_t dilation, uint16_t size) {
    axis clipped = {(uint16_t)origin, kernel};
    if (fml_axis_inside(origin, kernel, dilation, size)) {
        return clipped;
    }
    for (; kernel != 0 && clipped.first >= size; kernel--) { /* before the input: more than any size */
        clipped.first += dilation;
    }
    uint16_t at = clipped.first;
    for (clipped.taps = 0; kernel != 0 && at < size; kernel--, at += dilation) {
        clipped.taps++;
    }
    return clipped;
}

/* Input rows (or columns) that output row `index` of `count` averages, as PyTorch's adaptive pooling. */
static axis adapt(uint16_t index, uint16_t size, uint16_t count) {
    axis adapted;
    adapted.first = (uint16_t)((uint32_t)index * size / count);
    adapted.taps = (uint16_t)(((uint32_t)(index + 1) * size + count - 1) / count - adapted.first);
    return adapted;
}

static axis rows_of(const fml_op *op, uint16_t row) {
    const fml_window *window = &op->window;
    const uint16_t size = op->input.shape.height;
    return op->flags & FML_OP_FLAG_ADAPTIVE
               ? adapt(row, size, op->output.shape.height)
               : clip(fml_window_row(op, row), window->kernel_height, window->dilation_height, size);
}

/* How averages of `count` taps become int8. */
static requantize_channel divide(const fml_work *work, uint16_t count) {
    /* One entry of constants serves all counts of taps; of several, entry count - 1. */
    const uint16_t entries = (uint16_t)work->op->params_size / FML_SCALE_SIZE;
    const uint8_t *entry = work->params + FML_SCALE_SIZE * ((count < entries ? count : entries) - 1);
    const requantize_channel channel = {0 - (uint32_t)count * (uint16_t)(work->op->input.zero_point + 128),
                                        requantize_factor(fml_read_u16(entry), entry[2])};
    return channel;
}

/* The averages of the taps' channels, in chunks. */
static void average(pool_taps *taps, requantize_work *each, uint32_t *sums) {
    for (uint16_t left = taps->channels; left != 0; left -= each->count) {
        each->count = taps->channels = left < CHUNK ? left : CHUNK;
        pool_sums(taps, sums);
        requantize(each);
        taps->from += each->count;
        each->to += each->count;
    }
}

/* A row of the tile. What depends on the number of taps is made where that changes. */
static void pool_row(const fml_work *work, axis rows, int8_t *to) {
    const fml_op *op = work->op;
    const fml_window *window = &op->window;
    const fml_steps steps = fml_window_steps(op);
    const uint16_t channels = work->tile.channel_end - work->tile.channel_begin, step = op->input.shape.channels;
    const int8_t *const line = work->input + fml_element(&op->input.shape, rows.first, 0, work->tile.channel_begin);
    uint32_t sums[CHUNK];
    requantize_channel channel;
    pool_taps taps = {.rows = rows.taps, .columns = 0, .column_step = steps.column};
    requantize_work each = {
        .range = requantize_range_of(op), .sums = (const int32_t *)sums, .channels = &channel, .back = sizeof channel};
    uint16_t column = work->tile.column_begin;
    int16_t left = fml_window_column(op, column);
    taps.low = each.range.low;
    taps.high = each.range.high;
    for (; column < work->tile.column_end; column++, left += window->stride_width, to += op->output.shape.channels) {
        const axis columns = op->flags & FML_OP_FLAG_ADAPTIVE
                                 ? adapt(column, op->input.shape.width, op->output.shape.width)
                                 : clip(left, window->kernel_width, window->dilation_width, op->input.shape.width);
        const bool averages = op->kind != FML_OP_KIND_MAX_POOL_2D;
        taps.from = line + columns.first * step;
        taps.channels = channels;
        if (columns.taps != taps.columns) {
            taps.columns = columns.taps;
            taps.next_row = steps.row - columns.taps * steps.column;
            if (averages) {
                channel = divide(work, rows.taps * columns.taps);
            }
        }
        if (averages) {
            each.to = to;
            average(&taps, &each, sums);
        } else {
            pool_largest(&taps, to);
        }
    }
}

void fml_kernel_pool(const fml_work *work) {
    const fml_tile *tile = &work->tile;
    for (uint16_t row = tile->row_begin; row < tile->row_end; row++) {
        int8_t *to = work->output + fml_element(&work->op->output.shape, row, tile->column_begin, tile->channel_begin);
        pool_row(work, rows_of(work->op, row), to);
    }
}
