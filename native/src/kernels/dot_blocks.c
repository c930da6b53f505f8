/* Inner loops over taps that four output channels share: kept ones (BLOCK_SPARSE_8, BLOCK_SPARSE_4) or all (DENSE_4).
 */
#include "kernels.h"

/* One pixel. Entries of `size` bytes; x0 moves by `before`, is multiplied by WEIGHT(channel), moves by `after`. */
#define DOT_4X1(size, before, after, WEIGHT)                                                                           \
    do {                                                                                                               \
        const uint8_t *const end = e + (size)*count;                                                                   \
        int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;                                                                        \
        if (e != end) {                                                                                                \
            do {                                                                                                       \
                x0 += (before);                                                                                        \
                const int x = *x0;                                                                                     \
                x0 += (after);                                                                                         \
                a0 += x * WEIGHT(0);                                                                                   \
                a1 += x * WEIGHT(1);                                                                                   \
                a2 += x * WEIGHT(2);                                                                                   \
                a3 += x * WEIGHT(3);                                                                                   \
                e += (size);                                                                                           \
            } while (e != end);                                                                                        \
        }                                                                                                              \
        sums[0] = a0;                                                                                                  \
        sums[1] = a1;                                                                                                  \
        sums[2] = a2;                                                                                                  \
        sums[3] = a3;                                                                                                  \
    } while (0)

#define BYTE(i) ((int8_t)e[1 + (i)])
#define CODE(i) codebook[e[SKIPPED + (i) / 2] >> 4 * ((i) % 2) & 15]

const uint8_t *fml_dot_block_8x1(const uint8_t *e, uint32_t count, const int8_t *x0, ptrdiff_t second,
                                 const int8_t *codebook, int32_t *sums) {
    (void)second;
    (void)codebook;
    DOT_4X1(5, e[0], 0, BYTE);
    return e;
}

#define SKIPPED 1
const uint8_t *fml_dot_block_4x1(const uint8_t *e, uint32_t count, const int8_t *x0, ptrdiff_t second,
                                 const int8_t *codebook, int32_t *sums) {
    (void)second;
    DOT_4X1(3, e[0], 0, CODE);
    return e;
}

#undef SKIPPED
#define SKIPPED 0
const uint8_t *fml_dot_dense_4x1(const uint8_t *e, uint32_t count, const int8_t *x0, ptrdiff_t second,
                                 const int8_t *codebook, int32_t *sums) {
    (void)second;
    DOT_4X1(2, 0, 1, CODE);
    return e;
}

#define TAP_1X2(a, b, i)                                                                                               \
    do {                                                                                                               \
        const int v = (int8_t)e[1 + (i)];                                                                              \
        a += x * v;                                                                                                    \
        b += y * v;                                                                                                    \
    } while (0)

const uint8_t *fml_dot_block_8x2(const uint8_t *e, uint32_t count, const int8_t *x0, ptrdiff_t second,
                                 const int8_t *codebook, int32_t *sums) {
    const uint8_t *const end = e + 5 * count;
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
    (void)codebook;
    if (e != end) {
        do {
            x0 += e[0];
            const int y = x0[second], x = *x0;
            TAP_1X2(a0, b0, 0);
            TAP_1X2(a1, b1, 1);
            TAP_1X2(a2, b2, 2);
            TAP_1X2(a3, b3, 3);
            e += 5;
        } while (e != end);
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    sums[4] = b0;
    sums[5] = b1;
    sums[6] = b2;
    sums[7] = b3;
    return e;
}

/* Two pixels and two channels, whose codes are the byte `at` of each entry: for four channels a core has too few
 * registers. */
#define DOT_2X2(size, before, after)                                                                                   \
    do {                                                                                                               \
        int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;                                                                        \
        const uint8_t *const end = e + (size)*count;                                                                   \
        if (e != end) {                                                                                                \
            do {                                                                                                       \
                const uint32_t codes = e[at];                                                                          \
                x0 += (before);                                                                                        \
                const int y = x0[second], x = *x0;                                                                     \
                x0 += (after);                                                                                         \
                int v = codebook[codes & 15];                                                                          \
                a0 += x * v;                                                                                           \
                b0 += y * v;                                                                                           \
                v = codebook[codes >> 4];                                                                              \
                a1 += x * v;                                                                                           \
                b1 += y * v;                                                                                           \
                e += (size);                                                                                           \
            } while (e != end);                                                                                        \
        }                                                                                                              \
        sums[0] = a0;                                                                                                  \
        sums[1] = a1;                                                                                                  \
        sums[4] = b0;                                                                                                  \
        sums[5] = b1;                                                                                                  \
    } while (0)

static FML_APART const uint8_t *block_4(const uint8_t *e, uint32_t count, const int8_t *x0, ptrdiff_t second,
                                        const int8_t *codebook, int32_t *sums, uint32_t at) {
    DOT_2X2(3, e[0], 0);
    return e;
}

static FML_APART const uint8_t *dense_4(const uint8_t *e, uint32_t count, const int8_t *x0, ptrdiff_t second,
                                        const int8_t *codebook, int32_t *sums, uint32_t at) {
    DOT_2X2(2, 0, 1);
    return e;
}

const uint8_t *fml_dot_block_4x2(const uint8_t *e, uint32_t count, const int8_t *x0, ptrdiff_t second,
                                 const int8_t *codebook, int32_t *sums) {
    block_4(e, count, x0, second, codebook, sums, 1);
    return block_4(e, count, x0, second, codebook, sums + 2, 2);
}

const uint8_t *fml_dot_dense_4x2(const uint8_t *e, uint32_t count, const int8_t *x0, ptrdiff_t second,
                                 const int8_t *codebook, int32_t *sums) {
    dense_4(e, count, x0, second, codebook, sums, 0);
    return dense_4(e, count, x0, second, codebook, sums + 2, 1);
}
