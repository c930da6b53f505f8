/* CONV_2D with encoded weights (SPEC.md, "Encodings of weights"): one output channel after the other, of one pixel or
 * of two whose values share an operand of the multiplier (dot.h). */
#ifndef ENCODED_H
#define ENCODED_H

#include "requantize.h"

/* --- Inner loops (encoded.S) -------------------------------------------------------------------------------------- */

/* A channel's entries, or taps: the multiplication, and what becomes of its sums. Only for encoded_lists and -_fours.
 */
typedef void encoded_part(void);

encoded_part encoded_sparse_8_one, encoded_sparse_4_one, encoded_block_8_one, encoded_block_low_one,
    encoded_block_high_one, encoded_dense_low_one, encoded_dense_high_one;
encoded_part encoded_sparse_8_pair, encoded_sparse_4_pair, encoded_block_8_pair, encoded_block_low_pair,
    encoded_block_high_pair, encoded_dense_low_pair, encoded_dense_high_pair;
encoded_part encoded_finish_one, dot_finish_pair, encoded_keep_sum;

/* encoded.S knows the places of the members. */
typedef struct encoded_work {
    requantize_range range;
    const uint8_t *entries; /* go on behind those of the channels */
    const uint8_t *counts;  /* likewise; NULL: channels have all taps */
    const void *values;     /* int8, or pairs as of dot_pack, half a pair on where entries have distances */
    const requantize_channel *constants; /* of the first channel */
    int8_t *to[2];                       /* of the pixels; encoded_keep_sum puts int32 to the second one */
    uint16_t channels;                   /* 1 at least; 0 afterwards */
    encoded_part *loops[2];              /* of even channels, of odd ones */
    encoded_part *finish;
    /* Of channels in fours: */
    uint16_t taps;        /* that these four have */
    uint16_t first, step; /* bytes of an entry before its weights, and in all */
    uint16_t codes;       /* not 0: weights have 4 bits */
    uint16_t internal;
} encoded_work;

/* Channels with entries of their own; channels in fours that share theirs, or have all taps. */
void encoded_lists(encoded_work *work);
void encoded_fours(encoded_work *work);

/* Makes tables of a codebook of 16 weights. */
void encoded_open_codebook(const int8_t *codebook);

/* --- Pixels (encoded.c) ------------------------------------------------------------------------------------------- */

/* Output channels of a tile. */
typedef struct encoded_group {
    encoded_work work;
    const fml_work *of;
    const uint8_t *counts, *entries;
    uint16_t channels;
    encoded_part *loops[2][2]; /* of a pixel, of a pair */
} encoded_group;

/* stored: behind the constants of `count` output channels. */
void encoded_begin(encoded_group *group, const fml_work *of, const uint8_t *stored, const requantize_channel *constants,
                   uint16_t count);

/* Whether no channel has more entries than sums of pairs can take (dot.h). */
bool encoded_suits_pairs(const encoded_group *group);

/* All channels of a pixel, of a pair. `to`: at the first channel. */
void encoded_single(encoded_group *group, const int8_t *values, int8_t *to);
void encoded_pair(encoded_group *group, const uint32_t *pairs, int8_t *const *to);

#endif
