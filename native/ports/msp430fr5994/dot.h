/* The inner loops of CONV_2D (dot.S) on the hardware multiplier. It has one accumulator, so each output channel has its
 * turn: every fourth byte of weights [taps][4]. The multiplier's second operand may have 32 bits: two pixels' values in
 * one product. */
#ifndef DOT_H
#define DOT_H

#include "requantize.h"

/* So many taps at most are multiplied in pairs. A first pixel's sum has to stay below 2^22, which it does up to 255;
 * this is what memory is spent on. */
#define DOT_PAIR_TAPS 160

/* dot.S knows the places of the members. */
typedef struct dot_work {
    requantize_range range;
    const int8_t *weights;               /* of the first output channel */
    const void *values;                  /* of the window */
    uint16_t taps, channels;             /* 1 at least */
    const requantize_channel *constants; /* of the first output channel */
    int8_t *to[2];                       /* of a pixel, of the second one of a pair */
    const int8_t *channel;               /* for dot_sum */
    uint16_t internal[5];                /* set by dot_prepare */
} dot_work;

/* Windows that lie in memory in rows. */
typedef struct dot_rows {
    uint32_t *pairs;
    const int8_t *from[2]; /* first taps of two pixels */
    uint16_t bytes, rows;  /* 1 at least */
    uint16_t step;         /* from row to row */
} dot_rows;

/* Prepares work for its taps. The other functions change no more of it than `channel`. */
void dot_prepare(dot_work *work);

/* pairs[i] = x0[i] + 2^23 x1[i], the values that dot_pairs wants. */
void dot_pack(const dot_rows *rows);

/* The same of values that stand in turn: x0[0], x1[0], x0[1], ... They may stand in the pairs' second half. */
void dot_pack_turns(uint32_t *pairs, const int8_t *values, uint16_t taps);

/* The int8 of all channels of two pixels. taps: at most DOT_PAIR_TAPS. */
void dot_pairs(dot_work *work);

/* The same of one pixel, whose values are int8. */
void dot_single(dot_work *work);

/* The sum of the products of a pixel with the channel whose first weight is work->channel; then it is the next one's.
 */
int32_t dot_sum(dot_work *work);

#endif
