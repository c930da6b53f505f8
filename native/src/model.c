#include "model.h"

#include "bytes.h"
#include "model_layout.h"

enum { NEEDS_INPUT = 1, NEEDS_INPUT2 = 2, NEEDS_WINDOW = 4, NEEDS_VIEW = 8 };

/* By kind, in the order of the schema. */
static const uint8_t kind_needs[] = {
    [FML_OP_KIND_QUANTIZE] = NEEDS_VIEW,
    [FML_OP_KIND_CONV_2D] = NEEDS_INPUT | NEEDS_WINDOW,
    [FML_OP_KIND_DEPTHWISE_CONV_2D] = NEEDS_INPUT | NEEDS_WINDOW,
    [FML_OP_KIND_MAX_POOL_2D] = NEEDS_INPUT | NEEDS_WINDOW,
    [FML_OP_KIND_AVERAGE_POOL_2D] = NEEDS_INPUT | NEEDS_WINDOW,
    [FML_OP_KIND_ADD] = NEEDS_INPUT | NEEDS_INPUT2,
    [FML_OP_KIND_MULTIPLY] = NEEDS_INPUT | NEEDS_INPUT2,
    [FML_OP_KIND_COPY] = NEEDS_INPUT | NEEDS_VIEW,
    [FML_OP_KIND_FILL] = 0,
};

static const uint8_t *op_bytes(const fml_model *model, uint16_t index) {
    return model->metadata + model->ops + (uint32_t)index * FML_OP_SIZE;
}

void fml_model_tensor(const fml_model *model, uint16_t index, fml_tensor *tensor) {
    const uint8_t *from = model->metadata + model->tensors + (uint32_t)index * FML_TENSOR_SIZE;
    tensor->offset = fml_read_u32(from + FML_TENSOR_OFFSET_AT);
    tensor->shape.height = fml_read_u16(from + FML_TENSOR_HEIGHT_AT);
    tensor->shape.width = fml_read_u16(from + FML_TENSOR_WIDTH_AT);
    tensor->shape.channels = fml_read_u16(from + FML_TENSOR_CHANNELS_AT);
    tensor->zero_point = (int8_t)from[FML_TENSOR_ZERO_POINT_AT];
}

uint32_t fml_tensor_size(const fml_tensor *tensor) {
    return (uint32_t)tensor->shape.height * tensor->shape.width * tensor->shape.channels;
}

uint16_t fml_model_op_output(const fml_model *model, uint16_t op) {
    return fml_read_u16(op_bytes(model, op) + FML_OP_OUTPUT_AT);
}

bool fml_model_writes(const fml_model *model, uint16_t tensor, uint16_t begin, uint16_t end) {
    for (uint16_t op = begin; op < end; op++) {
        if (fml_model_op_output(model, op) == tensor) {
            return true;
        }
    }
    return false;
}

static bool decode_tensor(const fml_model *model, uint16_t index, bool needed, fml_tensor *tensor) {
    if (!needed) {
        return index == FML_NO_INDEX;
    }
    if (index >= model->tensor_count) {
        return false;
    }
    fml_model_tensor(model, index, tensor);
    return true;
}

static void decode_window(const uint8_t *from, fml_window *window) {
    window->kernel_height = fml_read_u16(from + FML_WINDOW_KERNEL_HEIGHT_AT);
    window->kernel_width = fml_read_u16(from + FML_WINDOW_KERNEL_WIDTH_AT);
    window->stride_height = from[FML_WINDOW_STRIDE_HEIGHT_AT];
    window->stride_width = from[FML_WINDOW_STRIDE_WIDTH_AT];
    window->dilation_height = from[FML_WINDOW_DILATION_HEIGHT_AT];
    window->dilation_width = from[FML_WINDOW_DILATION_WIDTH_AT];
    window->pad_top = from[FML_WINDOW_PAD_TOP_AT];
    window->pad_left = from[FML_WINDOW_PAD_LEFT_AT];
    window->groups = fml_read_u16(from + FML_WINDOW_GROUPS_AT);
}

/* The four fields of one side of a view lie next to each other. */
static void decode_strides(const uint8_t *from, fml_strides *strides) {
    strides->offset = fml_read_u32(from);
    strides->row = (int32_t)fml_read_u32(from + 4);
    strides->column = (int32_t)fml_read_u32(from + 8);
    strides->depth = (int32_t)fml_read_u32(from + 12);
}

