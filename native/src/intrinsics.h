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

/* A tap of a square of pixels: a, b += the next pair times w[0], w[1]; c, d += the pair at pairs[second] likewise;
 * w += 4. In one piece, as it takes all registers: compilers move some of the sums to and fro. Not where one is
 * reserved
 * (-fno-omit-frame-pointer wants -DFML_WITHOUT_INTRINSICS). */
#if defined(__OPTIMIZE__) && !defined(__clang__)
#define FML_SQUARE_TAP(w, pairs, second, a, b, c, d)                                                                   \
    do {                                                                                                               \
        int32_t v0, v1, pair;                                                                                          \
        __asm__("ldrsb %[v1], [%[at], #1]\n\tldrsb %[v0], [%[at]], #4\n\t"                                             \
                "ldr %[pair], [%[from], %[below]]\n\t"                                                                 \
                "smlal %[cl], %[ch], %[pair], %[v0]\n\tsmlal %[dl], %[dh], %[pair], %[v1]\n\t"                         \
                "ldr %[pair], [%[from]], #4\n\t"                                                                       \
                "smlal %[al], %[ah], %[pair], %[v0]\n\tsmlal %[bl], %[bh], %[pair], %[v1]"                             \
                : [at] "+r"(w), [from] "+r"(pairs), [al] "+r"((a).low), [ah] "+r"((a).high), [bl] "+r"((b).low),       \
                  [bh] "+r"((b).high), [cl] "+r"((c).low), [ch] "+r"((c).high), [dl] "+r"((d).low),                    \
                  [dh] "+r"((d).high), [v0] "=&r"(v0), [v1] "=&r"(v1), [pair] "=&r"(pair)                              \
                : [below] "r"((second) * sizeof *(pairs))                                                              \
                : "memory");                                                                                           \
    } while (0)
#endif

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
#define FML_KEEP_LONG(sum) FML_KEEP(sum)

static inline uint32_t fml_long_low(fml_long sum) {
    return (uint32_t)sum;
}

/* sum / 2^bits, rounded to nearest, halves up; bits: 1..31. The result fits 32 bits. */
static inline int32_t fml_long_rounded(fml_long sum, uint32_t bits) {
    return (int32_t)((sum + (INT64_C(1) << (bits - 1))) >> bits);
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

#if !defined(FML_SQUARE_TAP)
#define FML_SQUARE_TAP(w, pairs, second, a, b, c, d)                                                                   \
    do {                                                                                                               \
        const int32_t v0 = (w)[0], v1 = (w)[1];                                                                        \
        int32_t pair = (int32_t)(pairs)[second];                                                                       \
        FML_ADD_PRODUCT(c, pair, v0);                                                                                  \
        FML_ADD_PRODUCT(d, pair, v1);                                                                                  \
        pair = (int32_t) * (pairs)++;                                                                                  \
        FML_ADD_PRODUCT(a, pair, v0);                                                                                  \
        FML_ADD_PRODUCT(b, pair, v1);                                                                                  \
        (w) += 4;                                                                                                      \
    } while (0)
#endif

/* --- Two halfwords in a word, for cores that multiply both at once (ARM's DSP extension) -------------------------- */

#if defined(__GNUC__) && defined(__ARM_FEATURE_SIMD32) && !defined(FML_WITHOUT_INTRINSICS)
#define FML_HALFWORDS 1
#else
#define FML_HALFWORDS 0
#endif

/* Whether kernels that multiply halfwords are used; -DFML_DUAL_MULTIPLY=1 for tests of them on any core. */
#if !defined(FML_DUAL_MULTIPLY)
#define FML_DUAL_MULTIPLY FML_HALFWORDS
#endif

/* Bytes 0 and 2 of a word, sign-extended: SXTB16. */
static inline uint32_t fml_even_bytes(uint32_t word) {
#if FML_HALFWORDS
    uint32_t halfwords;
    __asm__("sxtb16 %0, %1" : "=r"(halfwords) : "r"(word));
    return halfwords;
#else
    const uint32_t low = word & UINT32_C(0xff), high = word & UINT32_C(0xff0000);
    return (((low ^ 128) - 128) & UINT32_C(0xffff)) | ((high ^ UINT32_C(0x800000)) - UINT32_C(0x800000));
#endif
}

/* Bytes 1 and 3 of a word, sign-extended. */
static inline uint32_t fml_odd_bytes(uint32_t word) {
#if FML_HALFWORDS
    uint32_t halfwords;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(halfwords) : "r"(word));
    return halfwords;
#else
    return fml_even_bytes(word >> 8);
#endif
}

/* The lower halfwords of two words, the first one's below: PKHBT. */
static inline uint32_t fml_low_halfwords(uint32_t first, uint32_t second) {
#if FML_HALFWORDS
    uint32_t halfwords;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(halfwords) : "r"(first), "r"(second));
    return halfwords;
#else
    return (first & UINT32_C(0xffff)) | second << 16;
#endif
}

/* The upper halfwords of two words: PKHTB. */
static inline uint32_t fml_high_halfwords(uint32_t first, uint32_t second) {
#if FML_HALFWORDS
    uint32_t halfwords;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(halfwords) : "r"(second), "r"(first));
    return halfwords;
#else
    return first >> 16 | (second & UINT32_C(0xffff0000));
#endif
}

/* sum + the product of the lower halfwords + that of the upper ones, signed: SMLAD. */
static inline int32_t fml_add_products(int32_t sum, uint32_t a, uint32_t b) {
#if FML_HALFWORDS
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
#else
    const uint32_t low = (uint32_t)((int32_t)(a << 16) >> 16) * (uint32_t)((int32_t)(b << 16) >> 16);
    const uint32_t high = (uint32_t)((int32_t)a >> 16) * (uint32_t)((int32_t)b >> 16);
    return (int32_t)((uint32_t)sum + low + high);
#endif
}

/* ------------------------------------------------------------------------------------------------------------------ */

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

/* Keeps a variable where a Cortex-M0 can only copy, add and compare, and leaves the other registers to others. */
#if defined(__GNUC__) && defined(__ARM_ARCH_6M__) && !defined(FML_WITHOUT_INTRINSICS)
#define FML_ASIDE(variable) __asm__("" : "+h"(variable))
#else
#define FML_ASIDE(variable) (void)(variable)
#endif

/* whole += sum, in a register that a Cortex-M0 has no other use for. */
static inline uint32_t fml_add_aside(uint32_t whole, uint32_t sum) {
#if defined(__GNUC__) && defined(__ARM_ARCH_6M__) && !defined(FML_WITHOUT_INTRINSICS)
    __asm__("add %0, %1" : "+h"(whole) : "l"(sum));
    return whole;
#else
    return whole + sum;
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
