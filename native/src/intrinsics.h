/* What some cores do in one instruction or two and C compilers do not find by themselves; the same in C elsewhere. */
#ifndef FML_INTRINSICS_H
#define FML_INTRINSICS_H

#include <stdint.h>

/* A sum of products, in 64 bits. Compilers move the halves of an int64_t from register to register. */
#if defined(__GNUC__) && defined(__thumb2__) && !defined(FML_WITHOUT_INTRINSICS)
typedef struct fml_long {
    uint32_t low, high;
} fml_long;

#define FML_ADD_PRODUCT(sum, a, b) __asm__("smlal %0, %1, %2, %3" : "+r"((sum).low), "+r"((sum).high) : "r"(a), "r"(b))

/* What is read through the pointer from here on is read when the sum is there. */
#define FML_AFTER(pointer, sum) __asm__("" : "+r"(pointer) : "r"((sum).low))

static inline uint32_t fml_long_low(fml_long sum) {
    return sum.low;
}

/* The last bit that is shifted out is the carry. bits: a constant. */
#define fml_long_rounded(sum, bits)                                                                                    \
    __extension__({                                                                                                    \
        uint32_t rounded;                                                                                              \
        __asm__("lsrs %0, %1, %3\n\tadc %0, %0, %2, lsl %4"                                                            \
                : "=&r"(rounded)                                                                                       \
                : "r"((sum).low), "r"((sum).high), "i"(bits), "i"(32 - (bits))                                         \
                : "cc");                                                                                               \
        (int32_t) rounded;                                                                                             \
    })
#else
typedef int64_t fml_long;

#define FML_ADD_PRODUCT(sum, a, b) ((sum) += (int64_t)(a) * (b))

#define FML_AFTER(pointer, sum) FML_KEEP(pointer)

static inline uint32_t fml_long_low(fml_long sum) {
    return (uint32_t)sum;
}

/* sum / 2^bits, rounded to nearest, halves up; bits: 1..31. The result fits 32 bits. */
static inline int32_t fml_long_rounded(fml_long sum, uint32_t bits) {
    return (int32_t)((sum + (INT64_C(1) << (bits - 1))) >> bits);
}
#endif

/* To -128..127. */
static inline int32_t fml_saturate_8(int32_t value) {
#if defined(__GNUC__) && defined(__ARM_FEATURE_SAT) && !defined(FML_WITHOUT_INTRINSICS)
    __asm__("ssat %0, #8, %0" : "+r"(value) : : "cc");
    return value;
#else
    value = value < INT8_MIN ? INT8_MIN : value;
    return value > INT8_MAX ? INT8_MAX : value;
#endif
}

/* high + sum / 2^16, rounded to nearest, halves up. |sum| < 2^31 - 2^15. The last bit that is shifted out is the carry.
 */
static inline int32_t fml_add_high(int32_t high, uint32_t sum) {
#if defined(__GNUC__) && defined(__ARM_ARCH_6M__) && !defined(FML_WITHOUT_INTRINSICS)
    __asm__(".syntax unified\n\tasrs %1, %1, #16\n\tadcs %0, %0, %1" : "+l"(high), "+l"(sum) : : "cc");
    return high;
#else
    return high + ((int32_t)(sum + UINT32_C(0x8000)) >> 16);
#endif
}

#endif
