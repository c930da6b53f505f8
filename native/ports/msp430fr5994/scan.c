#include "scan.h"

/* Of the row that begins at at.top, row_from and row_to. */
static void begin_row(scan *s) {
    s->at.left = s->first_left;
    s->at.from = s->row_from;
    s->at.to = s->row_to;
    s->columns = s->width;
    s->pool_column = s->work->op->window.pool_width;
    s->row_inside = (uint16_t)s->at.top < s->tops; /* negative: large */
}

static void judge(scan *s) {
    s->at.beside = (uint16_t)s->at.left < s->lefts;
    s->at.inside = s->row_inside && s->at.beside;
}

/* Places along an axis from which all taps lie inside. */
static uint16_t places(uint16_t size, uint16_t kernel, uint16_t dilation) {
    const uint16_t extent = (kernel - 1) * dilation;
    return size > extent ? size - extent : 0;
}

void scan_begin(scan *s, const fml_work *work, uint16_t first_channel) {
    const fml_op *op = work->op;
    const fml_window *window = &op->window;
    const fml_shape *shape = &op->input.shape;
    const fml_tile *tile = &work->tile;
    const uint16_t row = tile->row_begin * window->pool_height, column = tile->column_begin * window->pool_width;
    s->work = work;
    s->rows = (tile->row_end - tile->row_begin) * window->pool_height;
    s->width = (tile->column_end - tile->column_begin) * window->pool_width;
    s->column_step = window->stride_width * shape->channels;
    s->row_step = window->stride_height * shape->width * shape->channels;
    s->tops = places(shape->height, window->kernel_height, window->dilation_height);
    s->lefts = places(shape->width, window->kernel_width, window->dilation_width);
    s->at.top = fml_window_row(op, row);
    s->first_left = fml_window_column(op, column);
    s->row_from = work->input + fml_element(shape, (uint16_t)s->at.top, (uint16_t)s->first_left, first_channel);
    s->row_to = work->output + fml_element(&op->space, tile->row_begin, tile->column_begin, 0);
    s->pool_row = window->pool_height;
    begin_row(s);
    judge(s);
}

void scan_next(scan *s) {
    const fml_op *op = s->work->op;
    const fml_window *window = &op->window;
    if (--s->columns == 0) {
        s->rows--;
        s->at.top += window->stride_height;
        s->row_from += s->row_step;
        if (--s->pool_row == 0) {
            s->pool_row = window->pool_height;
            s->row_to += op->space.width * op->space.channels;
        }
        begin_row(s);
    } else {
        s->at.left += window->stride_width;
        s->at.from += s->column_step;
        if (--s->pool_column == 0) {
            s->pool_column = window->pool_width;
            s->at.to += op->space.channels;
        }
    }
    judge(s);
}
