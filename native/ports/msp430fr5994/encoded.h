/* CONV_2D with encoded weights (SPEC.md, "Encodings of weights"): one output channel after the other, of one pixel or
 * of two whose values share an operand of the multiplier (dot.h). */
#ifndef ENCODED_H
#define ENCODED_H

#include "opened.h"

/* Whether this is the encoding: never, for the linker, where no operator has it. */
static inline bool encoding_is(uint8_t encoding, uint8_t which) {
    return (encodings >> which & 1) != 0 && encoding == which;
}

/* Whether channels are stored in fours. */
static inline bool encoding_has_fours(uint8_t encoding) {
    return encoding_is(encoding, FML_WEIGHT_ENCODING_DENSE_4) ||
           encoding_is(encoding, FML_WEIGHT_ENCODING_BLOCK_SPARSE_8) ||
           encoding_is(encoding, FML_WEIGHT_ENCODING_BLOCK_SPARSE_4);
}

/* Whether operators of this encoding are multiplied with pairs of pixels. */
static inline bool encoding_is_of_pairs(uint8_t which) {
    return (encodings_of_pairs >> which & 1) != 0;
}

/* Whether any whose channels have lists are. */
static inline bool any_lists_are_opened(void) {
    return encodings_of_pairs >> FML_WEIGHT_ENCODING_SPARSE_8 != 0;
}

/* Constants of `count` output channels, of the `total` that are stored there, for outputs.inc: factor is the multiplier
 * times 2^(17 + left_shift - shift), and bits 33.. of the sum times it are the output, so the sum is not shifted itself
 * (which leaves int32 in no model, SPEC.md). False where a factor does not suit that. */
bool encoded_unpack(requantize_channel *to, const uint8_t *group, uint16_t total, uint16_t count, uint8_t left_shift);

/* --- Inner loops (encoded.S) -------------------------------------------------------------------------------------- */

/* A channel's entries, or taps: the multiplication, and what becomes of its sums. Only for encoded_lists_* and -_fours.
 */
typedef void encoded_part(void);

encoded_part encoded_block_8_one, encoded_block_low_one, encoded_block_high_one;
encoded_part encoded_dense_low_one, encoded_dense_high_one;
encoded_part encoded_dense_low_pair, encoded_dense_high_pair;
encoded_part encoded_finish_one, encoded_finish_pair; /* with constants of encoded_unpack */
encoded_part encoded_finish_any, encoded_keep_sum;

/* encoded.S knows the places of the members. */
typedef struct encoded_work {
    requantize_range range;              /* of encoded_unpack, or for encoded_finish_any */
    const uint8_t *entries;              /* go on behind those of the channels */
    const uint8_t *counts;               /* likewise; NULL: channels have all taps */
    const void *values;                  /* int8, or pairs as of dot_pack */
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

/* Channels with entries of their own, SPARSE_8 or SPARSE_4, of one pixel. finish NULL: like encoded_finish_one. */
void encoded_lists_8(encoded_work *work);
void encoded_lists_4(encoded_work *work);

/* Channels in fours that share entries, or have all taps. */
void encoded_fours(encoded_work *work);

/* Makes tables of a codebook of 16 weights. */
void encoded_open_codebook(const int8_t *codebook);

/* --- Pixels (encoded.c) ------------------------------------------------------------------------------------------- */

/* Output channels of a tile, those of a turn. */
typedef struct encoded_group {
    encoded_work work;
    const fml_work *of;
    const uint8_t *counts, *entries;
    const requantize_channel *constants;
    uint16_t channels;
    void (*run_blocks)(encoded_work *work); /* of blocks.h, for single pixels; NULL: none */
    opened_work *opened;                    /* of encoded_open */
} encoded_group;

/* stored: constants of `count` output channels and what follows them; constants: room for them. */
void encoded_begin(encoded_group *group, const fml_work *of, const uint8_t *stored, requantize_channel *constants,
                   uint16_t count);

/* Whether so many pixels may be multiplied in pairs, and are worth it. */
bool encoded_suits_pairs(const encoded_group *group, uint16_t pixels);

/* Before the first pixel, where all are multiplied one by one, or most of them in pairs. */
void encoded_begin_singles(encoded_group *group);
void encoded_begin_pairs(encoded_group *group);

/* Whether lists have to be opened for pairs. */
bool encoded_opens(const encoded_group *group);

/* Opens lists for pairs of pixels: of as many channels as there is room for, which then are the group's. Returns how
 * many: 0 where there is no room for the first ones. */
uint16_t encoded_open(encoded_group *group, opened_work *opened, opened_source *source);

/* The lists of `left` channels, from the group's first one on. pairs: where windows will be packed. */
opened_source encoded_source(const encoded_group *group, const uint32_t *pairs, uint16_t left);

/* The group goes on to the channels behind those that have been opened. */
void encoded_go_on(encoded_group *group, const opened_source *source);

/* All channels of a pixel, of a pair. `to`: at the first channel. */
void encoded_single(encoded_group *group, const int8_t *values, int8_t *to);
void encoded_pair(encoded_group *group, const uint32_t *pairs, int8_t *const *to);

#endif
