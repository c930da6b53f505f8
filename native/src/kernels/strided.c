#include "kernels.h"

/* Element `at` of the sample. */
static int32_t element(const uint8_t *sample, uint32_t at, uint8_t type) {
    const bool wide = type >= FML_SAMPLE_TYPE_UINT16;
    const int32_t x = wide ? fml_read_u16(sample + 2 * at) : sample[at];
    if (type % 2 == 0) {
        return x;
    }
    return wide ? (int16_t)x : (int8_t)x;
}

/* Bytes of a sample whose channels have their constants in common. */
static void quantize(const fml_work *work, const uint8_t *from, int8_t *to, uint32_t count) {
    const fml_view *view = &work->op->view;
    const fml_range range = fml_output_range(work->op);
    const uint8_t *const entry = work->params;
    const uint32_t m = (uint32_t)(int16_t)fml_read_u16(entry), b = fml_read_u32(entry + 2);
    const uint8_t shift = entry[6] & 31, sign = work->op->sample_type == FML_SAMPLE_TYPE_INT8 ? 128 : 0;
    for (; count != 0; --count, from += view->source.depth, to += view->destination.depth) {
        *to = fml_clamp((int32_t)(((uint32_t)(*from ^ sign) - sign) * m + b) >> shift, &range);
    }
}

/* Some elements along the depth, from the sample or another tensor. */
static FML_APART void run(const fml_work *work, uint32_t from, uint32_t to, uint32_t depth, uint32_t count) {
    const fml_op *op = work->op;
    const fml_view *view = &op->view;
    const fml_range range = fml_output_range(op);
    const bool copies = op->kind == FML_OP_KIND_COPY;
    const uint32_t step = copies || op->params_size == FML_QUANTIZE_ENTRY_SIZE ? 0 : FML_QUANTIZE_ENTRY_SIZE;
    const uint8_t *entry = step == 0 ? work->params : work->params + depth * step; /* COPY has none: NULL */
    const uint8_t *const lookup = work->lookup, *const sample = work->sample;
    const int8_t *const input = work->input;
    int8_t *const output = work->output;
    if (FML_FAST && !copies && step == 0 && op->sample_type <= FML_SAMPLE_TYPE_INT8 && lookup == NULL) {
        quantize(work, sample + from, output + to, count);
        return;
    }
    for (; count != 0; --count) {
        int32_t value;
        if (copies) {
            value = input[from];
        } else {
            const int32_t m = (int16_t)fml_read_u16(entry);
            const uint32_t product = (uint32_t)element(sample, from, op->sample_type) * (uint32_t)m;
            value = (int32_t)(product + fml_read_u32(entry + 2)) >> (entry[6] & 31);
            entry += step;
        }
        if (!copies || lookup == NULL) {
            value = fml_clamp(value, &range);
        }
        output[to] = (int8_t)(lookup != NULL ? lookup[value + 128] : value);
        from += (uint32_t)view->source.depth;
        to += (uint32_t)view->destination.depth;
    }
}

void fml_kernel_strided(const fml_work *work) {
    const fml_view *view = &work->op->view;
    const uint32_t depth = work->tile.channel_begin;
    for (fml_pixels left = fml_pixels_of(&work->tile); fml_pixels_left(&left); fml_pixels_advance(&left)) {
        run(work, fml_view_element(&view->source, left.at.row, left.at.column, depth),
            fml_view_element(&view->destination, left.at.row, left.at.column, depth), depth,
            work->tile.channel_end - depth);
    }
}
