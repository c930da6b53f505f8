/* Geometry of operators: iteration space, tiles, blocks of constants. */
#include "op.h"
#include "bytes.h"

uint32_t fml_shape_size(const fml_shape *shape) {
    return fml_product(fml_product(shape->height, shape->width), shape->channels);
}

bool fml_op_viewed(const fml_op *op) {
    return op->kind == FML_OP_KIND_QUANTIZE || op->kind == FML_OP_KIND_COPY;
}

uint32_t fml_view_element(const fml_strides *strides, uint32_t row, uint32_t column, uint32_t depth) {
    return strides->offset + row * (uint32_t)strides->row + column * (uint32_t)strides->column +
           depth * (uint32_t)strides->depth;
}

/* Parts of `part` that make up `whole`, both 1 or more. In 16 bits, and mostly without dividing: a 32-bit division
 * takes a core without a divider thousands of cycles. */
static FML_APART uint16_t parts(uint16_t whole, uint16_t part) {
    return whole > part ? (uint16_t)((uint16_t)(whole - 1) / part + 1) : 1;
}

uint32_t fml_op_tile_count(const fml_op *op) {
    const fml_shape *space = &op->space;
    return fml_product(fml_product(parts(space->height, op->tile_rows), parts(space->width, op->tile_columns)),
                       parts(space->channels, op->tile_channels));
}

/* Part `index % count` of an axis cut in `count` parts of `part`; the rest of the index is left for the next axis. */
static uint16_t cut(uint16_t whole, uint16_t part, uint16_t *index, uint16_t *begin) {
    const uint16_t count = parts(whole, part);
    const uint16_t rest = count > 1 ? *index / count : *index;
    *begin = (uint16_t)((*index - rest * count) * part);
    *index = rest;
    return whole - *begin > part ? (uint16_t)(*begin + part) : whole;
}

fml_tile fml_op_tile(const fml_op *op, uint32_t index) {
    const fml_shape *space = &op->space;
    uint16_t left = (uint16_t)index;
    fml_tile tile;
    tile.row_end = cut(space->height, op->tile_rows, &left, &tile.row_begin);
    tile.column_end = cut(space->width, op->tile_columns, &left, &tile.column_begin);
    tile.channel_end = cut(space->channels, op->tile_channels, &left, &tile.channel_begin);
    return tile;
}

uint32_t fml_op_taps(const fml_op *op) {
    const uint32_t window = fml_product(op->window.kernel_height, op->window.kernel_width);
    if (op->kind == FML_OP_KIND_DEPTHWISE_CONV_2D) {
        return window;
    }
    return fml_product(window, fml_op_group_share(op, op->window.channels));
}

/* Bytes of constants and weights of one output channel. */
static uint32_t channel_size(const fml_op *op) {
    return FML_CHANNEL_CONSTANTS_SIZE + fml_op_taps(op);
}

uint32_t fml_op_group_size(const fml_op *op, uint32_t channels) {
    return fml_product(channel_size(op), op->kind == FML_OP_KIND_CONV_2D ? fml_round_up_4(channels) : channels);
}

uint32_t fml_op_group_channels(const fml_op *op) {
    const uint32_t out = op->space.channels;
    if (op->kind == FML_OP_KIND_CONV_2D && op->window.groups > 1) {
        return out / op->window.groups;
    }
    return op->tile_channels < out ? op->tile_channels : out;
}

/* Bytes of so many channels that begin where a block does: blocks end at a whole group or a multiple of 4 channels, so
 * that this is where the next one begins, too. */
static uint32_t stored_size(const fml_op *op, uint32_t channels) {
    if (op->kind != FML_OP_KIND_CONV_2D || op->window.groups == 1) {
        return fml_op_group_size(op, channels);
    }
    const uint32_t each = fml_op_group_channels(op);
    return fml_product(fml_op_group_size(op, each), channels / each);
}

static bool has_blocks(const fml_op *op) {
    return op->kind == FML_OP_KIND_CONV_2D || op->kind == FML_OP_KIND_DEPTHWISE_CONV_2D;
}

fml_block fml_op_block(const fml_op *op, const fml_tile *tile) {
    fml_block block = {0, op->params_size};
    if (has_blocks(op)) {
        block.offset = stored_size(op, tile->channel_begin);
        block.size = stored_size(op, (uint32_t)(tile->channel_end - tile->channel_begin));
    }
    return block;
}

/* Whether groups and channel blocks cut the channels as SPEC.md says. */
static bool blocks_ok(const fml_op *op) {
    const uint32_t out = op->space.channels, groups = op->window.groups;
    if (groups == 0 || op->window.channels % groups != 0 || out % groups != 0) { /* 0 channels: DEPTHWISE */
        return false;
    }
    if (op->kind == FML_OP_KIND_DEPTHWISE_CONV_2D) {
        return groups == op->input.shape.channels;
    }
    return op->tile_channels >= out || op->tile_channels % (groups == 1 ? 4 : out / groups) == 0;
}

uint32_t fml_op_entry_size(const fml_op *op) {
    static const uint8_t sizes[] = {
        [FML_OP_KIND_QUANTIZE] = FML_QUANTIZE_ENTRY_SIZE,
        [FML_OP_KIND_AVERAGE_POOL_2D] = FML_SCALE_SIZE,
        [FML_OP_KIND_ADD] = FML_ADD_SIZE,
        [FML_OP_KIND_MULTIPLY] = FML_SCALE_SIZE,
        [FML_OP_KIND_FILL] = 0,
    };
    return sizes[op->kind];
}

bool fml_op_params_ok(const fml_op *op) {
    const uint32_t size = op->params_size, entry = fml_op_entry_size(op);
    if (has_blocks(op)) {
        return blocks_ok(op) && fml_op_taps(op) <= FML_TAPS_MAX &&
               (fml_op_encoded(op) ? op->window.groups == 1 : stored_size(op, op->space.channels) == size);
    }
    if (op->kind == FML_OP_KIND_AVERAGE_POOL_2D) {
        return size != 0 && size % entry == 0;
    }
    return size == entry || (op->kind == FML_OP_KIND_QUANTIZE && size == op->space.channels * entry);
}
