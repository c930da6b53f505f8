/* Inside of the kernels: one function per operator kind, and what they share. */
#ifndef FML_KERNELS_H
#define FML_KERNELS_H

#include "../bytes.h"
#include "../model_layout.h"
#include "../op.h"
#include "../quant.h"

/* --- Kernels: each writes exactly work->tile ---------------------------------------------------------------------- */

void fml_kernel_conv_2d(const fml_work *work);
void fml_kernel_depthwise_conv_2d(const fml_work *work);
void fml_kernel_pool(const fml_work *work);        /* MAX_POOL_2D, AVERAGE_POOL_2D */
void fml_kernel_elementwise(const fml_work *work); /* ADD, MULTIPLY */
void fml_kernel_strided(const fml_work *work);     /* QUANTIZE, COPY */
void fml_kernel_fill(const fml_work *work);

/* Scratch of the kernels that want some, in bytes. */
uint32_t fml_kernel_conv_2d_scratch(const fml_op *op);
uint32_t fml_kernel_depthwise_conv_2d_scratch(const fml_op *op);

/* Sets the bytes of the tile, sets bytes (fill.c). */
void fml_fill_tile(const fml_work *work, int8_t value);
void fml_fill(int8_t *to, int8_t value, fml_index count);

/* Puts what a table of 256 bytes has for them, index q + 128, in the place of `count` >= 1 bytes (look_up.c). */
void fml_look_up(int8_t *to, const uint8_t *table, fml_index count);

static inline fml_range fml_output_range(const fml_op *op) {
    fml_range range;
    range.zero_point = op->output.zero_point;
    range.low = op->activation_min;
    range.high = op->activation_max;
    range.left_shift = op->left_shift;
    return range;
}

/* The int8 of an accumulator, by a stored multiplier and shift (FML_SCALE_SIZE bytes; requantize.c). */
int8_t fml_requantize_scaled(uint32_t accumulator, const uint8_t *scale, const fml_range *range);

/* --- Windows (window.c) ------------------------------------------------------------------------------------------ */

/* First row, first column of the window of an output row, column; negative in the padding. */
static inline fml_distance fml_window_row(const fml_op *op, fml_index row) {
    return (fml_distance)(row * op->window.stride_height) - op->window.pad_top;
}

static inline fml_distance fml_window_column(const fml_op *op, fml_index column) {
    return (fml_distance)(column * op->window.stride_width) - op->window.pad_left;
}

/* index / pool; pools of one or two need no division, which many cores lack. */
static inline fml_index fml_pooled(fml_index index, fml_index pool) {
    return FML_FAST && pool <= 2 ? index >> (pool - 1) : index / pool;
}

/* Elements from tap to tap of a window. */
typedef struct fml_steps {
    fml_index row, column;
} fml_steps;

/* Steps of an op's windows in its input. */
fml_steps fml_window_steps(const fml_op *op);

/* Whether all taps of an axis lie in the input. */
static inline bool fml_axis_inside(fml_distance origin, fml_index kernel, fml_index dilation, fml_index size) {
    return origin >= 0 && (fml_index)origin + (kernel - 1) * dilation < size;
}

/* Element (row, column, channel) of a tensor, counted from its start. */
static inline fml_index fml_element(const fml_shape *shape, fml_index row, fml_index column, fml_index channel) {
    return (row * shape->width + column) * shape->channels + channel;
}

/* --- Pixels of a tile in row order (pixels.c) ------------------------------------------------------------------- */

typedef struct fml_pixel {
    fml_index row, column;
} fml_pixel;

typedef struct fml_pixels {
    fml_pixel at; /* the next one */
    fml_index row_end, column_begin, column_end;
} fml_pixels;

fml_pixels fml_pixels_of(const fml_tile *tile);
void fml_pixels_advance(fml_pixels *pixels);

static inline bool fml_pixels_left(const fml_pixels *pixels) {
    return pixels->at.row != pixels->row_end;
}

/* --- Runs: the bytes of the tile in the output, as pieces that lie side by side (pixels.c) ------------------------ */

