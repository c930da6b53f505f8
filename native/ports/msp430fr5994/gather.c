/* Windows are clipped once; the bytes inside are then copied without a test (rows.S). */
#include "kernels/kernels.h"
#include "rows.h"

void *memset(void *to, int value, unsigned size);

/* Taps of an axis that lie in the input. */
typedef struct span {
    uint16_t begin, end;
} span;

static span inside(int16_t origin, uint16_t kernel, uint16_t dilation, uint16_t size) {
    span taps = {0, kernel};
    uint16_t at = (uint16_t)origin; /* before the input: more than any size */
    for (; taps.begin < kernel && at >= size; taps.begin++) {
        at += dilation;
    }
    for (taps.end = taps.begin; taps.end < kernel && at < size; taps.end++) {
        at += dilation;
    }
    return taps;
}

/* A window that the border cuts. steps: of the input. */
static FML_APART void gather_clipped(const fml_patches *patches, int16_t row, int16_t first_column, int8_t *to,
                                     const fml_steps *steps) {
    const fml_op *op = patches->work->op;
    const fml_window *window = &op->window;
    const fml_shape *shape = &op->input.shape;
    const uint16_t tap = patches->steps.column, line = patches->steps.row;
    const span rows = inside(row, window->kernel_height, window->dilation_height, shape->height);
    const span columns = inside(first_column, window->kernel_width, window->dilation_width, shape->width);
    const bool whole = steps->column == tap;
    const uint16_t wide = columns.end - columns.begin, first = whole ? wide : 1;
    row_copies copies = {.bytes = first * tap, .rows = rows.end - rows.begin, .from_step = steps->row, .to_step = line};
    copies.from = (const uint8_t *)patches->work->input + rows.begin * steps->row + columns.begin * steps->column +
                  fml_element(shape, (uint16_t)row, (uint16_t)first_column, patches->first_channel);
    copies.to = (uint8_t *)to + rows.begin * line + columns.begin * tap;
    memset(to, op->input.zero_point, line * window->kernel_height);
    for (uint16_t column = 0; column < wide && copies.rows != 0; column += first) {
        copy_rows(&copies);
        copies.from += steps->column;
        copies.to += tap;
    }
}

/* As encoded weights want it: a byte here and there. */
static FML_APART void gather_apart(const fml_patches *patches, int16_t row, int16_t first_column, int8_t *to,
                                   const fml_steps *steps) {
    const fml_op *op = patches->work->op;
    const fml_shape *shape = &op->input.shape;
    for (uint16_t i = op->window.kernel_height; i != 0; i--, row += op->window.dilation_height) {
        int16_t column = first_column;
        const int8_t *from =
            patches->work->input + fml_element(shape, (uint16_t)row, (uint16_t)column, patches->first_channel);
        for (uint16_t j = op->window.kernel_width; j != 0; j--, column += op->window.dilation_width) {
            const bool is_inside = (uint16_t)row < shape->height && (uint16_t)column < shape->width;
            for (uint16_t k = 0; k < patches->channels; k++, to += patches->step) {
                *to = is_inside ? from[k] : op->input.zero_point;
            }
            from += steps->column;
        }
    }
}

void fml_gather(const fml_patches *patches, fml_distance row, fml_distance first_column, int8_t *to) {
    const fml_op *op = patches->work->op;
    const fml_window *window = &op->window;
    const fml_shape *shape = &op->input.shape;
    const fml_steps steps = fml_window_steps(op);
    if (patches->step != 1) {
        gather_apart(patches, row, first_column, to, &steps);
        return;
    }
    if (steps.column != patches->steps.column ||
        !fml_axis_inside(row, window->kernel_height, window->dilation_height, shape->height) ||
        !fml_axis_inside(first_column, window->kernel_width, window->dilation_width, shape->width)) {
        gather_clipped(patches, row, first_column, to, &steps);
        return;
    }
    const int8_t *from = patches->work->input + fml_element(shape, (uint16_t)row, (uint16_t)first_column, 0);
    const uint16_t line = patches->steps.row;
    const row_copies copies = {(const uint8_t *)from, (uint8_t *)to, line, window->kernel_height, steps.row, line};
    copy_rows(&copies);
}
