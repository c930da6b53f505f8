#include "kernels.h"

/* Origins, from 0 on, of windows along an axis that lie in the input. */
static fml_index origins(fml_index kernel, fml_index dilation, fml_index size) {
    const fml_index reach = (kernel - 1) * dilation;
    return size > reach ? size - reach : 0;
}

/* First row and column of a window. */
typedef struct origin {
    fml_distance row, column;
} origin;

static origin origin_of(const fml_op *op, const fml_pixel *pixel) {
    const origin at = {fml_window_row(op, pixel->row), fml_window_column(op, pixel->column)};
    return at;
}

static bool is_inside(const fml_patches *patches, const origin *at) {
    return (fml_index)at->row < patches->rows_inside && (fml_index)at->column < patches->columns_inside;
}

static void place(fml_patches *patches, fml_index index, const fml_pixel *pixel, const origin *at, bool in_place) {
    const fml_work *work = patches->work;
    const fml_op *op = work->op;
    patches->target[index] = work->output + fml_element(&op->space, fml_pooled(pixel->row, op->window.pool_height),
                                                        fml_pooled(pixel->column, op->window.pool_width), 0);
    if (in_place) {
        patches->source[index] = work->input + fml_element(&op->input.shape, (fml_index)at->row, (fml_index)at->column,
                                                           patches->first_channel);
    } else {
        int8_t *const buffer =
            patches->buffer + index * patches->channels * op->window.kernel_height * op->window.kernel_width;
        patches->source[index] = buffer;
        fml_gather(patches, at->row, at->column, buffer);
    }
}

/* The pair beside the one before, which was read where it lies, if there is one that can be, too. */
static bool go_on(fml_patches *patches) {
    fml_pixels *const pixels = &patches->pixels;
    const fml_index column = pixels->at.column, end = pixels->column_end;
    patches->column += patches->column_move;
    if (column == pixels->column_begin || end - column < 2 || patches->column >= patches->columns_inside) {
        return false;
    }
    for (int i = 0; i < 2; ++i) {
        patches->source[i] += patches->source_move;
        patches->target[i] += patches->target_move;
    }
    pixels->at.column = column + 2;
    if (column + 2 == end) {
        pixels->at.column = pixels->column_begin;
        ++pixels->at.row;
    }
    return true;
}

bool fml_patches_next(fml_patches *patches) {
    const fml_op *op = patches->work->op;
    fml_pixels *const pixels = &patches->pixels;
    if (FML_FAST && patches->goes_on && go_on(patches)) {
        return true;
    }
    if (!fml_pixels_left(pixels)) {
        return false;
    }
    const fml_pixel first = pixels->at;
    fml_pixels_advance(pixels);
    patches->paired = fml_pixels_left(pixels);
    const fml_pixel second = patches->paired ? pixels->at : first;
    const origin at[2] = {origin_of(op, &first), origin_of(op, &second)};
    const bool in_place = patches->in_place && is_inside(patches, &at[0]) && is_inside(patches, &at[1]);
    if (in_place) {
        patches->steps = fml_window_steps(op);
    } else {
        patches->steps.column = patches->channels;
        patches->steps.row = patches->channels * op->window.kernel_width;
    }
    place(patches, 0, &first, &at[0], in_place);
    place(patches, 1, &second, &at[1], in_place);
    if (FML_FAST) {
        patches->goes_on = in_place && first.row == second.row && op->window.pool_width <= 2;
        patches->column = (fml_index)at[1].column;
    }
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
    patches->pools = fml_op_pools(work->op);
    patches->rows_inside = origins(window->kernel_height, window->dilation_height, work->op->input.shape.height);
    patches->columns_inside = origins(window->kernel_width, window->dilation_width, work->op->input.shape.width);
    if (FML_FAST) {
        const fml_op *op = work->op;
        patches->goes_on = false;
        patches->column_move = 2 * (fml_index)window->stride_width;
        patches->source_move = patches->column_move * op->input.shape.channels;
        patches->target_move = (window->pool_width == 1 ? 2 : 1) * (fml_index)op->space.channels;
    }
    *pixels = fml_pixels_of(&work->tile);
    pixels->at.row *= window->pool_height;
    pixels->row_end *= window->pool_height;
    pixels->at.column = pixels->column_begin *= window->pool_width;
    pixels->column_end *= window->pool_width;
}

/* Whether all windows of an axis that `count` pixels have lie in the input. */
static bool all_inside(fml_index pad, fml_index count, fml_index stride, fml_index origins_inside) {
    return pad == 0 && (count - 1) * stride < origins_inside;
}

uint32_t fml_patches_size(const fml_op *op, uint32_t channels, bool in_place) {
    const fml_window *window = &op->window;
    const fml_shape *input = &op->input.shape;
    if (in_place &&
        all_inside(window->pad_top, (fml_index)op->space.height * window->pool_height, window->stride_height,
                   origins(window->kernel_height, window->dilation_height, input->height)) &&
        all_inside(window->pad_left, (fml_index)op->space.width * window->pool_width, window->stride_width,
                   origins(window->kernel_width, window->dilation_width, input->width))) {
        return 0;
    }
    return 2 * channels * window->kernel_height * window->kernel_width;
}
