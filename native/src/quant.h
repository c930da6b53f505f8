/* Requantization, int32 accumulator -> int8, with a 16-bit multiplier (SPEC.md, "Numbers"). `>>` of a negative number
 * is the arithmetic shift, as all compilers that the project knows have it. */
#ifndef FML_QUANT_H
#define FML_QUANT_H

#include <stdint.h>

/* Constants of one output channel, unpacked. 8 bytes. */
typedef struct fml_channel {
    uint32_t bias;       /* int32, added modulo 2^32 */
    uint16_t multiplier; /* 0..32767; more gives wrong numbers, nothing worse */
    uint8_t shift;       /* 1..31 */
    uint8_t reserved;
} fml_channel;

/* What all outputs of an op share. */
typedef struct fml_range {
    int32_t zero_point, low, high;
    uint8_t left_shift;
} fml_range;

static inline int8_t fml_clamp(int32_t value, const fml_range *range) {
    if (value < range->low) {
        value = range->low;
    }
    if (value > range->high) {
        value = range->high;
    }
    return (int8_t)value;
}

/* A stored shift 1..31, less one; any other byte gives some shift, too, that C defines. */
static inline uint8_t fml_shift_of(uint8_t stored) {
    return (uint8_t)(stored - 1) & 31;
}

/* (value + 2^(s-1)) >> s with s = shift + 1, that is value / 2^s rounded to nearest, halves up; in this form nothing
 * overflows. */
static inline int32_t fml_shift_round(int32_t value, uint8_t shift) {
    return ((value >> shift) + 1) >> 1;
}

/* The int8 output of an accumulator. The 48-bit product is made of two 16-bit multiplies, cheap on every core. */
static inline int8_t fml_requantize(uint32_t accumulator, uint16_t multiplier, uint8_t shift, const fml_range *range) {
    const uint32_t a = accumulator << range->left_shift;
    const int32_t high = ((int32_t)a >> 16) * (int32_t)multiplier;
    const uint32_t low = ((a & UINT32_C(0xffff)) * multiplier) >> 16;
    return fml_clamp(fml_shift_round(high + (int32_t)low, shift) + range->zero_point, range);
}

#endif
