#include "kernels.h"

static bool window_inside(const fml_op *op, const fml_pixel *pixel) {
    const fml_window *window = &op->window;
    return fml_axis_inside(fml_window_row(op, pixel->row), window->kernel_height, window->dilation_height,
                           op->input.shape.height) &&
           fml_axis_inside(fml_window_column(op, pixel->column), window->kernel_width, window->dilation_width,
                           op->input.shape.width);
}

/* index / pool, without a division (many cores have none) where nothing is pooled. */
static fml_index share(fml_index index, fml_index pool) {
    return pool == 1 ? index : index / pool;
}

static void place(fml_patches *patches, fml_index index, const fml_pixel *pixel, bool in_place) {
    const fml_work *work = patches->work;
    const fml_op *op = work->op;
    const fml_distance row = fml_window_row(op, pixel->row), column = fml_window_column(op, pixel->column);
    const fml_index tap = patches->channels, line = tap * op->window.kernel_width;
    patches->target[index] = work->output + fml_element(&op->space, share(pixel->row, op->window.pool_height),
                                                        share(pixel->column, op->window.pool_width), 0);
    if (in_place) {
        patches->steps = fml_window_steps(op);
        patches->source[index] =
            work->input + fml_element(&op->input.shape, (fml_index)row, (fml_index)column, patches->first_channel);
    } else {
        int8_t *const buffer = patches->buffer + index * patches->pitch;
        patches->steps.column = tap;
        patches->steps.row = line;
        patches->source[index] = buffer;
        fml_gather(patches, row, column, buffer);
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

void fml_patches_begin(fml_patches *patches, const fml_work *work, fml_index first_channel, fml_index channels) {
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
    const fml_pixel last = {(fml_index)op->space.height * window->pool_height - 1,
                            (fml_index)op->space.width * window->pool_width - 1};
    if (in_place && window->pad_top == 0 && window->pad_left == 0 && window_inside(op, &last)) {
        return 0;
    }
    return 2 * channels * window->kernel_height * window->kernel_width;
}
