/* Operators as the kernels see them: decoded from the blob, checked by verify.c, run tile by tile by interp.c. */
#ifndef FML_OP_H
#define FML_OP_H

#include "bytes.h"
#include "optional.h"
#include "freeml.h"
#include "model_layout.h"

#define FML_NO_INDEX UINT16_C(0xffff)

typedef struct fml_shape {
    uint16_t height, width, channels;
} fml_shape;

/* Tensor, window, view and the first part of an operator lie in memory as they are stored (model.c). */

typedef struct fml_tensor {
    uint32_t offset; /* bytes from the start of the arena */
    fml_shape shape;
    int8_t zero_point;
    uint8_t reserved;
    uint32_t scale; /* a float32, never used */
} fml_tensor;

typedef struct fml_window {
    uint16_t kernel_height, kernel_width;
    uint8_t stride_height, stride_width, dilation_height, dilation_width, pad_top, pad_left;
    uint16_t groups, first_channel, channels;
    uint8_t pool_height, pool_width;
} fml_window;

/* One side of a strided copy, in elements. */
typedef struct fml_strides {
    uint32_t offset;
    int32_t row, column, depth;
} fml_strides;

typedef struct fml_view {
    fml_shape space; /* rows, columns, depth */
    uint16_t reserved;
    fml_strides source, destination;
} fml_view;

typedef struct fml_op {
    uint8_t kind, flags;
    uint16_t input_index, input2_index, output_index, attribute;
    uint16_t tile_rows, tile_columns, tile_channels, commit_every;
    int8_t activation_min, activation_max;
    uint8_t left_shift, encoding;
    uint16_t reserved;
    uint32_t params, params_size;     /* in the WEIGHTS section */
    uint32_t lookup;                  /* in the WEIGHTS section */
    fml_tensor input, input2, output; /* where the index is FML_NO_INDEX, only offset 0 */
    fml_window window;                /* kinds with a window */
    fml_view view;                    /* QUANTIZE, COPY */
    fml_shape space;                  /* iteration space: rows, columns, channels */
    uint16_t index;                   /* in the model */
    uint8_t sample_type;              /* QUANTIZE: the model's sample type */
} fml_op;

/* Half-open box of the op's iteration space. */
typedef struct fml_tile {
    uint16_t row_begin, row_end, column_begin, column_end, channel_begin, channel_end;
} fml_tile;

/* What a kernel gets. Pointers to tensors are to the whole tensor, not to the tile. */
typedef struct fml_work {
    const fml_op *op;
    fml_tile tile;
    const uint8_t *sample; /* QUANTIZE: the sample, little-endian elements, any alignment */
    const int8_t *input;
    const int8_t *input2;
    int8_t *output;
    const uint8_t *params; /* constants of the tile's channel block (see fml_op_block), any alignment; NULL: none */
    const uint8_t *lookup; /* 256 bytes, index q + 128; NULL: none. Only COPY and QUANTIZE apply it (else interp.c) */
    uint8_t *scratch;      /* fml_kernel_scratch(op) bytes, aligned to 4 */
} fml_work;

/* Product of the axes; FML_SIZE_MAX where it is larger. A tensor's bytes. */
uint32_t fml_shape_size(const fml_shape *shape);

/* Whether the op goes through a view: QUANTIZE, COPY. */
bool fml_op_viewed(const fml_op *op);

/* Element (row, column, depth) of one side of a view. */
uint32_t fml_view_element(const fml_strides *strides, uint32_t row, uint32_t column, uint32_t depth);

/* Whether the weights are encoded, in blocks behind a directory (encoding.h). */
static inline bool fml_op_encoded(const fml_op *op) {
    return FML_ENCODINGS && op->encoding != 0;
}

/* Number of tiles; rows vary fastest, then columns, then channel blocks, so that a channel block's weights stay loaded.
 */
uint32_t fml_op_tile_count(const fml_op *op);

/* Box of tile number `index` < fml_op_tile_count(op). */
fml_tile fml_op_tile(const fml_op *op, uint32_t index);

/* Constants of the channels channel_begin..channel_end of a block: offset from op->params and size in bytes.
 * CONV_2D and DEPTHWISE_CONV_2D store one block per tile_channels; other kinds have one block. Not for encoded weights.
 */
typedef struct fml_block {
    uint32_t offset, size;
} fml_block;
fml_block fml_op_block(const fml_op *op, const fml_tile *tile);

/* Stored sizes of constants in bytes. */
#define FML_CHANNEL_CONSTANTS_SIZE 7 /* bias, multiplier, shift of one channel, beside its weights */
#define FML_QUANTIZE_ENTRY_SIZE 7
#define FML_ADD_SIZE 5
#define FML_SCALE_SIZE 3 /* MULTIPLY; each entry of AVERAGE_POOL_2D */

#define FML_SUM_SIZE 4 /* an accumulator in a tensor of sums: little-endian, any alignment */

/* Weights per output channel: so many products of two int8, whatever they are, stay in int32. */
#define FML_TAPS_MAX UINT32_C(0x1ffff)

/* Bytes of one entry of constants, its last byte a shift; 0 for kinds without constants and those stored in blocks. */
uint32_t fml_op_entry_size(const fml_op *op);

/* Whether params_size (unless weights are encoded) and, for the kinds stored in blocks, groups, taps and tile_channels
 * are what SPEC.md says. Safe on any numbers but for zeros in shapes, windows and tiles. */
bool fml_op_params_ok(const fml_op *op);

/* Whether a CONV_2D pools on the way out. */
static inline bool fml_op_pools(const fml_op *op) {
    return op->window.pool_height * op->window.pool_width != 1;
}

/* Whether an op's output is accumulators, 4 bytes each. */
static inline bool fml_op_sums_out(const fml_op *op) {
    return (op->flags & FML_OP_FLAG_SUMS_OUT) != 0;
}

/* What a group has of so many channels. Most layers have one group, most small cores no division. */
static inline uint32_t fml_op_group_share(const fml_op *op, uint32_t channels) {
    return FML_FAST && op->window.groups <= 1 ? channels : channels / op->window.groups;
}

/* Weights per output channel: CONV_2D kernel_height * kernel_width * input channels of a group, DEPTHWISE_CONV_2D
 * kernel_height * kernel_width. At most FML_SIZE_MAX, whatever the numbers. */
uint32_t fml_op_taps(const fml_op *op);

/* Bytes of constants and weights of one CONV_2D group, or DEPTHWISE_CONV_2D block, of so many output channels. */
uint32_t fml_op_group_size(const fml_op *op, uint32_t channels);

/* Most output channels that are stored together: those of a group, where there is one, of a block. */
uint32_t fml_op_group_channels(const fml_op *op);

/* CONV_2D stores channels in fours. */
static inline uint32_t fml_round_up_4(uint32_t n) {
    return (n + 3) & ~UINT32_C(3);
}

/* Bytes of scratch that the op's kernel wants, aligned to 4, largest over its tiles. */
uint32_t fml_kernel_scratch(const fml_op *op);

/* Runs the kernel of work->op->kind on work->tile (without the look-up, except for COPY and QUANTIZE). Infallible on
 * verified ops, whatever the values of the constants. */
void fml_kernel_run(const fml_work *work);

#endif
