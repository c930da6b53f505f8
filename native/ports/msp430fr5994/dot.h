/* The inner loops of CONV_2D (dot.S) on the hardware multiplier. It has one accumulator, so each output channel has its
 * turn: every fourth byte of weights [taps][4]. The multiplier's second operand may have 32 bits: two pixels' values in
 * one product. */
#ifndef DOT_H
#define DOT_H

#include <stdint.h>

/* So many taps at most are multiplied in pairs. A first pixel's sum has to stay below 2^22, which it does up to 255;
 * this is what memory is spent on. */
#define DOT_PAIR_TAPS 160

/* pairs[i] = x0[i] + 2^23 x1[i], for dot_pairs. taps >= 1. */
void dot_pack(uint32_t *pairs, const int8_t *x0, const int8_t *x1, uint16_t taps);

/* Sums of `channels` 1..4 output channels, of two pixels: sums[0..] of the first, sums[4..] of the second.
 * taps: 1..DOT_PAIR_TAPS. */
void dot_pairs(const int8_t *w, const uint32_t *pairs, uint16_t taps, uint16_t channels, int32_t *sums);

/* The same of one pixel. taps >= 1. */
void dot_single(const int8_t *w, const int8_t *x, uint16_t taps, uint16_t channels, int32_t *sums);

#endif
