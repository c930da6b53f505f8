#include "kernels.h"

static void copy_line(const fml_work *work, const fml_range *range, uint32_t from, uint32_t to) {
    const fml_view *view = &work->op->view;
    for (uint16_t k = work->tile.channel_begin; k < work->tile.channel_end; ++k) {
        const int8_t value = work->input[from];
        work->output[to] = work->lookup != NULL ? (int8_t)work->lookup[value + 128] : fml_clamp(value, range);
        from += (uint32_t)view->source.depth;
        to += (uint32_t)view->destination.depth;
    }
}

void fml_kernel_copy(const fml_work *work) {
    const fml_view *view = &work->op->view;
    const fml_range range = fml_output_range(work->op);
    const uint16_t depth = work->tile.channel_begin;
    for (fml_pixels at = fml_pixels_of(&work->tile); at.left != 0; fml_pixels_advance(&at)) {
        copy_line(work, &range, fml_view_element(&view->source, at.row, at.column, depth),
                  fml_view_element(&view->destination, at.row, at.column, depth));
    }
}
