/* Inner loops over taps that four output channels share: kept ones (BLOCK_SPARSE_8, BLOCK_SPARSE_4) or all (DENSE_4).
 * One text for three ways to store four weights. */
#include "kernels.h"

#define BYTE(i) ((int8_t)e[1 + (i)])
#define CODE(i) codebook[e[1 + (i) / 2] >> 4 * ((i) % 2) & 15]
#define DENSE_CODE(i) codebook[e[(i) / 2] >> 4 * ((i) % 2) & 15]

/* Functions for entries of `size` bytes: x0 moves by `before`, is multiplied by weight(0..3), moves by `after`. */
#define DOT_4X1(name, size, before, weight, after)                                                                     \
    void name(fml_encoded *weights, uint32_t count, const int8_t *x0, ptrdiff_t second, int32_t *sums) {               \
        const int8_t *const codebook = weights->codebook;                                                              \
        const uint8_t *e = weights->entries, *const end = e + (size)*count;                                            \
        int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;                                                                        \
        for (; e != end; e += (size), x0 += (after)) {                                                                 \
            x0 += (before);                                                                                            \
            const int x = *x0;                                                                                         \
            a0 += x * weight(0);                                                                                       \
            a1 += x * weight(1);                                                                                       \
            a2 += x * weight(2);                                                                                       \
            a3 += x * weight(3);                                                                                       \
        }                                                                                                              \
        weights->entries = e;                                                                                          \
        sums[0] = a0;                                                                                                  \
        sums[1] = a1;                                                                                                  \
        sums[2] = a2;                                                                                                  \
        sums[3] = a3;                                                                                                  \
        (void)second;                                                                                                  \
        (void)codebook;                                                                                                \
    }

#define TAP_1X2(a, b, weight)                                                                                          \
    do {                                                                                                               \
        const int v = weight;                                                                                          \
        a += x * v;                                                                                                    \
        b += y * v;                                                                                                    \
    } while (0)

#define DOT_4X2(name, size, before, weight, after)                                                                     \
    void name(fml_encoded *weights, uint32_t count, const int8_t *x0, ptrdiff_t second, int32_t *sums) {               \
        const int8_t *const codebook = weights->codebook;                                                              \
        const uint8_t *e = weights->entries, *const end = e + (size)*count;                                            \
        int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;                                        \
        for (; e != end; e += (size), x0 += (after)) {                                                                 \
            x0 += (before);                                                                                            \
            const int y = x0[second], x = *x0;                                                                         \
            TAP_1X2(a0, b0, weight(0));                                                                                \
            TAP_1X2(a1, b1, weight(1));                                                                                \
            TAP_1X2(a2, b2, weight(2));                                                                                \
            TAP_1X2(a3, b3, weight(3));                                                                                \
        }                                                                                                              \
        weights->entries = e;                                                                                          \
        sums[0] = a0;                                                                                                  \
        sums[1] = a1;                                                                                                  \
        sums[2] = a2;                                                                                                  \
        sums[3] = a3;                                                                                                  \
        sums[4] = b0;                                                                                                  \
        sums[5] = b1;                                                                                                  \
        sums[6] = b2;                                                                                                  \
        sums[7] = b3;                                                                                                  \
        (void)codebook;                                                                                                \
    }

DOT_4X1(fml_dot_block_8x1, 5, e[0], BYTE, 0)
DOT_4X2(fml_dot_block_8x2, 5, e[0], BYTE, 0)
DOT_4X1(fml_dot_block_4x1, 3, e[0], CODE, 0)
DOT_4X2(fml_dot_block_4x2, 3, e[0], CODE, 0)
DOT_4X1(fml_dot_dense_4x1, 2, 0, DENSE_CODE, 1)
DOT_4X2(fml_dot_dense_4x2, 2, 0, DENSE_CODE, 1)
