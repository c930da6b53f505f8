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
    bool convolution = op->kind == FML_OP_KIND_CONV_2D;
    uint16_t left = op->output.shape.channels;
    uint16_t unit = op->tile_channels;
    if (convolution && op->window.groups > 1) {
        unit = (uint16_t)(left / op->window.groups);
    }
    uint32_t offset = op->params;
    int status = FML_OK;
    while (left > 0 && status == FML_OK) {
        uint16_t channels = left < unit ? left : unit;
        uint32_t count = convolution ? fml_round_up_4(channels) : channels;
        status = check_shifts(from, offset + 6 * count, count, 1); /* behind 4 bytes of bias, 2 of multiplier each */
        offset += fml_op_group_size(op, channels);
        left = (uint16_t)(left - channels);
    }
    return status;
}

static bool inside_weights(const fml_model *model, uint32_t offset, uint32_t size) {
    return offset <= model->weights_size && size <= model->weights_size - offset;
}

int fml_verify_params(const fml_model *model, const fml_op *op, uint8_t *buffer, uint32_t buffer_size) {
    const reader from = {model, buffer, buffer_size, op->kind == FML_OP_KIND_QUANTIZE ? 0 : 1};
    bool looks_up = op->flags & FML_OP_FLAG_HAS_LOOKUP;
    uint32_t entry;
    if (!inside_weights(model, op->params, op->params_size) || !fml_op_params_ok(op) ||
        !(looks_up ? inside_weights(model, op->lookup, 256) : op->lookup == 0)) {
        return FML_ERROR_BAD_PARAMS;
    }
    switch (op->kind) {
    case FML_OP_KIND_CONV_2D:
    case FML_OP_KIND_DEPTHWISE_CONV_2D:
        return check_blocks(&from, op);
    case FML_OP_KIND_MULTIPLY:
    case FML_OP_KIND_AVERAGE_POOL_2D:
        entry = FML_SCALE_SIZE;
        break;
    case FML_OP_KIND_ADD:
        entry = FML_ADD_SIZE;
        break;
    case FML_OP_KIND_QUANTIZE:
        entry = FML_QUANTIZE_ENTRY_SIZE;
        break;
    default:
        return FML_OK;
    }
    return check_shifts(&from, op->params + entry - 1, op->params_size / entry,
                        entry); /* the shift is an entry's last byte */
}
