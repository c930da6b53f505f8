/* CONV_2D with encoded weights (SPEC.md, "Encodings of weights"), a pixel and an output channel at a time. */
#ifndef ENCODED_H
#define ENCODED_H

#include "gather.h"
#include "requantize.h"

/* Output channels first..first+count. */
typedef struct encoded_group {
    const window_of *window;
    const uint8_t *stored; /* behind the constants of the channels */
    const requantize_channel *channels;
    uint16_t first, count;
} encoded_group;

void encoded_pixels(const encoded_group *group);

/* --- Inner loops (encoded.S knows the places of the members) ------------------------------------------------------ */

/* Lists of entries, each of one output channel; entries, counts and sums go on behind what was read and written. */
typedef struct encoded_lists {
    const uint8_t *entries, *counts;
    const int8_t *values;
    int32_t *sums;
    uint16_t lists; /* 1 at least */
} encoded_lists;

void encoded_sparse_8(encoded_lists *lists);
void encoded_sparse_4(encoded_lists *lists);

/* Four output channels that share their taps. Adds to sums[0..3]. */
typedef struct encoded_four {
    const uint8_t *weights; /* of the first tap: 4 bytes, or 2 of codes */
    const int8_t *values;   /* one for each tap */
    int32_t *sums;
    uint16_t taps, step; /* 1 at least; bytes from a tap's weights to the next one's */
} encoded_four;

void encoded_four_8(const encoded_four *four);
void encoded_four_4(const encoded_four *four);

/* The values of `taps` >= 1 entries of `step` bytes, which begin with the distance from the value before: the first one
 * from `from`. Returns where the last one is. */
const int8_t *encoded_take(const uint8_t *entries, const int8_t *from, uint16_t taps, uint16_t step, int8_t *to);

/* Makes tables of a codebook of 16 weights, for the functions whose names end in 4. */
void encoded_open_codebook(const int8_t *codebook);

#endif
