/* Inside of CONV_2D with encoded weights (SPEC.md, "Encodings of weights"). */
#ifndef FML_ENCODED_H
#define FML_ENCODED_H

#include "../weights.h"
#include "pair_sum.h"

/* Pairs of pixels, at most, that share the decoding of a weight: a core with few registers wants fewer. */
#if !defined(FML_ENCODED_PAIRS)
#if defined(__ARM_ARCH_6M__) || UINTPTR_MAX <= 0xffff
#define FML_ENCODED_PAIRS 2
#else
#define FML_ENCODED_PAIRS 4
#endif
#endif

/* Output channels from `first` on, `count` of them, and their weights. */
typedef struct fml_encoded {
    fml_patches *patches; /* the buffer: fml_encoded_scratch bytes */
    const fml_channel *channels;
    const int8_t *codebook; /* for 4-bit codes */
    const uint8_t *counts, *entries;
    uint32_t first, count;
    uint32_t taps; /* 0 where lists have counts */
} fml_encoded;

/* The length of the next list of entries, all taps where lists have no counts. */
static inline uint32_t fml_encoded_length(uint32_t taps, const uint8_t **counts) {
    if (taps == 0) {
        taps = fml_read_u16(*counts);
        *counts += FML_COUNT_SIZE;
    }
    return taps;
}

/* --- Pixels one by one (encoded.c) -------------------------------------------------------------------------------- */

/* Inner loops: `count` entries (DENSE_4, OFFSET_8: taps) from `e` on, x0 the window's bytes. Set the sums of one output
 * channel, or of four; return what follows the entries. */
typedef const uint8_t *fml_dot_encoded(const uint8_t *e, uint32_t count, const int8_t *x0, const int8_t *codebook,
                                       int32_t *sums);
fml_dot_encoded fml_dot_sparse_8, fml_dot_sparse_4, fml_dot_block_8, fml_dot_block_4, fml_dot_dense_4;
fml_dot_encoded fml_dot_offset_8; /* weights with their offset: sums are fml_offset_sum too high, modulo 2^32 */

/* 128 times the sum of a window's bytes (dot_offset.c). */
uint32_t fml_offset_sum(const int8_t *x0, uint32_t taps);

/* --- Pairs of pixels (encoded_pairs.c) ---------------------------------------------------------------------------- */

/* How many pairs, of so many pixels, share the decoding of a weight: 4, 2, or 0. */
uint32_t fml_encoded_pairs(const fml_op *op, uint32_t pixels);

/* All pixels of the tile; `pairs` share the decoding of a weight. */
void fml_encoded_run_pairs(const fml_encoded *encoded, uint32_t pairs);

/* The windows of some pixels, in words, tap for tap: first those of `each` pairs side by side, then those of as many
 * others (encoded_windows.c). */
typedef struct fml_origin {
    fml_index row, column, element; /* of the first tap, in the input, where it may not lie */
} fml_origin;

typedef struct fml_windows {
    const fml_work *work;
    const fml_patches *patches;
    uint32_t *words;
    int8_t *outside;      /* zero points, for a tap's channels */
    uint32_t pairs, each; /* 2 or 4 */
    uint32_t taps;        /* of a window */
    fml_origin origins[8];
} fml_windows;

/* Memory is that of the buffer: fml_windows_size bytes. */
void fml_windows_begin(fml_windows *windows, const fml_patches *patches, uint32_t pairs, uint32_t each);
uint32_t fml_windows_size(const fml_op *op, uint32_t pairs);

/* Pixel `index` is the one `at`. */
void fml_windows_set(fml_windows *windows, uint32_t index, const fml_pixel *at);

/* Gathers the windows of all pixels, which have been set. */
void fml_windows_pack(const fml_windows *windows);

/* Two pixels: the sums of an output channel, and where the pixels' outputs are. */
typedef struct fml_pair_out {
    fml_pair_sum sums;
    int8_t *to[2];
} fml_pair_out;

#define FML_OUT 4 /* the sums of the next channel stand so far behind */

/* Some entries of a list, and the windows of their taps. */
typedef struct fml_entries {
    const uint8_t *at;     /* the next one; moved on */
    const uint32_t *pairs; /* the last one's tap, or the first tap of all; moved on */
    const int8_t *codebook;
    uint32_t count; /* FML_PAIR_TAPS at most */
    fml_pair_out *out;
} fml_entries;

/* Inner loops: set the sums of two pairs or four, of one output channel or (two pairs) of two. */
typedef void fml_dot_entries(fml_entries *entries);
fml_dot_entries fml_dot_sparse_8x2, fml_dot_sparse_8x4, fml_dot_sparse_4x2, fml_dot_sparse_4x4;

/* The lower two and the higher two of four output channels that share their taps. */
fml_dot_entries fml_dot_block_8_low, fml_dot_block_8_high, fml_dot_block_4_low, fml_dot_block_4_high;
fml_dot_entries fml_dot_dense_4_low, fml_dot_dense_4_high;

#endif
