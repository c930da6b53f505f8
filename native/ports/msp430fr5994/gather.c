#include "gather.h"

bool rows_are_pieces(const fml_op *op) {
    const fml_window *window = &op->window;
    return window->kernel_width == 1 ||
           (window->dilation_width == 1 && window->channels == op->input.shape.channels && window->groups == 1);
}

bool windows_are_pieces(const fml_op *op) {
    const fml_window *window = &op->window;
    const uint16_t line = window->channels * window->kernel_width;
    return rows_are_pieces(op) &&
           (window->kernel_height == 1 || (window->groups == 1 && fml_window_steps(op).row == line));
}

static bool overhangs(int16_t first, int16_t last, uint16_t kernel, uint16_t dilation, uint16_t size) {
    return first < 0 || !fml_axis_inside(last, kernel, dilation, size);
}

bool windows_are_gathered(const fml_op *op) {
    const fml_window *window = &op->window;
    const uint16_t last_row = op->space.height * window->pool_height - 1,
                   last_column = op->space.width * window->pool_width - 1;
    return !windows_are_pieces(op) ||
           overhangs(fml_window_row(op, 0), fml_window_row(op, last_row), window->kernel_height,
                     window->dilation_height, op->input.shape.height) ||
           overhangs(fml_window_column(op, 0), fml_window_column(op, last_column), window->kernel_width,
                     window->dilation_width, op->input.shape.width);
}

/* Taps of an axis that lie in the input. */
typedef struct span {
    uint16_t begin, end;
} span;

static span inside(int16_t origin, uint16_t kernel, uint16_t dilation, uint16_t size) {
    span taps = {0, kernel};
    uint16_t at = (uint16_t)origin; /* before the input: more than any size */
    if (dilation == 1) {
        taps.begin = origin < 0 ? 0 - at : 0;
        taps.end = kernel < (uint16_t)(size - at) ? kernel : size - at;
        return taps;
    }
    for (; taps.begin < kernel && at >= size; taps.begin++) {
        at += dilation;
    }
    for (taps.end = taps.begin; taps.end < kernel && at < size; taps.end++) {
        at += dilation;
    }
    return taps;
}

void gather_window(const window_of *which, int16_t top, int16_t left, int8_t *to, uint16_t step) {
    const fml_op *op = which->work->op;
    const fml_window *window = &op->window;
    const fml_shape *shape = &op->input.shape;
    const fml_steps steps = fml_window_steps(op);
    const uint16_t tap = which->channels, kernel = window->kernel_width, dilation = window->dilation_width;
    const span columns = inside(left, kernel, dilation, shape->width);
    row_copies copies = {.from = which->work->input + columns.begin * steps.column +
                                 fml_element(shape, (uint16_t)top, (uint16_t)left, which->first_channel),
                         .to = to,
                         .rows = window->kernel_height,
                         .row = (uint16_t)top,
                         .height = shape->height,
                         .dilation = window->dilation_height,
                         .from_step = steps.row,
                         .to_step = step,
                         .zero_point = (uint8_t)op->input.zero_point};
    if (steps.column == tap) { /* a kernel row is one piece */
        copies.before = columns.begin * tap;
        copies.bytes = (columns.end - columns.begin) * tap;
        copies.after = (kernel - columns.end) * tap;
        copy_rows(&copies);
        return;
    }
    copies.to_gap = (kernel - 1) * tap * step;
    copies.from -= columns.begin * steps.column;
    for (uint16_t column = 0; column < kernel; column++) {
        const bool is_inside = column >= columns.begin && column < columns.end;
        copies.before = is_inside ? 0 : tap;
        copies.bytes = is_inside ? tap : 0;
        copies.after = 0;
        copy_rows(&copies);
        copies.from += steps.column;
        copies.to += tap * step;
    }
}

const int8_t *window_values(const window_of *window, const window_at *at) {
    if (at->inside && window->pieces) {
        return at->from;
    }
    gather_window(window, at->top, at->left, window->buffer, 1);
    return window->buffer;
}

void fml_gather(const fml_patches *patches, fml_distance row, fml_distance first_column, int8_t *to) {
    const window_of window = {patches->work, patches->first_channel, patches->channels, false, NULL};
    gather_window(&window, row, first_column, to, 1);
}
