/* Constants of operators: that they are there, and that no shift or multiplier is one the arithmetic has no meaning
 * for. */
#include "verify.h"

#include "bytes.h"
#include "model.h"
#include "model_layout.h"

/* One unsigned number in each of a row of equal entries. */
typedef struct column {
    uint8_t entry_size, at, width; /* bytes; width 1 or 2 */
    uint8_t low;
    uint16_t high;
} column;

enum { CHANNEL_MULTIPLIER, CHANNEL_SHIFT, SCALE_MULTIPLIER, SCALE_SHIFT, ADD_SHIFT, QUANTIZE_SHIFT };

static const column columns[] = {
    [CHANNEL_MULTIPLIER] = {2, 0, 2, 0, 32767},
    [CHANNEL_SHIFT] = {1, 0, 1, 1, 31},
    [SCALE_MULTIPLIER] = {3, 0, 2, 0, 32767},
    [SCALE_SHIFT] = {3, 2, 1, 1, 31},
    [ADD_SHIFT] = {5, 4, 1, 1, 31},
    [QUANTIZE_SHIFT] = {7, 6, 1, 0, 31},
};

typedef struct reader {
    const fml_model *model;
    uint8_t *buffer;
    uint32_t buffer_size;
} reader;

static int check_column(const reader *from, uint32_t offset, uint32_t count, uint8_t which) {
    const column *wanted = &columns[which];
    uint32_t room = from->model->source.mapped != NULL ? count : from->buffer_size / wanted->entry_size;
    while (count > 0) {
        int status = FML_OK;
        uint32_t part = count < room ? count : room;
        uint32_t size = part * wanted->entry_size;
        const uint8_t *entry = fml_model_fetch(from->model, offset, size, from->buffer, &status);
        if (status != FML_OK) {
            return status;
        }
        for (const uint8_t *end = entry + size; entry < end; entry += wanted->entry_size) {
            uint16_t value = wanted->width == 1 ? entry[wanted->at] : fml_read_u16(entry + wanted->at);
            if (value < wanted->low || value > wanted->high) {
                return FML_ERROR_BAD_PARAMS;
            }
        }
        offset += size;
        count -= part;
    }
    return FML_OK;
}

/* Blocks lie one behind the other; fml_op_params_ok has checked that they fill the operator's constants. */
static int check_blocks(const reader *from, const fml_op *op) {
    bool grouped = op->kind == FML_OP_KIND_CONV_2D && op->window.groups > 1;
    uint16_t channels = op->output.shape.channels;
    uint16_t unit = grouped ? (uint16_t)(channels / op->window.groups) : op->tile_channels;
    uint32_t taps = (uint32_t)op->window.kernel_height * op->window.kernel_width;
    if (op->kind == FML_OP_KIND_CONV_2D) {
        taps *= (uint16_t)(op->input.shape.channels / op->window.groups);
    }
    uint32_t offset = op->params;
    for (uint16_t left = channels; left > 0;) {
        uint32_t count = left < unit ? left : unit;
        left = (uint16_t)(left - count);
        if (op->kind == FML_OP_KIND_CONV_2D) {
            count = (count + 3) & ~UINT32_C(3);
        }
        int status = check_column(from, offset + 4 * count, count, CHANNEL_MULTIPLIER);
        if (status == FML_OK) {
            status = check_column(from, offset + 6 * count, count, CHANNEL_SHIFT);
        }
        if (status != FML_OK) {
            return status;
        }
        offset += count * (7 + taps);
    }
    return FML_OK;
}

/* Most taps inside the input that a window of an average pool has along one axis. */
static uint32_t largest_window(const fml_op *op, uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride,
                               uint32_t pad) {
    uint32_t largest = 0;
    for (uint32_t i = 0; i < out; i++) {
        uint32_t begin = i * stride, end = begin + kernel; /* both moved by pad */
        begin = begin < pad ? 0 : begin - pad;
        end = end - pad < in ? end - pad : in;
        if (op->flags & FML_OP_FLAG_ADAPTIVE) {
            begin = i * in / out;
            end = ((i + 1) * in + out - 1) / out;
        }
        largest = end - begin > largest ? end - begin : largest;
    }
    return largest;
}

static int check_scales(const reader *from, const fml_op *op) {
    uint32_t count = op->params_size / 3;
    if (count > 1) {
        uint32_t rows = largest_window(op, op->input.shape.height, op->output.shape.height, op->window.kernel_height,
                                       op->window.stride_height, op->window.pad_top);
        uint32_t columns_ = largest_window(op, op->input.shape.width, op->output.shape.width, op->window.kernel_width,
                                           op->window.stride_width, op->window.pad_left);
        if (count != rows * columns_) {
            return FML_ERROR_BAD_PARAMS;
        }
    }
    int status = check_column(from, op->params, count, SCALE_MULTIPLIER);
    return status == FML_OK ? check_column(from, op->params, count, SCALE_SHIFT) : status;
}

static bool inside_weights(const fml_model *model, uint32_t offset, uint32_t size) {
    return offset <= model->weights_size && size <= model->weights_size - offset;
}

int fml_verify_params(const fml_model *model, const fml_op *op, uint8_t *buffer, uint32_t buffer_size) {
    const reader from = {model, buffer, buffer_size};
    bool looks_up = op->flags & FML_OP_FLAG_HAS_LOOKUP;
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
        return check_scales(&from, op);
    case FML_OP_KIND_ADD:
        return check_column(&from, op->params, 1, ADD_SHIFT);
    case FML_OP_KIND_QUANTIZE:
        return check_column(&from, op->params, op->params_size / 7, QUANTIZE_SHIFT);
    default:
        return FML_OK;
    }
}
