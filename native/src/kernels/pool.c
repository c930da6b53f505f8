#include "kernels.h"

/* Taps of a window along one axis, clipped to the input, and the first one's place. */
typedef struct axis {
    uint32_t first, taps;
} axis;

static axis clip(int32_t origin, uint32_t kernel, uint32_t dilation, uint32_t size) {
    axis clipped = {0, 0};
    for (; kernel != 0 && origin < 0; --kernel) {
        origin += (int32_t)dilation;
    }
    clipped.first = (uint32_t)origin;
    for (; kernel != 0 && origin < (int32_t)size; --kernel) {
        origin += (int32_t)dilation;
        ++clipped.taps;
    }
    return clipped;
}

/* Input rows (or columns) that output row `index` of `count` averages, as PyTorch's adaptive pooling. */
static axis adapt(uint32_t index, uint32_t size, uint32_t count) {
    axis adapted;
    adapted.first = index * size / count;
    adapted.taps = ((index + 1) * size + count - 1) / count - adapted.first;
    return adapted;
}

bool fml_pool_next(fml_pool *pool) {
    const fml_work *work = pool->work;
    const fml_op *op = work->op;
    const fml_window *window = &op->window;
    const fml_shape *in = &op->input.shape, *out = &op->output.shape;
    const uint32_t row = pool->pixels.row, column = pool->pixels.column, channel = work->tile.channel_begin;
    axis rows, columns;
    if (pool->pixels.left == 0) {
        return false;
    }
    if ((op->flags & FML_OP_FLAG_ADAPTIVE) != 0) {
        rows = adapt(row, in->height, out->height);
        columns = adapt(column, in->width, out->width);
    } else {
        rows = clip(fml_window_row(op, row), window->kernel_height, window->dilation_height, in->height);
        columns = clip(fml_window_column(op, column), window->kernel_width, window->dilation_width, in->width);
    }
    pool->source = work->input + fml_element(in, rows.first, columns.first, channel);
    pool->target = work->output + fml_element(out, row, column, channel);
    pool->rows = rows.taps;
    pool->columns = columns.taps;
    fml_pixels_advance(&pool->pixels);
    return true;
}

void fml_pool_begin(fml_pool *pool, const fml_work *work) {
    pool->work = work;
    pool->pixels = fml_pixels_of(&work->tile);
    pool->steps = fml_window_steps(work->op);
}
