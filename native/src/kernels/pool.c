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

/* Taps of an output; steps: from row to row, from column to column. */
typedef struct taps {
    fml_index rows, columns;
    fml_steps steps;
} taps;

/* The taps of one channel, TAKE for the value of each. Most pools have two columns. */
#define EACH_TAP(TAKE)                                                                                                 \
    for (fml_index rows = t->rows; rows != 0; --rows, line += t->steps.row) {                                          \
        if (FML_FAST && t->columns == 2) {                                                                             \
            TAKE(line[0]);                                                                                             \
            TAKE(line[t->steps.column]);                                                                               \
            continue;                                                                                                  \
        }                                                                                                              \
        const int8_t *from = line;                                                                                     \
        for (fml_index left = t->columns; left != 0; --left, from += t->steps.column) {                                \
            TAKE(*from);                                                                                               \
        }                                                                                                              \
    }

#define TAKE_LARGER(x) best = (x) > best ? (x) : best
#define ADD_UP(x) total += (x)

static FML_INLINED int32_t largest(const int8_t *line, const taps *t) {
    int32_t best = INT8_MIN;
    EACH_TAP(TAKE_LARGER)
    return best;
}

static FML_INLINED int32_t sum(const int8_t *line, const taps *t) {
    int32_t total = 0;
    EACH_TAP(ADD_UP)
    return total;
}

static void pool_pixel(const fml_work *work, const fml_range *range, fml_index row, fml_index column) {
    const fml_op *op = work->op;
    const fml_window *window = &op->window;
    const fml_shape *in = &op->input.shape, *out = &op->output.shape;
    fml_index channel = work->tile.channel_begin;
    axis rows, columns;
    if ((op->flags & FML_OP_FLAG_ADAPTIVE) != 0) {
        rows = adapt(row, in->height, out->height);
        columns = adapt(column, in->width, out->width);
    } else {
        rows = clip(fml_window_row(op, row), window->kernel_height, window->dilation_height, in->height);
        columns = clip(fml_window_column(op, column), window->kernel_width, window->dilation_width, in->width);
    }
    const taps t = {rows.taps, columns.taps, fml_window_steps(op)};
    const int8_t *from = work->input + fml_element(in, rows.first, columns.first, channel);
    int8_t *to = work->output + fml_element(out, row, column, channel);
    const int8_t *const end = to + (work->tile.channel_end - channel);
    if (op->kind == FML_OP_KIND_MAX_POOL_2D) {
        for (; to != end; ++from) {
            *to++ = fml_clamp(largest(from, &t), range);
        }
        return;
    }
    const fml_index count = t.rows * t.columns;
    /* One entry of constants serves all counts of taps; of several, entry count - 1. */
    const fml_index entries = (fml_index)op->params_size / FML_SCALE_SIZE;
    const uint8_t *const entry = work->params + FML_SCALE_SIZE * ((count < entries ? count : entries) - 1);
    const int32_t zero_point = op->input.zero_point;
    const uint32_t zero = count * (uint32_t)zero_point;
    for (; to != end; ++from) {
        *to++ = fml_requantize_scaled((uint32_t)sum(from, &t) - zero, entry, range);
    }
}

void fml_kernel_pool(const fml_work *work) {
    const fml_range range = fml_output_range(work->op);
    for (fml_pixels left = fml_pixels_of(&work->tile); fml_pixels_left(&left); fml_pixels_advance(&left)) {
        pool_pixel(work, &range, left.at.row, left.at.column);
    }
}
