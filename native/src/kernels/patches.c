#include "kernels.h"

static bool axis_inside(int32_t origin, uint32_t kernel, uint32_t dilation, uint32_t size) {
    return origin >= 0 && (uint32_t)origin + (kernel - 1) * dilation < size;
}

static bool window_inside(const fml_op *op, const fml_pixel *pixel) {
    const fml_window *window = &op->window;
    return axis_inside(fml_window_row(op, pixel->row), window->kernel_height, window->dilation_height,
                       op->input.shape.height) &&
           axis_inside(fml_window_column(op, pixel->column), window->kernel_width, window->dilation_width,
                       op->input.shape.width);
}

/* Every fourth byte of `to` becomes one of the `count` >= 1 at `from`, or, where `move` is 0, that one. */
static FML_APART void spread(int8_t *to, const int8_t *from, uint32_t move, uint32_t count) {
    const int8_t *const end = to + count * FML_ENCODED_PIXELS;
    do {
        *to = *from;
        from += move;
        to += FML_ENCODED_PIXELS;
    } while (to != end);
}

/* The window at (row, first_column) as bytes in (kernel row, kernel column, channel) order, where possible a kernel row
 * at a time. */
static FML_APART void gather(const fml_patches *patches, int32_t row, int32_t first_column, int8_t *to) {
    const fml_op *op = patches->work->op;
    const fml_window *window = &op->window;
    const fml_shape *shape = &op->input.shape;
    const uint32_t tap = patches->channels;
    const bool whole = tap == shape->channels && window->dilation_width == 1 &&
                       axis_inside(first_column, window->kernel_width, 1, shape->width);
    const uint32_t pieces = whole ? 1 : window->kernel_width;
    const uint32_t piece = whole ? tap * window->kernel_width : tap, step = FML_ENCODINGS ? patches->step : 1;
    for (uint32_t i = window->kernel_height; i != 0; --i, row += window->dilation_height) {
        int32_t column = first_column;
        for (uint32_t j = pieces; j != 0; --j, to += piece * step, column += window->dilation_width) {
            const bool inside = (uint32_t)row < shape->height && (uint32_t)column < shape->width; /* negative: large */
            const int8_t *const from =
                patches->work->input + fml_element(shape, (uint32_t)row, (uint32_t)column, patches->first_channel);
            if (step != 1) {
                spread(to, inside ? from : &op->input.zero_point, inside, piece);
            } else if (inside) {
                fml_copy((uint8_t *)to, (const uint8_t *)from, piece);
            } else {
                fml_fill(to, op->input.zero_point, piece);
            }
        }
    }
}

/* index / pool, without a division (many cores have none) where nothing is pooled. */
static uint32_t share(uint32_t index, uint32_t pool) {
    return pool == 1 ? index : index / pool;
}

static void place(fml_patches *patches, uint32_t index, const fml_pixel *pixel, bool in_place) {
    const fml_work *work = patches->work;
    const fml_op *op = work->op;
    const int32_t row = fml_window_row(op, pixel->row), column = fml_window_column(op, pixel->column);
    const uint32_t tap = patches->channels, line = tap * op->window.kernel_width;
    patches->target[index] = work->output + fml_element(&op->space, share(pixel->row, op->window.pool_height),
                                                        share(pixel->column, op->window.pool_width), 0);
    if (in_place) {
        patches->steps = fml_window_steps(op);
        patches->source[index] =
            work->input + fml_element(&op->input.shape, (uint32_t)row, (uint32_t)column, patches->first_channel);
    } else {
        int8_t *const buffer = patches->buffer + index * patches->pitch;
        patches->steps.column = tap;
        patches->steps.row = line;
        patches->source[index] = buffer;
        gather(patches, row, column, buffer);
    }
}

bool fml_patches_next(fml_patches *patches) {
    const fml_op *op = patches->work->op;
    fml_pixels *const pixels = &patches->pixels;
    if (!fml_pixels_left(pixels)) {
        return false;
    }
    const fml_pixel first = pixels->at;
    fml_pixels_advance(pixels);
    patches->paired = fml_pixels_left(pixels);
    const fml_pixel second = patches->paired ? pixels->at : first;
    const bool in_place = patches->in_place && window_inside(op, &first) && window_inside(op, &second);
    place(patches, 0, &first, in_place);
    place(patches, 1, &second, in_place);
    if (patches->paired) {
        fml_pixels_advance(pixels);
    }
    return true;
}

void fml_patches_begin(fml_patches *patches, const fml_work *work, uint32_t first_channel, uint32_t channels) {
    const fml_window *window = &work->op->window;
    fml_pixels *const pixels = &patches->pixels;
    patches->work = work;
    patches->first_channel = first_channel;
    patches->channels = channels;
    patches->step = 1;
    patches->pitch = channels * window->kernel_height * window->kernel_width;
    patches->pools = fml_op_pools(work->op);
    *pixels = fml_pixels_of(&work->tile);
    pixels->at.row *= window->pool_height;
    pixels->row_end *= window->pool_height;
    pixels->at.column = pixels->column_begin *= window->pool_width;
    pixels->column_end *= window->pool_width;
}

uint32_t fml_patches_size(const fml_op *op, uint32_t channels, bool in_place) {
    const fml_window *window = &op->window;
    const fml_pixel last = {(uint32_t)op->space.height * window->pool_height - 1,
                            (uint32_t)op->space.width * window->pool_width - 1};
    if (in_place && window->pad_top == 0 && window->pad_left == 0 && window_inside(op, &last)) {
        return 0;
    }
    return 2 * channels * window->kernel_height * window->kernel_width;
}