typedef struct fml_runs {
    fml_index offset, length; /* of the current run, from the start of the tensor; set by fml_runs_next */
    const fml_work *work;
    fml_pixels pixels; /* where the next runs begin */
} fml_runs;

/* One run per row of the tile where it has all channels and per_pixel is false, else one per pixel. */
void fml_runs_begin(fml_runs *runs, const fml_work *work, bool per_pixel);
bool fml_runs_next(fml_runs *runs);

/* --- Patches: what convolutions read for two output pixels at a time (patches.c)
 * -------------------------------------- */

/* Windows that leave the input, or do not lie in memory as the kernel wants them, are gathered into a buffer, with zero
 * points for the taps outside: the multiply loops know no borders. Both windows of a pair are, or none. */
typedef struct fml_patches {
    const fml_work *work;
    fml_index first_channel, channels; /* input channels that the kernel reads */
    fml_pixels pixels;
    bool pools;                            /* an output pixel is the largest of some */
    fml_index rows_inside, columns_inside; /* less are first rows and columns of windows that lie in the input */
    int8_t *buffer;                        /* set by the kernel: fml_patches_size bytes */
    bool in_place;                         /* set by the kernel: windows inside the input are read where they lie */
    bool goes_on;     /* the pair beside the last one, where it lies in the input, differs from it by the moves only */
    fml_index column; /* of the input, where the last pair's second window begins */
    fml_index column_move, source_move, target_move; /* to the pair beside */
    /* Set by fml_patches_next: */
    bool paired;             /* two pixels; else the odd last one, twice */
    const int8_t *source[2]; /* first tap of the window, at first_channel */
    int8_t *target[2];       /* the output pixel, at channel 0 */
    fml_steps steps;         /* from tap to tap */
} fml_patches;

/* All pixels of the work's tile; of a convolution that pools, all that its output pixels are the largest of. */
void fml_patches_begin(fml_patches *patches, const fml_work *work, fml_index first_channel, fml_index channels);
bool fml_patches_next(fml_patches *patches);

/* Whether a kernel row of a window inside the input is one piece of memory; `whole`: the window. Then it need not be
 * gathered. */
static inline bool fml_in_pieces(const fml_op *op, bool whole) {
    const fml_window *window = &op->window;
    const uint32_t tap = fml_op_group_share(op, window->channels);
    const uint32_t line = tap * window->kernel_width;
    const fml_steps steps = fml_window_steps(op);
    return (window->kernel_width == 1 || steps.column == tap) &&
           (!whole || window->kernel_height == 1 || steps.row == line);
}

/* The window at (row, first_column) as bytes in (kernel row, kernel column, channel) order (gather.c). */
void fml_gather(const fml_patches *patches, fml_distance row, fml_distance first_column, int8_t *to);

/* Bytes of fml_patches.buffer: 0 where no window needs it. */
uint32_t fml_patches_size(const fml_op *op, uint32_t channels, bool in_place);

/* --- Constants of output channels (channels.c)
 * -------------------------------------------------------------------------- */

/* Unpacks channels begin..end of a stored group of `total` channels (bias, multipliers, shifts). */
void fml_channels_unpack(fml_channel *to, const uint8_t *group, uint32_t total, uint32_t begin, uint32_t end);

/* `count` >= 1 outputs of a pixel, the first one at `to`: what becomes of sums[i] + bias, the int8 (where `pools`, if
 * it is larger than the one that is there) or, in parts, a sum. Changes sums. */
void fml_finish(const fml_patches *patches, int8_t *to, int32_t *sums, const fml_channel *channels, uint32_t count);

/* The same, from output channel `channel` on, for both pixels of a pair; the second one's sums are sums[step + i]. */
void fml_finish_pair(const fml_patches *patches, uint32_t channel, int32_t *sums, uint32_t step,
                     const fml_channel *channels, uint32_t count);

/* Sums in parts, of a pixel's channels (sums.c): adds what they came to so far; with their biases they go out where
 * that is not all yet. Tensors of sums have FML_SUM_SIZE bytes for each byte of an output. */
void fml_pass_sums(const fml_work *work, const int8_t *to, int32_t *sums, const fml_channel *channels, uint32_t count);

