#include "kernels.h"

static int32_t element(const uint8_t *sample, uint32_t index, uint8_t type) {
    switch (type) {
    case FML_SAMPLE_TYPE_UINT8:
        return sample[index];
    case FML_SAMPLE_TYPE_INT8:
        return (int8_t)sample[index];
    case FML_SAMPLE_TYPE_UINT16:
        return fml_read_u16(sample + 2 * index);
    default:
        return (int16_t)fml_read_u16(sample + 2 * index);
    }
}

static void quantize_line(const fml_work *work, const fml_range *range, uint32_t from, uint32_t to) {
    const fml_op *op = work->op;
    const bool per_depth = op->params_size != FML_QUANTIZE_ENTRY_SIZE;
    for (uint16_t k = work->tile.channel_begin; k < work->tile.channel_end; ++k) {
        const uint8_t *entry = work->params + (per_depth ? (uint32_t)k * FML_QUANTIZE_ENTRY_SIZE : 0);
        const uint32_t x = (uint32_t)element(work->sample, from, op->sample_type);
        const uint32_t m = (uint32_t)(int32_t)(int16_t)fml_read_u16(entry), o = fml_read_u32(entry + 2);
        const int8_t q = fml_clamp((int32_t)(x * m + o) >> (entry[6] & 31), range);
        work->output[to] = work->lookup != NULL ? (int8_t)work->lookup[q + 128] : q;
        from += (uint32_t)op->view.source.depth;
        to += (uint32_t)op->view.destination.depth;
    }
}

void fml_kernel_quantize(const fml_work *work) {
    const fml_view *view = &work->op->view;
    const fml_range range = fml_output_range(work->op);
    const uint16_t depth = work->tile.channel_begin;
    for (fml_pixels at = fml_pixels_of(&work->tile); at.left != 0; fml_pixels_advance(&at)) {
        quantize_line(work, &range, fml_view_element(&view->source, at.row, at.column, depth),
                      fml_view_element(&view->destination, at.row, at.column, depth));
    }
}
