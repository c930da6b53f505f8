/* Inner loop over weights plus 128 (OFFSET_8): bytes without a sign, which a Cortex-M0 loads in one instruction. Four
 * taps of a channel side by side are a word, of which cores with dual multiplies do two at once.
 *
 * Sums are modulo 2^32: fml_offset_sum, taken away at last, brings them back to where they fit. A product fits a 16-bit
 * int. */
#include "../intrinsics.h"
#include "encoded.h"

#define PRODUCT(sum, i)                                                                                                \
    do {                                                                                                               \
        sum += (uint32_t)(x * e[i]);                                                                                   \
        FML_AFTER(e, sum);                                                                                             \
    } while (0)

/* A tap whose four weights are `each` bytes apart. */
#define TAP(tap, i, each)                                                                                              \
    do {                                                                                                               \
        const int x = x0[tap];                                                                                         \
        PRODUCT(a0, (i));                                                                                              \
        PRODUCT(a1, (i) + (each));                                                                                     \
        PRODUCT(a2, (i) + 2 * (each));                                                                                 \
        PRODUCT(a3, (i) + 3 * (each));                                                                                 \
    } while (0)

#if FML_FAST && FML_DUAL_MULTIPLY

/* In a register: so one instruction shifts a word and takes these bytes. */
#define PREPARE()                                                                                                      \
    (void)codebook;                                                                                                    \
    uint32_t even_bytes = UINT32_C(0xff00ff);                                                                          \
    FML_KEEP(even_bytes)

#define CHANNEL(sum, i)                                                                                                \
    do {                                                                                                               \
        const uint32_t four = fml_read_u32(e + (i));                                                                   \
        sum = (uint32_t)fml_add_products((int32_t)sum, even, four & even_bytes);                                       \
        sum = (uint32_t)fml_add_products((int32_t)sum, odd, four >> 8 & even_bytes);                                   \
        FML_AFTER(e, sum);                                                                                             \
    } while (0)

#define FOUR_TAPS(tap, i)                                                                                              \
    do {                                                                                                               \
        const uint32_t bytes = fml_read_u32((const uint8_t *)x0 + (tap));                                              \
        const uint32_t even = fml_even_bytes(bytes), odd = fml_odd_bytes(bytes);                                       \
        CHANNEL(a0, (i));                                                                                              \
        CHANNEL(a1, (i) + 4);                                                                                          \
        CHANNEL(a2, (i) + 8);                                                                                          \
        CHANNEL(a3, (i) + 12);                                                                                         \
    } while (0)

#define ADD_4(tap)                                                                                                     \
    do {                                                                                                               \
        const uint32_t bytes = fml_read_u32((const uint8_t *)x0 + (tap));                                              \
        sum = fml_add_products(sum, fml_even_bytes(bytes), UINT32_C(0x10001));                                         \
        sum = fml_add_products(sum, fml_odd_bytes(bytes), UINT32_C(0x10001));                                          \
    } while (0)

#else

#define PREPARE() (void)codebook

#define ADD_4(tap) sum += (x0[tap] + x0[(tap) + 1]) + (x0[(tap) + 2] + x0[(tap) + 3])

#define FOUR_TAPS(tap, i)                                                                                              \
    do {                                                                                                               \
        TAP((tap), (i), 4);                                                                                            \
        TAP((tap) + 1, (i) + 1, 4);                                                                                    \
        TAP((tap) + 2, (i) + 2, 4);                                                                                    \
        TAP((tap) + 3, (i) + 3, 4);                                                                                    \
    } while (0)

#endif

#define AT_A_TIME (FML_FAST ? 8 : 4) /* taps */

/* So many taps, whose weights take four bytes each. */
#define NEXT(taps)                                                                                                     \
    do {                                                                                                               \
        x0 += (taps);                                                                                                  \
        e += 4 * (taps);                                                                                               \
        FML_KEEP(e);                                                                                                   \
    } while (0)

const uint8_t *fml_dot_offset_8(const uint8_t *e, uint32_t count, const int8_t *x0, const int8_t *codebook,
                                int32_t *sums) {
    uint32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    PREPARE();
    const int8_t *end = x0 + (count & ~(AT_A_TIME - UINT32_C(1)));
    while (x0 != end) {
        FML_ASIDE(end);
        FOUR_TAPS(0, 0);
        if (AT_A_TIME == 8) {
            FOUR_TAPS(4, 16);
        }
        NEXT(AT_A_TIME);
    }
    if (count % AT_A_TIME >= 4) {
        FOUR_TAPS(0, 0);
        NEXT(4);
    }
    for (end = x0 + count % 4; x0 != end;) {
        FML_ASIDE(end);
        TAP(0, 0, 1);
        NEXT(1);
    }
    sums[0] = (int32_t)a0;
    sums[1] = (int32_t)a1;
    sums[2] = (int32_t)a2;
    sums[3] = (int32_t)a3;
    return e;
}

uint32_t fml_offset_sum(const int8_t *x0, uint32_t taps) {
    const int8_t *const end = x0 + taps;
    int32_t sum = 0;
    while (FML_FAST && end - x0 >= 8) {
        ADD_4(0);
        ADD_4(4);
        x0 += 8;
    }
    for (; x0 != end; ++x0) {
        sum += *x0;
    }
    return (uint32_t)sum << 7;
}
