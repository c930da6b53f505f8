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
#define FML_KEEP_LONG(sum) __asm__("" : "+r"((sum).low), "+r"((sum).high))

static inline int64_t fml_long_value(fml_long sum) {
    return (int64_t)((uint64_t)sum.high << 32 | sum.low);
}
#else
typedef int64_t fml_long;

#define FML_ADD_PRODUCT(sum, a, b) ((sum) += (int64_t)(a) * (b))
#define FML_KEEP_LONG(sum) FML_KEEP(sum)

static inline int64_t fml_long_value(fml_long sum) {
    return sum;
}
#endif

/* from[0] and from[1], at a multiple of 4 bytes. */
#if defined(__GNUC__) && defined(__thumb2__) && !defined(FML_WITHOUT_INTRINSICS)
typedef struct fml_two {
    uint32_t one, other;
} fml_two;

#define FML_LOAD_TWO(one, other, from)                                                                                 \
    __asm__("ldrd %0, %1, %2" : "=&r"(one), "=&r"(other) : "o"(*(const fml_two *)(const void *)(from)))

/* The same, and a signed byte, moving `from` on. */
#define FML_TAKE_TWO(one, other, from)                                                                                 \
    __asm__ volatile("ldrd %0, %1, [%2], #8" : "=&r"(one), "=&r"(other), "+&r"(from) : : "memory")
#define FML_TAKE_BYTE(byte, from) __asm__ volatile("ldrsb %0, [%1], #1" : "=r"(byte), "+&r"(from) : : "memory")
#else
#define FML_LOAD_TWO(one, other, from) ((one) = (from)[0], (other) = (from)[1])
#define FML_TAKE_TWO(one, other, from) ((one) = (from)[0], (other) = (from)[1], (from) += 2)
#define FML_TAKE_BYTE(byte, from) ((byte) = *(from)++)
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

/* value / 2^shift, rounded to nearest, halves up, plus `more`. shift: 1..32. Again, the last bit shifted out is the
 * carry.
 */
static inline int32_t fml_shift_add(int32_t value, uint32_t shift, int32_t more) {
#if defined(__GNUC__) && defined(__thumb2__) && !defined(FML_WITHOUT_INTRINSICS)
    __asm__("asrs %0, %0, %1\n\tadc %0, %0, %2" : "+r"(value) : "r"(shift), "r"(more) : "cc");
    return value;
#else
    return (((value >> (shift - 1)) + 1) >> 1) + more;
#endif
}

#endif
