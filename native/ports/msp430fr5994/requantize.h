/* Accumulators to int8 (SPEC.md, "Numbers") on the hardware multiplier: shifts are multiplications, too, and half of
 * their product is dropped by not reading it. */
#ifndef REQUANTIZE_H
#define REQUANTIZE_H

#include "kernels/kernels.h"

/* Constants of an output channel as requantize wants them, in the place of an fml_channel. With s = shift - 1:
 * s >= 16: factor = multiplier << (32 - s), and the result of the shift are bits 48.. of the accumulator times it.
 * s < 16: factor = multiplier << (16 - s), bits 32.. of the product; bit 31 is set. */
typedef struct requantize_channel {
    uint32_t bias;
    uint32_t factor;
} requantize_channel;

/* requantize.S and dot.S know the places of the members. */
typedef struct requantize_range {
    int16_t zero_point;
    uint16_t scale; /* 2^left_shift */
    int16_t low, high;
    uint16_t pools; /* not 0: the int8 that is there takes the place of low */
} requantize_range;

typedef struct requantize_work {
    requantize_range range;
    const int32_t *sums;
    const requantize_channel *channels;
    int8_t *to;
    uint16_t count; /* outputs, 1 at least */
    uint16_t
        back; /* bytes from an output's constants back to the next one's: sizeof(requantize_channel) for the same */
} requantize_work;

/* The factor of a multiplier and a shift, as they are stored. */
uint32_t requantize_factor(uint16_t multiplier, uint8_t shift);

requantize_range requantize_range_of(const fml_op *op);

/* Whether an operator takes sums or passes some on; false, for the linker, where none does. */
static inline bool passes_sums(const fml_op *op) {
    return has_sums && (op->flags & (FML_OP_FLAG_SUMS_OUT | FML_OP_FLAG_SUMS_IN)) != 0;
}

/* fml_finish, whose patches are of this work. */
void finish(const fml_work *work, int8_t *to, int32_t *sums, const requantize_channel *channels, uint16_t count);

/* to[i] = the int8 of sums[i] + bias. */
void requantize(const requantize_work *work);

#endif
