#include "kernels.h"

/* Four at a time: compilers make one word of it where the core can load unaligned words. */
static int8_t *copy_bytes(int8_t *restrict to, const int8_t *restrict from, uint32_t count) {
    for (; count >= 4; count -= 4, to += 4, from += 4) {
        const int8_t a = from[0], b = from[1], c = from[2], d = from[3];
        to[0] = a;
        to[1] = b;
        to[2] = c;
        to[3] = d;
    }
    for (; count != 0; --count) {
        *to++ = *from++;
    }
    return to;
}

static int8_t *fill_bytes(int8_t *to, int8_t value, uint32_t count) {
    for (; count != 0; --count) {
        *to++ = value;
    }
    return to;
}

/* The window at (row, column) as bytes in (kernel row, kernel column, channel) order. Inside, a kernel row is one piece
 * where the input has it in one piece, else a piece per tap. */
static void gather(const fml_patches *patches, int32_t row, int32_t column, int8_t *to) {
    const fml_op *op = patches->work->op;
    const fml_window *window = &op->window;
    const fml_shape *shape = &op->input.shape;
    const int8_t zero = op->input.zero_point;
    const uint32_t tap = patches->channels, line = tap * window->kernel_width;
    const fml_span rows = fml_taps_inside(row, window->kernel_height, window->dilation_height, shape->height);
    const fml_span columns = fml_taps_inside(column, window->kernel_width, window->dilation_width, shape->width);
    const uint32_t before = columns.begin * tap, inside = (uint32_t)(columns.end - columns.begin) * tap;
    const uint32_t step = (uint32_t)window->dilation_width * shape->channels;
    const uint32_t piece = step == tap ? inside : tap;
    to = fill_bytes(to, zero, rows.begin * line);
    for (uint16_t i = rows.begin; i < rows.end; ++i) {
        const uint32_t y = (uint32_t)(row + (int32_t)i * window->dilation_height);
        const uint32_t x = (uint32_t)(column + (int32_t)columns.begin * window->dilation_width);
        const int8_t *from = patches->work->input + fml_element(shape, y, x, patches->first_channel);
        to = fill_bytes(to, zero, before);
        for (uint32_t done = 0; done < inside; done += piece, from += step) {
            to = copy_bytes(to, from, piece);
        }
        to = fill_bytes(to, zero, line - before - inside);
    }
    fill_bytes(to, zero, (uint32_t)(window->kernel_height - rows.end) * line);
}

static bool axis_inside(int32_t origin, uint16_t kernel, uint8_t dilation, uint16_t size) {
    return origin >= 0 && origin + (int32_t)(kernel - 1) * dilation < size;
}

static bool window_inside(const fml_op *op, int32_t row, int32_t column) {
    const fml_window *window = &op->window;
    return axis_inside(row, window->kernel_height, window->dilation_height, op->input.shape.height) &&
           axis_inside(column, window->kernel_width, window->dilation_width, op->input.shape.width);
}

bool fml_patches_next(fml_patches *patches) {
    const fml_work *work = patches->work;
    const fml_op *op = work->op;
    const fml_shape *shape = &op->input.shape;
    const uint32_t patch = (uint32_t)op->window.kernel_height * op->window.kernel_width * patches->channels;
    int32_t rows[2], columns[2];
    bool in_place = patches->in_place;
    uint8_t count = 0;
    for (; count < 2 && patches->pixels.left != 0; ++count) {
        const fml_pixels *pixels = &patches->pixels;
        rows[count] = fml_window_row(op, pixels->row);
        columns[count] = fml_window_column(op, pixels->column);
        in_place = in_place && window_inside(op, rows[count], columns[count]);
        patches->target[count] = work->output + fml_element(&op->output.shape, pixels->row, pixels->column, 0);
        fml_pixels_advance(&patches->pixels);
    }
    for (uint8_t i = 0; i < count; ++i) {
        if (in_place) {
            patches->source[i] =
                work->input + fml_element(shape, (uint32_t)rows[i], (uint32_t)columns[i], patches->first_channel);
        } else {
            int8_t *to = patches->buffer + i * patch;
            gather(patches, rows[i], columns[i], to);
            patches->source[i] = to;
        }
    }
    if (count == 1) {
        patches->source[1] = patches->source[0];
        patches->target[1] = patches->target[0];
    }
    patches->row_step = in_place ? (uint32_t)shape->width * shape->channels * op->window.dilation_height
                                 : (uint32_t)op->window.kernel_width * patches->channels;
    patches->column_step = in_place ? (uint32_t)shape->channels * op->window.dilation_width : patches->channels;
    patches->count = count;
    return count != 0;
}

uint32_t fml_patches_size(const fml_op *op, uint16_t channels, bool in_place) {
    const fml_shape *out = &op->output.shape;
    if (in_place && window_inside(op, fml_window_row(op, 0), fml_window_column(op, 0)) &&
        window_inside(op, fml_window_row(op, (uint16_t)(out->height - 1)),
                      fml_window_column(op, (uint16_t)(out->width - 1)))) {
        return 0;
    }
    return UINT32_C(2) * op->window.kernel_height * op->window.kernel_width * channels;
}
