#include "kernels.h"

static bool axis_inside(int32_t origin, uint16_t kernel, uint8_t dilation, uint16_t size) {
    return origin >= 0 && origin + (int32_t)(kernel - 1) * dilation < size;
}

static bool window_inside(const fml_op *op, int32_t row, int32_t column) {
    const fml_window *window = &op->window;
    return axis_inside(row, window->kernel_height, window->dilation_height, op->input.shape.height) &&
           axis_inside(column, window->kernel_width, window->dilation_width, op->input.shape.width);
}

/* Four at a time: compilers make one word of it where the core can load unaligned words. */
static uint8_t *copy_bytes(uint8_t *restrict to, const uint8_t *restrict from, uint32_t count) {
    for (; count >= 4; count -= 4, to += 4, from += 4) {
        const uint8_t a = from[0], b = from[1], c = from[2], d = from[3];
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

static uint8_t *fill_bytes(uint8_t *to, uint8_t value, uint32_t count) {
    for (; count != 0; --count) {
        *to++ = value;
    }
    return to;
}

/* The window at (row, column) as bytes in (kernel row, kernel column, channel) order. Inside, a kernel row is one piece
 * where the input has it in one piece, else a piece per tap. */
static void gather(const fml_patches *patches, int32_t row, int32_t column, bool inside, uint8_t *to) {
    const fml_op *op = patches->work->op;
    const fml_window *window = &op->window;
    const fml_shape *shape = &op->input.shape;
    const uint8_t zero = (uint8_t)op->input.zero_point;
    const uint32_t tap = patches->channels, line = tap * window->kernel_width;
    const uint32_t step = (uint32_t)window->dilation_width * shape->channels;
    const uint32_t row_step = (uint32_t)window->dilation_height * shape->width * shape->channels;
    fml_span rows = {0, window->kernel_height}, columns = {0, window->kernel_width};
    if (!inside) {
        rows = fml_taps_inside(row, window->kernel_height, window->dilation_height, shape->height);
        columns = fml_taps_inside(column, window->kernel_width, window->dilation_width, shape->width);
        row += (int32_t)rows.begin * window->dilation_height;
        column += (int32_t)columns.begin * window->dilation_width;
    }
    const uint32_t before = columns.begin * tap, used = (uint32_t)(columns.end - columns.begin) * tap;
    const uint32_t piece = step == tap ? used : tap;
    const uint8_t *from = (const uint8_t *)patches->work->input +
                          fml_element(shape, (uint32_t)row, (uint32_t)column, patches->first_channel);
    to = fill_bytes(to, zero, rows.begin * line);
    for (uint16_t i = rows.begin; i < rows.end; ++i, from += row_step) {
        const uint8_t *at = from;
        to = fill_bytes(to, zero, before);
        for (uint32_t done = 0; done < used; done += piece, at += step) {
            to = copy_bytes(to, at, piece);
        }
        to = fill_bytes(to, zero, line - before - used);
    }
    fill_bytes(to, zero, (uint32_t)(window->kernel_height - rows.end) * line);
}

bool fml_patches_next(fml_patches *patches) {
    const fml_work *work = patches->work;
    const fml_op *op = work->op;
    const fml_shape *shape = &op->input.shape;
    const uint32_t patch = (uint32_t)op->window.kernel_height * op->window.kernel_width * patches->channels;
    int32_t rows[2], columns[2];
    bool in_place = patches->in_place, inside[2];
    uint8_t count = 0;
    for (; count < 2 && patches->pixels.left != 0; ++count) {
        const fml_pixels *pixels = &patches->pixels;
        rows[count] = fml_window_row(op, pixels->row);
        columns[count] = fml_window_column(op, pixels->column);
        inside[count] = window_inside(op, rows[count], columns[count]);
        in_place = in_place && inside[count];
        patches->target[count] = work->output + fml_element(&op->output.shape, pixels->row, pixels->column, 0);
        fml_pixels_advance(&patches->pixels);
    }
    for (uint8_t i = 0; i < count; ++i) {
        if (in_place) {
            patches->source[i] =
                work->input + fml_element(shape, (uint32_t)rows[i], (uint32_t)columns[i], patches->first_channel);
        } else {
            uint8_t *to = (uint8_t *)patches->buffer + i * patch;
            gather(patches, rows[i], columns[i], inside[i], to);
            patches->source[i] = (int8_t *)to;
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
