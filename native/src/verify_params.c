/* Constants of operators: that they are there, and that no shift is one that C has no meaning for. Whatever the other
 * constants are, the kernels' arithmetic is defined. */
#include "verify.h"

#include "bytes.h"
#include "model.h"
#include "model_layout.h"

typedef struct reader {
    const fml_model *model;
    uint8_t *buffer;
    uint32_t buffer_size;
    uint8_t least_shift;
} reader;

/* Shifts of least_shift..31 in every `stride`-th byte from `offset` on, `count` of them. */
static int check_shifts(const reader *from, uint32_t offset, uint32_t count, uint32_t stride) {
    uint32_t left = (count - 1) * stride + 1;
    uint32_t room = from->model->source.mapped != NULL ? left : from->buffer_size;
    uint32_t at = 0; /* of the next shift */
    while (at < left) {
        int status = FML_OK;
        uint32_t size = left - at < room ? left - at : room;
        const uint8_t *bytes = fml_model_fetch(from->model, offset + at, size, from->buffer, &status);
        if (status != FML_OK) {
            return status;
        }
        for (uint32_t i = 0; i < size; i += stride, at += stride) {
            if (bytes[i] < from->least_shift || bytes[i] > 31) {
                return FML_ERROR_BAD_PARAMS;
            }
        }
    }
    return FML_OK;
}

/* Blocks lie one behind the other, groups likewise; fml_op_params_ok has checked that they fill the constants. */
static int check_blocks(const reader *from, const fml_op *op) {
    const uint32_t unit = fml_op_group_channels(op);
    uint32_t left = op->output.shape.channels, offset = op->params;
    int status = FML_OK;
    while (left > 0 && status == FML_OK) {
        const uint32_t channels = left < unit ? left : unit;
        const uint32_t count = op->kind == FML_OP_KIND_CONV_2D ? fml_round_up_4(channels) : channels;
        status = check_shifts(from, offset + 6 * count, count, 1); /* behind 4 bytes of bias, 2 of multiplier each */
        offset += fml_op_group_size(op, channels);
        left -= channels;
    }
    return status;
}

static bool inside_weights(const fml_model *model, uint32_t offset, uint32_t size) {
    return offset <= model->weights_size && size <= model->weights_size - offset;
}

int fml_verify_params(const fml_model *model, const fml_op *op, uint8_t *buffer, uint32_t buffer_size) {
    const reader from = {model, buffer, buffer_size, op->kind == FML_OP_KIND_QUANTIZE ? 0 : 1};
    const uint32_t entry = fml_op_entry_size(op);
    const bool looks_up = op->flags & FML_OP_FLAG_HAS_LOOKUP;
    if (!inside_weights(model, op->params, op->params_size) || !fml_op_params_ok(op) ||
        !(looks_up ? inside_weights(model, op->lookup, 256) : op->lookup == 0)) {
        return FML_ERROR_BAD_PARAMS;
    }
    if (entry != 0) {
        return check_shifts(&from, op->params + entry - 1, op->params_size / entry, entry);
    }
    return op->params_size != 0 ? check_blocks(&from, op) : FML_OK;
}
