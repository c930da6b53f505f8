#include "kernels.h"

/* Every step-th byte of `to` becomes one of the `count` >= 1 at `from`, or, where `move` is 0, that one. */
static FML_APART void spread(int8_t *to, fml_index step, const int8_t *from, fml_index move, fml_index count) {
    const int8_t *const end = to + count * step;
    for (; count % 4 != 0; --count, from += move, to += step) {
        *to = *from;
    }
    if (count != 0) {
        do {
            to[0] = from[0];
            to[step] = from[move];
            to[2 * step] = from[2 * move];
            to[3 * step] = from[3 * move];
            from += 4 * move;
            to += 4 * step;
        } while (to != end);
    }
}

/* Where possible a kernel row at a time. */
void fml_gather(const fml_patches *patches, fml_distance row, fml_distance first_column, int8_t *to) {
    const fml_op *op = patches->work->op;
    const fml_window *window = &op->window;
    const fml_shape *shape = &op->input.shape;
    const fml_index tap = patches->channels;
    const bool whole = tap == shape->channels && window->dilation_width == 1 &&
                       fml_axis_inside(first_column, window->kernel_width, 1, shape->width);
    const fml_index pieces = whole ? 1 : window->kernel_width;
    const fml_index piece = whole ? tap * window->kernel_width : tap, step = FML_ENCODINGS ? patches->step : 1;
    for (fml_index i = window->kernel_height; i != 0; --i, row += window->dilation_height) {
        fml_distance column = first_column;
        for (fml_index j = pieces; j != 0; --j, to += piece * step, column += window->dilation_width) {
            const bool inside =
                (fml_index)row < shape->height && (fml_index)column < shape->width; /* negative: large */
            const int8_t *const from =
                patches->work->input + fml_element(shape, (fml_index)row, (fml_index)column, patches->first_channel);
            if (step != 1) {
                spread(to, step, inside ? from : &op->input.zero_point, inside, piece);
            } else if (inside) {
                fml_copy((uint8_t *)to, (const uint8_t *)from, piece);
            } else {
                fml_fill(to, op->input.zero_point, piece);
            }
        }
    }
}
