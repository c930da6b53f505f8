#include "kernels.h"

/* Input rows (or columns) begin..end that output row `index` of `count` averages, as PyTorch's adaptive pooling. */
static fml_span adaptive_span(uint16_t index, uint16_t size, uint16_t count) {
    fml_span span;
    span.begin = (uint16_t)((uint32_t)index * size / count);
    span.end = (uint16_t)((((uint32_t)index + 1) * size + count - 1) / count);
    return span;
}

static void place(fml_pool *pool, uint32_t row, uint32_t column, fml_span rows, fml_span columns) {
    const fml_work *work = pool->work;
    pool->source = work->input + fml_element(&work->op->input.shape, row, column, work->tile.channel_begin);
    pool->rows = (uint16_t)(rows.end - rows.begin);
    pool->columns = (uint16_t)(columns.end - columns.begin);
}

static void place_window(fml_pool *pool) {
    const fml_op *op = pool->work->op;
    const fml_window *window = &op->window;
    const fml_shape *in = &op->input.shape;
    const int32_t row = fml_window_row(op, pool->pixels.row), column = fml_window_column(op, pool->pixels.column);
    const fml_span rows = fml_taps_inside(row, window->kernel_height, window->dilation_height, in->height);
    const fml_span columns = fml_taps_inside(column, window->kernel_width, window->dilation_width, in->width);
    pool->row_step = (uint32_t)in->width * in->channels * window->dilation_height;
    pool->column_step = (uint32_t)in->channels * window->dilation_width;
    place(pool, (uint32_t)(row + (int32_t)rows.begin * window->dilation_height),
          (uint32_t)(column + (int32_t)columns.begin * window->dilation_width), rows, columns);
}

static void place_adaptive(fml_pool *pool) {
    const fml_op *op = pool->work->op;
    const fml_shape *in = &op->input.shape;
    const fml_span rows = adaptive_span(pool->pixels.row, in->height, op->output.shape.height);
    const fml_span columns = adaptive_span(pool->pixels.column, in->width, op->output.shape.width);
    pool->row_step = (uint32_t)in->width * in->channels;
    pool->column_step = in->channels;
    place(pool, rows.begin, columns.begin, rows, columns);
}

bool fml_pool_next(fml_pool *pool) {
    const fml_work *work = pool->work;
    if (pool->pixels.left == 0) {
        return false;
    }
    if ((work->op->flags & FML_OP_FLAG_ADAPTIVE) != 0) {
        place_adaptive(pool);
    } else {
        place_window(pool);
    }
    pool->target = work->output + fml_element(&work->op->output.shape, pool->pixels.row, pool->pixels.column,
                                              work->tile.channel_begin);
    fml_pixels_advance(&pool->pixels);
    return true;
}
