#include "strided.h"
#include "kernels/kernels.h"

/* The low bits of a place do, as everything lies below 64 KB. */
static uint16_t element(const fml_strides *strides, uint16_t row, uint16_t column, uint16_t depth) {
    return (uint16_t)((uint16_t)strides->offset + row * (uint16_t)strides->row + column * (uint16_t)strides->column +
                      depth * (uint16_t)strides->depth);
}

/* Runs go along the depth, or, where that is 1, along the columns. */
void fml_kernel_strided(const fml_work *work) {
    const fml_op *op = work->op;
    const fml_view *view = &op->view;
    const fml_tile *tile = &work->tile;
    const bool copies = op->kind == FML_OP_KIND_COPY, wide = !copies && op->sample_type >= FML_SAMPLE_TYPE_UINT16;
    const bool flat = view->space.channels == 1;
    const uint8_t *const source = copies ? (const uint8_t *)work->input : work->sample;
    const uint16_t first = tile->channel_begin;
    const uint16_t count = flat ? tile->column_end - tile->column_begin : tile->channel_end - first;
    strided_run run = {.count = count,
                       .lookup = work->lookup,
                       .low = op->activation_min,
                       .high = op->activation_max,
                       .type = copies ? STRIDED_COPIES : op->sample_type};
    run.from_step = (uint16_t)(flat ? view->source.column : view->source.depth) << wide;
    run.to_step = (uint16_t)(flat ? view->destination.column : view->destination.depth);
    run.entry = work->params;
    if (!copies && op->params_size != FML_QUANTIZE_ENTRY_SIZE) {
        run.entry += first * FML_QUANTIZE_ENTRY_SIZE;
        run.entry_step = FML_QUANTIZE_ENTRY_SIZE;
    }
    for (uint16_t row = tile->row_begin; row < tile->row_end; row++) {
        for (uint16_t column = tile->column_begin; column < tile->column_end; column += flat ? count : 1) {
            run.from = source + (uint16_t)(element(&view->source, row, column, first) << wide);
            run.to = work->output + element(&view->destination, row, column, first);
            strided(&run);
        }
    }
}
