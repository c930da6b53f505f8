/* Constants of operators: that they are there, and that no shift is one that C has no meaning for. Whatever the other
 * constants are, the kernels' arithmetic is defined. */
#include "verify.h"

#include "bytes.h"
#include "model.h"

int fml_check_bytes(const fml_range_check *check, uint32_t offset, uint32_t count, uint32_t stride) {
    const uint32_t left = (count - 1) * stride + 1;
    const uint32_t room = check->model->source.mapped != NULL ? left : check->buffer_size;
    uint32_t at = 0; /* of the next byte */
    uint32_t value = 0;
    while (at < left) {
        int status = FML_OK;
        const uint32_t size = left - at < room ? left - at : room;
        const uint8_t *bytes = fml_model_fetch(check->model, offset + at, size, check->buffer, &status);
        if (status != FML_OK) {
            return status;
        }
        for (uint32_t i = 0; i < size; i += stride, at += stride) {
            value = FML_ENCODINGS ? (check->sums ? value : 0) + (bytes[i] & check->mask) : bytes[i];
            if (value < check->least || value > check->most) {
                return FML_ERROR_BAD_PARAMS;
            }
        }
    }
    return FML_OK;
}

/* Blocks lie one behind the other, groups likewise; fml_op_params_ok has checked that they fill the constants. */
static int check_blocks(const fml_range_check *shifts, const fml_op *op) {
    const uint32_t unit = fml_op_group_channels(op);
    uint32_t left = op->space.channels, offset = op->params;
    int status = FML_OK;
    while (left > 0 && status == FML_OK) {
        const uint32_t channels = left < unit ? left : unit;
        const uint32_t count = op->kind == FML_OP_KIND_CONV_2D ? fml_round_up_4(channels) : channels;
        status = fml_check_shifts(shifts, offset, count);
        offset += fml_op_group_size(op, channels);
        left -= channels;
    }
    return status;
}

static bool inside_weights(const fml_model *model, uint32_t offset, uint32_t size) {
    return offset <= model->weights_size && size <= model->weights_size - offset;
}

int fml_verify_params(const fml_model *model, const fml_op *op, uint8_t *buffer, uint32_t buffer_size) {
    const uint32_t least = op->kind == FML_OP_KIND_QUANTIZE ? 0 : 1;
    const fml_range_check shifts = {model, buffer, buffer_size, least, 31, 255, false};
    const uint32_t entry = fml_op_entry_size(op);
    const bool looks_up = op->flags & FML_OP_FLAG_HAS_LOOKUP;
    if (!inside_weights(model, op->params, op->params_size) || !fml_op_params_ok(op) ||
        !(looks_up ? inside_weights(model, op->lookup, 256) : op->lookup == 0)) {
        return FML_ERROR_BAD_PARAMS;
    }
    if (entry != 0) {
        return fml_check_bytes(&shifts, op->params + entry - 1, op->params_size / entry, entry);
    }
    if (fml_op_encoded(op)) {
        return fml_verify_encoding(&shifts, op);
    }
    return op->params_size != 0 ? check_blocks(&shifts, op) : FML_OK;
}
