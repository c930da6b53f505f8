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
static void gather(const fml_patches *patches, int32_t row, int32_t column, uint8_t *to) {
    const fml_op *op = patches->work->op;
    const fml_window *window = &op->window;
    const fml_shape *shape = &op->input.shape;
    const fml_span rows = fml_taps_inside(row, window->kernel_height, window->dilation_height, shape->height);
    const fml_span columns = fml_taps_inside(column, window->kernel_width, window->dilation_width, shape->width);
    const uint8_t zero = (uint8_t)op->input.zero_point;
    const uint32_t tap = patches->channels, line = tap * window->kernel_width;
    const uint32_t before = columns.begin * tap, used = (uint32_t)(columns.end - columns.begin) * tap;
    const uint32_t piece = patches->input_steps.column == tap ? used : tap;
    const uint8_t *from =
        (const uint8_t *)patches->work->input +
        fml_element(shape, (uint32_t)(row + rows.begin * window->dilation_height),
                    (uint32_t)(column + columns.begin * window->dilation_width), patches->first_channel);
    to = fill_bytes(to, zero, rows.begin * line);
    for (uint16_t i = rows.begin; i < rows.end; ++i, from += patches->input_steps.row) {
        const uint8_t *at = from;
        to = fill_bytes(to, zero, before);
        for (uint32_t done = 0; done < used; done += piece, at += patches->input_steps.column) {
            to = copy_bytes(to, at, piece);
        }
        to = fill_bytes(to, zero, line - before - used);
    }
    fill_bytes(to, zero, (uint32_t)(window->kernel_height - rows.end) * line);
}

/* What the next pixel's window reads, gathered to `buffer` where need be. */
static void place(fml_patches *patches, fml_patch *patch, int8_t *buffer) {
    const fml_work *work = patches->work;
    const fml_op *op = work->op;
    const int32_t row = fml_window_row(op, patches->pixels.row), column = fml_window_column(op, patches->pixels.column);
    patch->target = work->output + fml_element(&op->output.shape, patches->pixels.row, patches->pixels.column, 0);
    if (patches->in_place && window_inside(op, row, column)) {
        patch->source =
            work->input + fml_element(&op->input.shape, (uint32_t)row, (uint32_t)column, patches->first_channel);
        patch->steps = patches->input_steps;
    } else {
        gather(patches, row, column, (uint8_t *)buffer);
        patch->source = buffer;
        patch->steps.row = (uint32_t)op->window.kernel_width * patches->channels;
        patch->steps.column = patches->channels;
    }
    fml_pixels_advance(&patches->pixels);
}

bool fml_patches_next(fml_patches *patches) {
    if (patches->pixels.left == 0) {
        return false;
    }
    place(patches, &patches->patch[0], patches->buffer);
    patches->paired = patches->pixels.left != 0;
    if (patches->paired) {
        place(patches, &patches->patch[1], patches->buffer + patches->patch_size);
    } else {
        patches->patch[1] = patches->patch[0];
    }
    return true;
}

void fml_patches_begin(fml_patches *patches, const fml_work *work, uint16_t first_channel, uint16_t channels) {
    patches->work = work;
    patches->first_channel = first_channel;
    patches->channels = channels;
    patches->patch_size = (uint32_t)work->op->window.kernel_height * work->op->window.kernel_width * channels;
    patches->input_steps = fml_window_steps(work->op);
    patches->pixels = fml_pixels_of(&work->tile);
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