static void decode_view(const uint8_t *from, fml_view *view) {
    view->space.height = fml_read_u16(from + FML_VIEW_ROWS_AT);
    view->space.width = fml_read_u16(from + FML_VIEW_COLUMNS_AT);
    view->space.channels = fml_read_u16(from + FML_VIEW_DEPTH_AT);
    decode_strides(from + FML_VIEW_SOURCE_OFFSET_AT, &view->source);
    decode_strides(from + FML_VIEW_DESTINATION_OFFSET_AT, &view->destination);
}

static bool decode_attribute(const fml_model *model, uint8_t needs, fml_op *op) {
    uint32_t index = op->attribute;
    if (needs & NEEDS_WINDOW) {
        if (index >= model->window_count) {
            return false;
        }
        decode_window(model->metadata + model->windows + index * FML_WINDOW_SIZE, &op->window);
        return true;
    }
    if (needs & NEEDS_VIEW) {
        if (index >= model->view_count) {
            return false;
        }
        decode_view(model->metadata + model->views + index * FML_VIEW_SIZE, &op->view);
        return true;
    }
    return index == FML_NO_INDEX;
}

static void decode_numbers(const uint8_t *from, fml_op *op) {
    op->kind = from[FML_OP_KIND_AT];
    op->flags = from[FML_OP_FLAGS_AT];
    op->input_index = fml_read_u16(from + FML_OP_INPUT_AT);
    op->input2_index = fml_read_u16(from + FML_OP_INPUT2_AT);
    op->output_index = fml_read_u16(from + FML_OP_OUTPUT_AT);
    op->attribute = fml_read_u16(from + FML_OP_ATTRIBUTE_AT);
    op->tile_rows = fml_read_u16(from + FML_OP_TILE_ROWS_AT);
    op->tile_columns = fml_read_u16(from + FML_OP_TILE_COLUMNS_AT);
    op->tile_channels = fml_read_u16(from + FML_OP_TILE_CHANNELS_AT);
    op->commit_every = fml_read_u16(from + FML_OP_COMMIT_EVERY_AT);
    op->activation_min = (int8_t)from[FML_OP_ACTIVATION_MIN_AT];
    op->activation_max = (int8_t)from[FML_OP_ACTIVATION_MAX_AT];
    op->left_shift = from[FML_OP_LEFT_SHIFT_AT];
    op->params = fml_read_u32(from + FML_OP_PARAMS_AT);
    op->params_size = fml_read_u32(from + FML_OP_PARAMS_SIZE_AT);
    op->lookup = fml_read_u32(from + FML_OP_LOOKUP_AT);
}

int fml_model_op(const fml_model *model, uint16_t index, fml_op *op) {
    if (index >= model->op_count) {
        return FML_ERROR_BAD_OP;
    }
    decode_numbers(op_bytes(model, index), op);
    op->sample_type = model->sample_type;
    if (op->kind >= sizeof kind_needs) {
        return FML_ERROR_BAD_OP;
    }
    uint8_t needs = kind_needs[op->kind];
    bool ok = decode_tensor(model, op->input_index, needs & NEEDS_INPUT, &op->input) &&
              decode_tensor(model, op->input2_index, needs & NEEDS_INPUT2, &op->input2) &&
              decode_tensor(model, op->output_index, true, &op->output) && decode_attribute(model, needs, op);
    return ok ? FML_OK : FML_ERROR_BAD_OP;
}

const uint8_t *fml_model_fetch(const fml_model *model, uint32_t weights_offset, uint32_t size, uint8_t *buffer,
                               int *status) {
    uint32_t offset = model->weights + weights_offset;
    if (model->source.mapped != NULL) {
        return model->source.mapped + offset;
    }
    if (model->source.read(model->source.context, offset, buffer, size) < 0) {
        *status = FML_ERROR_IO;
        return NULL;
    }
    return buffer;
}

uint32_t fml_op_tiles(const fml_model *model, uint16_t op) {
    fml_op decoded;
    return fml_model_op(model, op, &decoded) == FML_OK ? fml_op_tile_count(&decoded) : 0;
}