/* --- Inner loops of CONV_2D (dot_4.c, pairs.c, dot_pairs.c) ------------------------------------------------------- */

/* Output channels between two requantizations; a multiple of 4. */
#define FML_DENSE_CHANNELS 16

/* The bytes of one window, or of two, in pieces. */
typedef struct fml_lines {
    const int8_t *at;       /* the first window's next byte */
    ptrdiff_t second;       /* from a byte of the first window to the second one's */
    fml_index rows, length; /* pieces; bytes of each */
    fml_index gap;          /* bytes between one and the next */
    fml_index left;         /* bytes that are left of this one */
} fml_lines;

/* A pair's windows. What lies in one piece is one. */
static inline fml_lines fml_lines_of(const fml_patches *patches) {
    const fml_window *window = &patches->work->op->window;
    fml_lines lines;
    lines.at = patches->source[0];
    lines.second = patches->source[1] - lines.at;
    lines.rows = window->kernel_height;
    lines.length = patches->channels * window->kernel_width;
    lines.gap = patches->steps.row - lines.length;
    if (lines.gap == 0) {
        lines.length *= lines.rows;
        lines.rows = 1;
    }
    lines.left = lines.length;
    return lines;
}

/* sums[0..3] = weights [taps][4] times the bytes of the first window, of four channels. */
void fml_dot_4x1(const int8_t *w, const fml_lines *lines, int32_t *sums);

/* A byte of either window, y * 2^FML_PAIR_SHIFT + x, and how many of them can be multiplied and added up. */
#define FML_PAIR_SHIFT (FML_LONG_MULTIPLY ? 23 : 16)
#define FML_PAIR_TAPS UINT32_C(256)

/* The next `count` pairs. */
void fml_pair(fml_lines *lines, uint32_t *to, uint32_t count);

/* Weights [taps][4] times pairs, of so many channels, 4 at most: sums[0..] of the first window,
 * sums[FML_DENSE_CHANNELS..] of the second one. All four may change. taps: at most FML_PAIR_TAPS. */
void fml_dot_pairs(const int8_t *w, const uint32_t *pairs, uint32_t taps, uint32_t channels, int32_t *sums);

/* The same for four pixels, of two channels. pairs: those of the upper pixels, from pairs[second] on of the lower ones.
 * sums[0], sums[1], and so on every FML_DENSE_CHANNELS: upper left, upper right, lower left, lower right; largest: only
 * sums[0] and sums[1], the largest of each four. Only where FML_FAST. */
void fml_dot_squares(const int8_t *w, const uint32_t *pairs, uint32_t second, uint32_t taps, bool largest,
                     int32_t *sums);

static inline int32_t fml_larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

/* The largest of a square's four sums takes the first one's place. */
static inline void fml_largest_of_square(int32_t *sums) {
    sums[0] = fml_larger(fml_larger(sums[0], sums[FML_DENSE_CHANNELS]),
                         fml_larger(sums[2 * FML_DENSE_CHANNELS], sums[3 * FML_DENSE_CHANNELS]));
}

/* Kernel rows that squares of pixels multiply at a time (squares.c), with room for so many pairs and a kernel whose
 * rows are pieces of memory; 0: pixels had better go two at a time. channels: of the output. */
fml_index fml_squares_rows(const fml_op *op, fml_index channels, uint32_t words);

/* `count` output channels of the group, from channel `first`, for all pixels of the tile. */
void fml_squares_run(fml_patches *patches, const int8_t *weights, const fml_channel *channels, fml_index first,
                     fml_index count, uint32_t *pairs, fml_index rows);

/* --- Encoded weights (encoded.c) ---------------------------------------------------------------------------------- */

/* Output channels from `first` on, `count` of them, whose weights are `stored`, for all pixels of the tile.
 * patches->buffer: fml_encoded_scratch bytes. */
void fml_encoded_run(fml_patches *patches, const uint8_t *stored, const fml_channel *channels, uint32_t first,
                     uint32_t count);

/* Bytes of patches->buffer, of all tiles. */
uint32_t fml_encoded_scratch(const fml_op *op);

#endif
