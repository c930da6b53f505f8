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

/* ((value + 2^(s-1)) >> s) + zero point, with s = shift + 1: value / 2^s rounded to nearest, halves up. In this form
 * nothing overflows. |value| < 2^30; rounding: of fml_rounding. */
static inline int32_t fml_shift_round(int32_t value, uint32_t shift, int32_t rounding) {
    return ((value >> shift) + rounding) >> 1;
}

static inline int32_t fml_rounding(int32_t zero_point) {
    return 2 * zero_point + 1;
}

/* Whether the core multiplies 32 by 32 bits to 64 in one instruction. */
#if !defined(FML_LONG_MULTIPLY)
#if UINTPTR_MAX > 0xffffffff || (defined(__ARM_ARCH_ISA_THUMB) && __ARM_ARCH_ISA_THUMB >= 2)
#define FML_LONG_MULTIPLY 1
#else
#define FML_LONG_MULTIPLY 0
#endif
#endif

/* accumulator * multiplier >> 16, of a product of 48 bits: the high word of a long one, or two 16-bit multiplies that
 * are cheap on every core. multiplier: 0..32767. */
static inline int32_t fml_scale(uint32_t accumulator, uint32_t multiplier) {
#if FML_LONG_MULTIPLY
    return (int32_t)((int64_t)(int32_t)accumulator * (int32_t)(multiplier << 16) >> 32);
#else
    const int32_t high = ((int32_t)accumulator >> 16) * (int32_t)multiplier;
    const uint32_t low = ((accumulator & UINT32_C(0xffff)) * multiplier) >> 16;
    return high + (int32_t)low;
#endif
}

/* The int8 output of an accumulator. shift: of fml_shift_of. */
static inline int8_t fml_requantize(uint32_t accumulator, uint32_t multiplier, uint32_t shift, const fml_range *range) {
    const int32_t scaled = fml_scale(accumulator << range->left_shift, multiplier);
    return fml_clamp(fml_shift_round(scaled, shift, fml_rounding(range->zero_point)), range);
}

#endif
