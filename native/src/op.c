/* Geometry of operators: iteration space, tiles, blocks of constants. */
#include "op.h"
#include "model_layout.h"

fml_shape fml_op_space(const fml_op *op) {
    const bool viewed = op->kind == FML_OP_KIND_QUANTIZE || op->kind == FML_OP_KIND_COPY;
    return viewed ? op->view.space : op->output.shape;
}

static uint16_t parts(uint16_t whole, uint16_t part) {
    return (uint16_t)(whole / part + (whole % part != 0));
}

/* Product of two numbers, UINT32_MAX where it does not fit: sizes in a blob that is still to be verified can be
 * anything. */
static uint32_t product(uint32_t a, uint32_t b) {
    if (((a | b) >> 16) != 0 && b != 0 && a > UINT32_MAX / b) {
        return UINT32_MAX;
    }
    return a * b;
}

uint32_t fml_op_tile_count(const fml_op *op) {
    const fml_shape space = fml_op_space(op);
    const uint32_t rows = parts(space.height, op->tile_rows);
    const uint32_t columns = parts(space.width, op->tile_columns);
    return product(product(rows, columns), parts(space.channels, op->tile_channels));
}

typedef struct range {
    uint16_t begin, end;
} range;

static range part_of(uint16_t whole, uint16_t part, uint32_t index) {
    range r;
    const uint32_t begin = index * part;
    const uint32_t end = begin + part;
    r.begin = (uint16_t)begin;
    r.end = end < whole ? (uint16_t)end : whole;
    return r;
}

fml_tile fml_op_tile(const fml_op *op, uint32_t index) {
    const fml_shape space = fml_op_space(op);
    const uint16_t row_blocks = parts(space.height, op->tile_rows);
    const uint16_t column_blocks = parts(space.width, op->tile_columns);
    const uint32_t outer = index / row_blocks;
    const range rows = part_of(space.height, op->tile_rows, index % row_blocks);
    const range columns = part_of(space.width, op->tile_columns, outer % column_blocks);
    const range channels = part_of(space.channels, op->tile_channels, outer / column_blocks);
    fml_tile tile;
    tile.row_begin = rows.begin;
    tile.row_end = rows.end;
    tile.column_begin = columns.begin;
    tile.column_end = columns.end;
    tile.channel_begin = channels.begin;
    tile.channel_end = channels.end;
    return tile;
}

uint32_t fml_op_taps(const fml_op *op) {
    const uint32_t window = product(op->window.kernel_height, op->window.kernel_width);
    if (op->kind == FML_OP_KIND_DEPTHWISE_CONV_2D) {
        return window;
    }
    return product(window, (uint32_t)(op->input.shape.channels / op->window.groups));
}

/* Output channels of a group, or of the whole block where there is one group. */
static uint16_t group_channels(const fml_op *op, uint16_t block_channels) {
    return op->window.groups == 1 ? block_channels : (uint16_t)(op->output.shape.channels / op->window.groups);
}

uint32_t fml_op_group_size(const fml_op *op, uint16_t channels) {
    const uint32_t each = fml_op_taps(op);
    if (each > UINT32_MAX - FML_CHANNEL_CONSTANTS_SIZE) {
        return UINT32_MAX;
    }
    return product(each + FML_CHANNEL_CONSTANTS_SIZE,
                   op->kind == FML_OP_KIND_CONV_2D ? fml_round_up_4(channels) : channels);
}

/* Bytes of a block of so many output channels, for the kinds that are stored in blocks. */
static uint32_t block_size(const fml_op *op, uint16_t channels) {
    if (op->kind == FML_OP_KIND_DEPTHWISE_CONV_2D) {
        return fml_op_group_size(op, channels);
    }
    const uint16_t each = group_channels(op, channels);
    return product(fml_op_group_size(op, each), (uint32_t)(channels / each));
}

static bool has_blocks(const fml_op *op) {
    return op->kind == FML_OP_KIND_CONV_2D || op->kind == FML_OP_KIND_DEPTHWISE_CONV_2D;
}

fml_block fml_op_block(const fml_op *op, const fml_tile *tile) {
    fml_block block = {0, op->params_size};
    if (has_blocks(op)) {
        const uint32_t index = (uint32_t)(tile->channel_begin / op->tile_channels);
        if (index != 0) {
            block.offset = product(index, block_size(op, op->tile_channels));
        }
        block.size = block_size(op, (uint16_t)(tile->channel_end - tile->channel_begin));
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

static bool blocks_size_ok(const fml_op *op) {
    if (!blocks_ok(op)) {
        return false;
    }
    const uint32_t last = (uint32_t)parts(op->output.shape.channels, op->tile_channels) - 1;
    const range channels = part_of(op->output.shape.channels, op->tile_channels, last);
    fml_tile tile = {0, 0, 0, 0, 0, 0};
    tile.channel_begin = channels.begin;
    tile.channel_end = channels.end;
    const fml_block block = fml_op_block(op, &tile);
    return block.offset <= op->params_size && block.size == op->params_size - block.offset;
}

bool fml_op_params_ok(const fml_op *op) {
    const uint32_t size = op->params_size;
    switch (op->kind) {
    case FML_OP_KIND_CONV_2D:
    case FML_OP_KIND_DEPTHWISE_CONV_2D:
        return blocks_size_ok(op);
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
