#include "kernels.h"

/* Taps of a window along one axis, clipped to the input, and the first one's place. */
typedef struct axis {
    fml_index first, taps;
} axis;

static FML_APART axis clip(int32_t origin, uint32_t kernel, uint32_t dilation, uint32_t size) {
    axis clipped = {0, 0};
    for (; kernel != 0 && origin < 0; --kernel) {
        origin += (int32_t)dilation;
    }
    clipped.first = (fml_index)origin;
    for (; kernel != 0 && origin < (int32_t)size; --kernel) {
        origin += (int32_t)dilation;
        ++clipped.taps;
    }
    return clipped;
}

/* Input rows (or columns) that output row `index` of `count` averages, as PyTorch's adaptive pooling. */
static axis adapt(uint32_t index, uint32_t size, uint32_t count) {
    axis adapted;
    adapted.first = (fml_index)(index * size / count);
    adapted.taps = (fml_index)(((index + 1) * size + count - 1) / count - adapted.first);
    return adapted;
}

static int8_t largest(const int8_t *line, fml_index rows, fml_index columns, const fml_steps *steps) {
    int8_t best = INT8_MIN;
    for (; rows != 0; --rows, line += steps->row) {
        const int8_t *from = line;
        for (fml_index left = columns; left != 0; --left, from += steps->column) {
            if (*from > best) {
                best = *from;
            }
        }
    }
    return best;
}

static uint32_t sum(const int8_t *line, fml_index rows, fml_index columns, const fml_steps *steps) {
    uint32_t total = 0;
    for (; rows != 0; --rows, line += steps->row) {
        const int8_t *from = line;
        for (fml_index left = columns; left != 0; --left, from += steps->column) {
            const int32_t x = *from;
            total += (uint32_t)x;
        }
    }
    return total;
}

static void pool_pixel(const fml_work *work, const fml_range *range, fml_index row, fml_index column) {
    const fml_op *op = work->op;
    const fml_window *window = &op->window;
    const bool takes_largest = op->kind == FML_OP_KIND_MAX_POOL_2D;
    const fml_shape *in = &op->input.shape, *out = &op->output.shape;
    const fml_steps steps = fml_window_steps(op);
    fml_index channel = work->tile.channel_begin;
    axis rows, columns;
    if ((op->flags & FML_OP_FLAG_ADAPTIVE) != 0) {
        rows = adapt(row, in->height, out->height);
        columns = adapt(column, in->width, out->width);
    } else {
        rows = clip(fml_window_row(op, row), window->kernel_height, window->dilation_height, in->height);
        columns = clip(fml_window_column(op, column), window->kernel_width, window->dilation_width, in->width);
    }
    const int8_t *from = work->input + fml_element(in, rows.first, columns.first, channel);
    int8_t *to = work->output + fml_element(out, row, column, channel);
    const int32_t zero_point = op->input.zero_point;
    const fml_index count = rows.taps * columns.taps;
    const uint32_t zero = count * (uint32_t)zero_point;
    const uint8_t *entry = work->params;
    if (!takes_largest) {
        /* One entry of constants serves all counts of taps; of several, entry count - 1. */
        const fml_index entries = (fml_index)op->params_size / FML_SCALE_SIZE;
        entry += FML_SCALE_SIZE * ((count < entries ? count : entries) - 1);
    }
    for (; channel != work->tile.channel_end; ++channel, ++from) {
        if (takes_largest) {
            *to++ = fml_clamp(largest(from, rows.taps, columns.taps, &steps), range);
        } else {
            *to++ = fml_requantize_scaled(sum(from, rows.taps, columns.taps, &steps) - zero, entry, range);
        }
    }
}

void fml_kernel_pool(const fml_work *work) {
    const fml_range range = fml_output_range(work->op);
    for (fml_pixels left = fml_pixels_of(&work->tile); fml_pixels_left(&left); fml_pixels_advance(&left)) {
        pool_pixel(work, &range, left.at.row, left.at.column);
    }
}
