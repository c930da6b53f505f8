/* Windows of some pixels for encoded weights: the bytes of two pixels in a word, and the words of a tap side by side.
 */
#include "encoded.h"

void fml_windows_begin(fml_windows *windows, const fml_patches *patches, uint32_t pairs, uint32_t each) {
    const fml_work *work = patches->work;
    windows->work = work;
    windows->patches = patches;
    windows->taps = fml_op_taps(work->op);
    windows->words = (uint32_t *)(void *)patches->buffer;
    windows->outside = (int8_t *)(windows->words + pairs * windows->taps);
    windows->pairs = pairs;
    windows->each = each;
    fml_fill(windows->outside, work->op->input.zero_point, patches->channels);
}

uint32_t fml_windows_size(const fml_op *op, uint32_t pairs) {
    return 4 * pairs * fml_op_taps(op) + op->window.channels;
}

void fml_windows_set(fml_windows *windows, uint32_t index, const fml_pixel *at) {
    const fml_op *op = windows->work->op;
    fml_origin *const origin = windows->origins + index;
    origin->row = (fml_index)fml_window_row(op, at->row);
    origin->column = (fml_index)fml_window_column(op, at->column);
    origin->element = fml_element(&op->input.shape, origin->row, origin->column, windows->patches->first_channel);
}

#define TWO_PAIRS()                                                                                                    \
    do {                                                                                                               \
        int32_t a, b;                                                                                                  \
        FML_TAKE_BYTE(a, x0);                                                                                          \
        FML_TAKE_BYTE(b, x1);                                                                                          \
        const uint32_t first = ((uint32_t)b << FML_PAIR_SHIFT) + (uint32_t)a;                                          \
        FML_TAKE_BYTE(a, x2);                                                                                          \
        FML_TAKE_BYTE(b, x3);                                                                                          \
        to[0] = first;                                                                                                 \
        to[1] = ((uint32_t)b << FML_PAIR_SHIFT) + (uint32_t)a;                                                         \
        to += step;                                                                                                    \
        FML_KEEP(to);                                                                                                  \
    } while (0)

/* The pairs of four pixels, `count` bytes from x[0] and x[1], x[2] and x[3] on; every `step` words two of them. */
static FML_APART void pack(const int8_t *const *x, uint32_t *to, uint32_t step, fml_index count) {
    const int8_t *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3], *const end = x0 + count;
    if (count % 2 != 0) {
        TWO_PAIRS();
    }
    while (x0 != end) {
        TWO_PAIRS();
        TWO_PAIRS();
    }
}

/* Four windows. Where all are inside the input, and a kernel row is one piece of memory, it is done in one go. */
static FML_APART void pack_four(const fml_windows *windows, const fml_origin *origins, uint32_t *to) {
    const fml_patches *const patches = windows->patches;
    const fml_work *work = windows->work;
    const fml_window *window = &work->op->window;
    const fml_shape *shape = &work->op->input.shape;
    const fml_steps steps = fml_window_steps(work->op);
    const uint32_t step = windows->each;
    fml_index together = patches->in_place ? window->kernel_width : 1;
    for (uint32_t i = 0; i < 4; ++i) {
        if (origins[i].row >= patches->rows_inside || origins[i].column >= patches->columns_inside) {
            together = 1;
        }
    }
    const fml_index count = together * patches->channels;
    for (fml_index row = 0, i = 0; i < window->kernel_height; ++i, row += window->dilation_height) {
        for (fml_index column = 0, j = 0; j < window->kernel_width; j += together, column += window->dilation_width) {
            const int8_t *x[4];
            const int8_t *const tap = work->input + i * steps.row + j * steps.column;
            for (uint32_t pixel = 0; pixel < 4; ++pixel) {
                const fml_origin *const origin = origins + pixel;
                const bool inside = (fml_index)(origin->row + row) < shape->height &&
                                    (fml_index)(origin->column + column) < shape->width;
                x[pixel] = inside ? tap + (fml_distance)origin->element : windows->outside;
            }
            pack(x, to, step, count);
            to += count * step;
        }
    }
}

void fml_windows_pack(const fml_windows *windows) {
    const uint32_t apart = windows->each == 4 ? 2 : 2 * windows->taps;
    pack_four(windows, windows->origins, windows->words);
    if (windows->pairs == 4) {
        pack_four(windows, windows->origins + 4, windows->words + apart);
    }
}
