#include "kernels.h"

/* Taps of an axis that lie in the input. */
typedef struct span {
    fml_index begin, end;
} span;

static span inside(fml_distance origin, fml_index kernel, fml_index dilation, fml_index size) {
    span taps = {0, 0};
    if (FML_FAST && dilation == 1) {
        const fml_distance begin = origin < 0 ? -origin : 0, left = (fml_distance)size - origin;
        const fml_distance end = left < (fml_distance)kernel ? left : (fml_distance)kernel;
        if (begin < end) {
            taps.begin = (fml_index)begin;
            taps.end = (fml_index)end;
        }
        return taps;
    }
    fml_index at = (fml_index)origin;
    for (fml_index tap = 1; tap <= kernel; ++tap, at += dilation) {
        if (at < size) { /* before the input it is large */
            taps.begin = taps.end == 0 ? tap - 1 : taps.begin;
            taps.end = tap;
        }
    }
    return taps;
}

/* What becomes a row of a window: zero points, bytes of the input, zero points. */
typedef struct pieces {
    fml_index before, bytes, after;
    fml_index step; /* in the input, from row to row */
    span rows;      /* the others are zero points */
    int8_t zero_point;
} pieces;

static FML_INLINED int8_t *put_zeros(int8_t *to, int8_t zero_point, fml_index count) {
    for (; count != 0; --count) {
        *to++ = zero_point;
    }
    return to;
}

/* Rows of a window, most of which have few bytes. */
static void put_rows(int8_t *to, const int8_t *from, fml_index rows, const pieces *p) {
    const int8_t zero_point = p->zero_point;
    for (fml_index row = 0; row != rows; ++row) {
        if (row < p->rows.begin || row >= p->rows.end) {
            to = put_zeros(to, zero_point, p->before + p->bytes + p->after);
            continue;
        }
        to = put_zeros(to, zero_point, p->before);
        if (p->bytes > 8) {
            fml_copy((uint8_t *)to, (const uint8_t *)from, p->bytes);
            to += p->bytes;
        } else {
            for (fml_index i = 0; i != p->bytes; ++i) {
                *to++ = from[i];
            }
        }
        to = put_zeros(to, zero_point, p->after);
        from += p->step;
    }
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
    const fml_index first = fml_element(shape, (fml_index)row, (fml_index)first_column, patches->first_channel) +
                            rows.begin * steps.row + columns.begin * steps.column;
    const int8_t *from = patches->work->input + first;
    if (FML_FAST && together == wide) {
        const fml_index before = columns.begin * tap, bytes = wide * tap;
        const pieces p = {before, bytes, line - before - bytes, steps.row, rows, op->input.zero_point};
        put_rows(to, from, window->kernel_height, &p);
        return;
    }
    if (high * wide != (fml_index)window->kernel_height * window->kernel_width) {
        fml_fill(to, op->input.zero_point, line * window->kernel_height);
    }
    to += rows.begin * line + columns.begin * tap;
    for (fml_index i = high; i != 0; --i, from += steps.row, to += line) {
        for (fml_index column = 0; column < wide; column += together) {
            fml_copy((uint8_t *)to + column * tap, (const uint8_t *)from + column * steps.column, together * tap);
        }
    }
}
