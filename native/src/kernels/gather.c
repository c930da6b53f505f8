#include "kernels.h"

/* Taps of an axis that lie in the input. */
typedef struct span {
    fml_index begin, end;
} span;

static span inside(fml_distance origin, fml_index kernel, fml_index dilation, fml_index size) {
    span taps = {0, 0};
    fml_index at = (fml_index)origin;
    for (fml_index tap = 1; tap <= kernel; ++tap, at += dilation) {
        if (at < size) { /* before the input it is large */
            taps.begin = taps.end == 0 ? tap - 1 : taps.begin;
            taps.end = tap;
        }
    }
    return taps;
}

/* A window that the border cuts is filled with zero points first. Columns that lie side by side are copied together. */
void fml_gather(const fml_patches *patches, fml_distance row, fml_distance first_column, int8_t *to) {
    const fml_op *op = patches->work->op;
    const fml_window *window = &op->window;
    const fml_shape *shape = &op->input.shape;
    const fml_steps steps = fml_window_steps(op);
    const fml_index tap = patches->channels, line = tap * window->kernel_width;
    const span rows = inside(row, window->kernel_height, window->dilation_height, shape->height);
    const span columns = inside(first_column, window->kernel_width, window->dilation_width, shape->width);
    const fml_index high = rows.end - rows.begin, wide = columns.end - columns.begin;
    const fml_index together = steps.column == tap ? wide : 1;
    if (high * wide != (fml_index)window->kernel_height * window->kernel_width) {
        fml_fill(to, op->input.zero_point, line * window->kernel_height);
    }
    const fml_index first = fml_element(shape, (fml_index)row, (fml_index)first_column, patches->first_channel) +
                            rows.begin * steps.row + columns.begin * steps.column;
    const int8_t *from = patches->work->input + first;
    to += rows.begin * line + columns.begin * tap;
    for (fml_index i = high; i != 0; --i, from += steps.row, to += line) {
        for (fml_index column = 0; column < wide; column += together) {
            fml_copy((uint8_t *)to + column * tap, (const uint8_t *)from + column * steps.column, together * tap);
        }
    }
}
