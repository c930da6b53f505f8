/* Inner loop of CONV_2D for single pixels: 4 output channels. In a file of its own, so that compilers give it all
 * registers.
 *
 * Sums are signed, for compilers to keep them in this order: up to FML_TAPS_MAX taps they cannot overflow. The product
 * of two int8 fits a 16-bit int: one multiply on 16-bit cores. */
#include "../intrinsics.h"
#include "kernels.h"

#if FML_FAST

/* Weights are loaded one after the other, and pointers move at once: compilers would rather keep more of both. */
#define PRODUCT(sum, i)                                                                                                \
    do {                                                                                                               \
        sum += x * w[i];                                                                                               \
        FML_AFTER(w, sum);                                                                                             \
    } while (0)

#define TAP(i)                                                                                                         \
    do {                                                                                                               \
        const int x = x0[i];                                                                                           \
        PRODUCT(a0, 4 * (i));                                                                                          \
        PRODUCT(a1, 4 * (i) + 1);                                                                                      \
        PRODUCT(a2, 4 * (i) + 2);                                                                                      \
        PRODUCT(a3, 4 * (i) + 3);                                                                                      \
    } while (0)

#if FML_DUAL_MULTIPLY

/* Taps i and i + 2: the bytes that a word's even (or odd) ones are. */
#define TAPS(i, x)                                                                                                     \
    do {                                                                                                               \
        const uint32_t v = fml_read_u32((const uint8_t *)w + 4 * (i)),                                                 \
                       u = fml_read_u32((const uint8_t *)w + 4 * (i) + 8);                                             \
        const uint32_t v01 = fml_low_halfwords(v, u), v23 = fml_high_halfwords(v, u);                                  \
        a0 = fml_add_products(a0, x, fml_even_bytes(v01));                                                             \
        a1 = fml_add_products(a1, x, fml_odd_bytes(v01));                                                              \
        a2 = fml_add_products(a2, x, fml_even_bytes(v23));                                                             \
        a3 = fml_add_products(a3, x, fml_odd_bytes(v23));                                                              \
        FML_AFTER(w, a3);                                                                                              \
    } while (0)

#define TAPS_4(i)                                                                                                      \
    do {                                                                                                               \
        const uint32_t bytes = fml_read_u32((const uint8_t *)x0 + (i)), even = fml_even_bytes(bytes);                  \
        const uint32_t odd = fml_odd_bytes(bytes);                                                                     \
        TAPS(i, even);                                                                                                 \
        TAPS((i) + 1, odd);                                                                                            \
    } while (0)

#else

#define TAPS_4(i)                                                                                                      \
    do {                                                                                                               \
        TAP(i);                                                                                                        \
        TAP((i) + 1);                                                                                                  \
        TAP((i) + 2);                                                                                                  \
        TAP((i) + 3);                                                                                                  \
    } while (0)

#endif

void fml_dot_4x1(const int8_t *w, const fml_lines *lines, int32_t *sums) {
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    const int8_t *x0 = lines->at;
    for (fml_index rows = lines->rows; rows != 0; --rows, x0 += lines->gap) {
        const int8_t *end = x0 + lines->length;
        for (const int8_t *odd = x0 + lines->length % 8; x0 != odd; ++x0, w += 4) {
            FML_ASIDE(odd);
            TAP(0);
        }
        while (x0 != end) {
            FML_ASIDE(end);
            TAPS_4(0);
            TAPS_4(4);
            x0 += 8;
            w += 32;
            FML_KEEP(w);
        }
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
}

#endif
