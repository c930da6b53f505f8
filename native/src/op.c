/* Geometry of operators: iteration space, tiles, blocks of constants. */
#include "op.h"
#include "bytes.h"
#include "model_layout.h"

static const fml_shape *space_of(const fml_op *op) {
    const bool viewed = op->kind == FML_OP_KIND_QUANTIZE || op->kind == FML_OP_KIND_COPY;
    return viewed ? &op->view.space : &op->output.shape;
}

fml_shape fml_op_space(const fml_op *op) {
    return *space_of(op);
}

static uint16_t parts(uint16_t whole, uint16_t part) {
    return (uint16_t)(whole / part + (whole % part != 0));
}

/* Product of two numbers, FML_SIZE_MAX where it is larger: sizes in a blob that is still to be verified can be
 * anything. */
static uint32_t product(uint32_t a, uint32_t b) {
    return b != 0 && a > FML_SIZE_MAX / b ? FML_SIZE_MAX : a * b;
}

uint32_t fml_op_tile_count(const fml_op *op) {
    const fml_shape *space = space_of(op);
    const uint32_t rows = parts(space->height, op->tile_rows);
    const uint32_t columns = parts(space->width, op->tile_columns);
    return product(product(rows, columns), parts(space->channels, op->tile_channels));
}

/* Part `index` of an axis cut in pieces of `part`. */
static void cut(uint16_t whole, uint16_t part, uint32_t index, uint16_t *begin, uint16_t *end) {
    const uint32_t first = index * part;
    *begin = (uint16_t)first;
    *end = whole - first > part ? (uint16_t)(first + part) : whole;
}

fml_tile fml_op_tile(const fml_op *op, uint32_t index) {
    const fml_shape *space = space_of(op);
    const uint16_t rows = parts(space->height, op->tile_rows);
    const uint16_t columns = parts(space->width, op->tile_columns);
    const uint32_t outer = index / rows;
    fml_tile tile;
    cut(space->height, op->tile_rows, index % rows, &tile.row_begin, &tile.row_end);
    cut(space->width, op->tile_columns, outer % columns, &tile.column_begin, &tile.column_end);
    cut(space->channels, op->tile_channels, outer / columns, &tile.channel_begin, &tile.channel_end);
    return tile;
}

uint32_t fml_op_taps(const fml_op *op) {
    const uint32_t window = product(op->window.kernel_height, op->window.kernel_width);
    if (op->kind == FML_OP_KIND_DEPTHWISE_CONV_2D) {
        return window;
    }
    return product(window, (uint32_t)(op->input.shape.channels / op->window.groups));
}

/* Bytes of constants and weights of one output channel. */
static uint32_t channel_size(const fml_op *op) {
    return FML_CHANNEL_CONSTANTS_SIZE + fml_op_taps(op);
}

uint32_t fml_op_group_size(const fml_op *op, uint16_t channels) {
    return product(op->kind == FML_OP_KIND_CONV_2D ? fml_round_up_4(channels) : channels, channel_size(op));
}

/* Bytes of so many channels that begin where a block does: blocks end at a whole group or a multiple of 4 channels, so
 * that this is where the next one begins, too. */
static uint32_t stored_size(const fml_op *op, uint16_t channels) {
    const uint16_t groups = op->window.groups;
    if (op->kind != FML_OP_KIND_CONV_2D || groups == 1) {
        return fml_op_group_size(op, channels);
    }
    const uint16_t each = (uint16_t)(op->output.shape.channels / groups);
    return product((uint32_t)(channels / each), fml_op_group_size(op, each));
}

static bool has_blocks(const fml_op *op) {
    return op->kind == FML_OP_KIND_CONV_2D || op->kind == FML_OP_KIND_DEPTHWISE_CONV_2D;
}

fml_block fml_op_block(const fml_op *op, const fml_tile *tile) {
    fml_block block = {0, op->params_size};
    if (has_blocks(op)) {
        block.offset = stored_size(op, tile->channel_begin);
        block.size = stored_size(op, (uint16_t)(tile->channel_end - tile->channel_begin));
    }
    return block;
}

/* Whether groups and channel blocks cut the channels as SPEC.md says. */
static bool blocks_ok(const fml_op *op) {
    const uint16_t in = op->input.shape.channels, out = op->output.shape.channels, groups = op->window.groups;
    if (groups == 0 || in % groups != 0 || out % groups != 0) {
        return false;
    }
    if (op->kind == FML_OP_KIND_DEPTHWISE_CONV_2D) {
        return groups == in;
    }
    if (groups == 1) {
        return op->tile_channels >= out || op->tile_channels % 4 == 0;
    }
    return op->tile_channels >= out || op->tile_channels % (out / groups) == 0;
}

bool fml_op_params_ok(const fml_op *op) {
    const uint32_t size = op->params_size;
    switch (op->kind) {
    case FML_OP_KIND_CONV_2D:
    case FML_OP_KIND_DEPTHWISE_CONV_2D:
        return blocks_ok(op) && stored_size(op, op->output.shape.channels) == size;
    case FML_OP_KIND_QUANTIZE:
        return size == FML_QUANTIZE_ENTRY_SIZE || size == (uint32_t)op->view.space.channels * FML_QUANTIZE_ENTRY_SIZE;
    case FML_OP_KIND_AVERAGE_POOL_2D:
        return size != 0 && size % FML_SCALE_SIZE == 0;
    case FML_OP_KIND_MULTIPLY:
        return size == FML_SCALE_SIZE;
    case FML_OP_KIND_ADD:
        return size == FML_ADD_SIZE;
    default:
        return size == 0;
    }
}
