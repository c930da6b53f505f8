#include "model.h"

#include "bytes.h"

enum { NEEDS_INPUT = 1, NEEDS_INPUT2 = FML_OP_FLAG_SUMS_IN, NEEDS_WINDOW = 4, NEEDS_VIEW = 8 };

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

/* Structs are copied as they are stored. That wants the byte order of all cores that the project knows, and every
 * member in its stored place. */
#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "decode the structs of model.c field by field: this core is not little-endian"
#endif
#define AT(type, member, at) (offsetof(fml_##type, member) == (at))
typedef char structs_are_as_stored
    [AT(section, offset, FML_SECTION_OFFSET_AT) && AT(section, size, FML_SECTION_SIZE_AT) &&
             AT(section, crc32, FML_SECTION_CRC32_AT) && AT(section, kind, FML_SECTION_KIND_AT) &&
             AT(section, reserved, FML_SECTION_RESERVED_AT) && AT(section, reserved2, FML_SECTION_RESERVED2_AT) &&
             AT(tensor, offset, FML_TENSOR_OFFSET_AT) && AT(tensor, shape.height, FML_TENSOR_HEIGHT_AT) &&
             AT(tensor, shape.width, FML_TENSOR_WIDTH_AT) && AT(tensor, shape.channels, FML_TENSOR_CHANNELS_AT) &&
             AT(tensor, zero_point, FML_TENSOR_ZERO_POINT_AT) && AT(tensor, reserved, FML_TENSOR_RESERVED_AT) &&
             AT(tensor, scale, FML_TENSOR_SCALE_AT) && AT(op, kind, FML_OP_KIND_AT) && AT(op, flags, FML_OP_FLAGS_AT) &&
             AT(op, input_index, FML_OP_INPUT_AT) && AT(op, input2_index, FML_OP_INPUT2_AT) &&
             AT(op, output_index, FML_OP_OUTPUT_AT) && AT(op, attribute, FML_OP_ATTRIBUTE_AT) &&
             AT(op, tile_rows, FML_OP_TILE_ROWS_AT) && AT(op, tile_columns, FML_OP_TILE_COLUMNS_AT) &&
             AT(op, tile_channels, FML_OP_TILE_CHANNELS_AT) && AT(op, commit_every, FML_OP_COMMIT_EVERY_AT) &&
             AT(op, activation_min, FML_OP_ACTIVATION_MIN_AT) && AT(op, activation_max, FML_OP_ACTIVATION_MAX_AT) &&
             AT(op, left_shift, FML_OP_LEFT_SHIFT_AT) && AT(op, encoding, FML_OP_ENCODING_AT) &&
             AT(op, reserved, FML_OP_RESERVED_AT) && AT(op, params, FML_OP_PARAMS_AT) &&
             AT(op, params_size, FML_OP_PARAMS_SIZE_AT) && AT(op, lookup, FML_OP_LOOKUP_AT) &&
             AT(window, kernel_height, FML_WINDOW_KERNEL_HEIGHT_AT) &&
             AT(window, kernel_width, FML_WINDOW_KERNEL_WIDTH_AT) &&
             AT(window, stride_height, FML_WINDOW_STRIDE_HEIGHT_AT) &&
             AT(window, stride_width, FML_WINDOW_STRIDE_WIDTH_AT) &&
             AT(window, dilation_height, FML_WINDOW_DILATION_HEIGHT_AT) &&
             AT(window, dilation_width, FML_WINDOW_DILATION_WIDTH_AT) && AT(window, pad_top, FML_WINDOW_PAD_TOP_AT) &&
             AT(window, pad_left, FML_WINDOW_PAD_LEFT_AT) && AT(window, groups, FML_WINDOW_GROUPS_AT) &&
             AT(window, first_channel, FML_WINDOW_FIRST_CHANNEL_AT) && AT(window, channels, FML_WINDOW_CHANNELS_AT) &&
             AT(window, pool_height, FML_WINDOW_POOL_HEIGHT_AT) && AT(window, pool_width, FML_WINDOW_POOL_WIDTH_AT) &&
             AT(view, space.height, FML_VIEW_ROWS_AT) && AT(view, space.width, FML_VIEW_COLUMNS_AT) &&
             AT(view, space.channels, FML_VIEW_DEPTH_AT) && AT(view, reserved, FML_VIEW_RESERVED_AT) &&
             AT(view, source.offset, FML_VIEW_SOURCE_OFFSET_AT) && AT(view, source.row, FML_VIEW_SOURCE_ROW_AT) &&
             AT(view, source.column, FML_VIEW_SOURCE_COLUMN_AT) && AT(view, source.depth, FML_VIEW_SOURCE_DEPTH_AT) &&
             AT(view, destination.offset, FML_VIEW_DESTINATION_OFFSET_AT) &&
             AT(view, destination.row, FML_VIEW_DESTINATION_ROW_AT) &&
             AT(view, destination.column, FML_VIEW_DESTINATION_COLUMN_AT) &&
             AT(view, destination.depth, FML_VIEW_DESTINATION_DEPTH_AT) && AT(exit, op, FML_EXIT_OP_AT) &&
             AT(exit, tensor, FML_EXIT_TENSOR_AT) && AT(exit, threshold, FML_EXIT_THRESHOLD_AT) &&
             AT(exit, reserved, FML_EXIT_RESERVED_AT) && AT(exit, reserved2, FML_EXIT_RESERVED2_AT) &&
             AT(exit, temperature, FML_EXIT_TEMPERATURE_AT)
         ? 1
         : -1];
