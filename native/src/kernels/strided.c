#include "kernels.h"

static int32_t quantize(const fml_work *work, uint32_t at, uint32_t depth) {
    const fml_op *op = work->op;
    const uint8_t *entry = work->params, *from = work->sample + at;
    if (op->params_size != FML_QUANTIZE_ENTRY_SIZE) {
        entry += depth * FML_QUANTIZE_ENTRY_SIZE;
    }
    const bool wide = op->sample_type >= FML_SAMPLE_TYPE_UINT16;
    int32_t x = wide ? fml_read_u16(from + at) : *from;
    if (op->sample_type % 2 != 0) { /* signed: INT8, INT16 */
        x = wide ? (int16_t)x : (int8_t)x;
    }
    const int32_t m = (int16_t)fml_read_u16(entry);
    return (int32_t)((uint32_t)x * (uint32_t)m + fml_read_u32(entry + 2)) >> (entry[6] & 31);
}

void fml_kernel_strided(const fml_work *work) {
    const fml_op *op = work->op;
    const fml_view *view = &op->view;
    const bool copies = op->kind == FML_OP_KIND_COPY;
    const fml_range range = fml_output_range(op);
    for (fml_pixels left = fml_pixels_of(&work->tile); fml_pixels_left(&left); fml_pixels_advance(&left)) {
        uint32_t depth = work->tile.channel_begin;
        uint32_t from = fml_view_element(&view->source, left.at.row, left.at.column, depth);
        uint32_t to = fml_view_element(&view->destination, left.at.row, left.at.column, depth);
        for (; depth != work->tile.channel_end; ++depth) {
            int32_t value = copies ? work->input[from] : quantize(work, from, depth);
            if (!copies || work->lookup == NULL) {
                value = fml_clamp(value, &range);
            }
            work->output[to] = (int8_t)(work->lookup != NULL ? work->lookup[value + 128] : value);
            from += (uint32_t)view->source.depth;
            to += (uint32_t)view->destination.depth;
        }
    }
}