typedef char sizes_are_as_stored[sizeof(fml_section) == FML_SECTION_SIZE && sizeof(fml_tensor) == FML_TENSOR_SIZE &&
                                         sizeof(fml_window) == FML_WINDOW_SIZE && sizeof(fml_view) == FML_VIEW_SIZE &&
                                         sizeof(fml_exit) == FML_EXIT_SIZE && offsetof(fml_op, input) == FML_OP_SIZE
                                     ? 1
                                     : -1];

bool fml_model_read(const fml_model *model, enum fml_vector_of vector, uint32_t index, void *to) {
    const fml_vector *from = &model->vectors[vector];
    if (index >= from->count) {
        return false;
    }
    fml_copy(to, model->metadata + from->at + index * from->size, from->size);
    return true;
}

uint32_t fml_model_op_output(const fml_model *model, uint32_t op) {
    return fml_read_u16(model->metadata + model->vectors[FML_OPS].at + op * FML_OP_SIZE + FML_OP_OUTPUT_AT);
}

bool fml_model_writes(const fml_model *model, uint32_t tensor, uint32_t begin, uint32_t end) {
    for (; begin < end; begin++) {
        if (fml_model_op_output(model, begin) == tensor) {
            return true;
        }
    }
    return tensor == FML_NO_INDEX;
}

fml_bytes fml_model_tensor(const fml_model *model, uint32_t tensor) {
    fml_tensor decoded;
    (void)fml_model_read(model, FML_TENSORS, tensor, &decoded);
    const fml_bytes bytes = {decoded.offset, fml_shape_size(&decoded.shape), tensor};
    return bytes;
}

bool fml_model_input(const fml_model *model, const fml_op *op, uint32_t input, fml_bytes *bytes) {
    const uint32_t index = input == 0 ? op->input_index : op->input2_index;
    const fml_bytes sample = {model->sample_offset, model->sample_size, FML_NO_INDEX};
    *bytes = index != FML_NO_INDEX ? fml_model_tensor(model, index) : sample;
    return index != FML_NO_INDEX || (input == 0 && op->kind == FML_OP_KIND_QUANTIZE);
}

/* What an operator names by index, where it needs to; else it must name nothing. */
static bool read_named(const fml_model *model, enum fml_vector_of vector, bool needed, uint32_t index, void *to) {
    return needed ? fml_model_read(model, vector, index, to) : index == FML_NO_INDEX;
}

int fml_model_op(const fml_model *model, uint32_t index, fml_op *op) {
    if (!fml_model_read(model, FML_OPS, index, op) || op->kind >= sizeof kind_needs) {
        return FML_ERROR_BAD_OP;
    }
    const uint8_t needs = kind_needs[op->kind] | (op->flags & NEEDS_INPUT2); /* sums come in through input2 */
    const bool windowed = needs & NEEDS_WINDOW;
    op->index = (uint16_t)index;
    op->input.offset = op->input2.offset = 0;
    op->sample_type = model->sample_type;
    bool ok = read_named(model, FML_TENSORS, needs & NEEDS_INPUT, op->input_index, &op->input) &&
              read_named(model, FML_TENSORS, needs & NEEDS_INPUT2, op->input2_index, &op->input2) &&
              fml_model_read(model, FML_TENSORS, op->output_index, &op->output) &&
              read_named(model, windowed ? FML_WINDOWS : FML_VIEWS, needs & (NEEDS_WINDOW | NEEDS_VIEW), op->attribute,
                         windowed ? (void *)&op->window : (void *)&op->view);
    if (!ok) {
        return FML_ERROR_BAD_OP;
    }
    op->space = fml_op_viewed(op) ? op->view.space : op->output.shape;
    if (fml_op_sums_out(op)) {
        op->space.channels /= FML_SUM_SIZE;
    }
    return FML_OK;
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
