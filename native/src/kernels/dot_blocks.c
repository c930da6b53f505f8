/* Inner loops over taps that four output channels share: kept ones (BLOCK_SPARSE_8, BLOCK_SPARSE_4) or all (DENSE_4).
 */
#include "kernels.h"

#define BYTE(i) ((int8_t)e[FIRST + (i)])
#define CODE(i) codebook[e[FIRST + (i) / 2] >> 4 * ((i) % 2) & 15]

/* Four channels, one pixel. */
#define TAP_4X1(WEIGHT)                                                                                                \
    do {                                                                                                               \
        const int x = *x0;                                                                                             \
        a0 += x * WEIGHT(0);                                                                                           \
        a1 += x * WEIGHT(1);                                                                                           \
        a2 += x * WEIGHT(2);                                                                                           \
        a3 += x * WEIGHT(3);                                                                                           \
    } while (0)

#define PRODUCTS(a, b, weight)                                                                                         \
    do {                                                                                                               \
        const int v = (weight);                                                                                        \
        FML_KEEP(e);                                                                                                   \
        a += x * v;                                                                                                    \
        b += y * v;                                                                                                    \
    } while (0)

/* Four channels, two pixels. */
#define TAP_4X2(WEIGHT)                                                                                                \
    do {                                                                                                               \
        const int y = x0[second], x = *x0;                                                                             \
        PRODUCTS(a0, b0, WEIGHT(0));                                                                                   \
        PRODUCTS(a1, b1, WEIGHT(1));                                                                                   \
        PRODUCTS(a2, b2, WEIGHT(2));                                                                                   \
        PRODUCTS(a3, b3, WEIGHT(3));                                                                                   \
    } while (0)

/* Entries of `size` bytes; x0 moves by `before` to the entry's tap, then by `after`: unless 0, the
 * entries are all taps, of which there is one. */
#define FOR_EACH_ENTRY(size, before, after, TAP, WEIGHT)                                                               \
    do {                                                                                                               \
        const uint8_t *const end = e + (size)*count;                                                                   \
        if ((after) != 0 || count != 0) {                                                                              \
            do {                                                                                                       \
                x0 += (before);                                                                                        \
                FML_KEEP(x0);                                                                                          \
                TAP(WEIGHT);                                                                                           \
                x0 += (after);                                                                                         \
                e += (size);                                                                                           \
                FML_KEEP(e);                                                                                           \
            } while (e != end);                                                                                        \
        }                                                                                                              \
    } while (0)

#define DOT_4X1(size, before, after, WEIGHT)                                                                           \
    do {                                                                                                               \
        const int8_t *x0 = source[0];                                                                                  \
        int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;                                                                        \
        FOR_EACH_ENTRY(size, before, after, TAP_4X1, WEIGHT);                                                          \
        sums[0] = a0;                                                                                                  \
        sums[1] = a1;                                                                                                  \
        sums[2] = a2;                                                                                                  \
        sums[3] = a3;                                                                                                  \
        return e;                                                                                                      \
    } while (0)

#define DOT_4X2(size, before, after, WEIGHT)                                                                           \
    do {                                                                                                               \
        const int8_t *x0 = source[0];                                                                                  \
        const ptrdiff_t second = source[1] - x0;                                                                       \
        int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;                                        \
        FOR_EACH_ENTRY(size, before, after, TAP_4X2, WEIGHT);                                                          \
        sums[0] = a0;                                                                                                  \
        sums[1] = a1;                                                                                                  \
        sums[2] = a2;                                                                                                  \
        sums[3] = a3;                                                                                                  \
        sums[FML_ENCODED_CHANNELS] = b0;                                                                               \
        sums[FML_ENCODED_CHANNELS + 1] = b1;                                                                           \
        sums[FML_ENCODED_CHANNELS + 2] = b2;                                                                           \
        sums[FML_ENCODED_CHANNELS + 3] = b3;                                                                           \
        return e;                                                                                                      \
    } while (0)

/* Two channels, four pixels whose bytes stand in turn. */
#define PIXEL(a, b, i)                                                                                                 \
    do {                                                                                                               \
        const int x = x0[i];                                                                                           \
        a += x * v;                                                                                                    \
        b += x * w;                                                                                                    \
    } while (0)

#define TAP_2X4(CODES)                                                                                                 \
    do {                                                                                                               \
        const uint32_t codes = CODES;                                                                                  \
        const int v = codebook[codes & 15], w = codebook[codes >> 4];                                                  \
        PIXEL(a0, b0, 0);                                                                                              \
        PIXEL(a1, b1, 1);                                                                                              \
        PIXEL(a2, b2, 2);                                                                                              \
        PIXEL(a3, b3, 3);                                                                                              \
    } while (0)

#define DOT_2X4(size, before, after)                                                                                   \
    do {                                                                                                               \
        const int8_t *x0 = source[0];                                                                                  \
        int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;                                        \
        FOR_EACH_ENTRY(size, before, after, TAP_2X4, *e);                                                              \
        sums[0] = a0;                                                                                                  \
        sums[1] = b0;                                                                                                  \
        sums[FML_ENCODED_CHANNELS] = a1;                                                                               \
        sums[FML_ENCODED_CHANNELS + 1] = b1;                                                                           \
        sums[2 * FML_ENCODED_CHANNELS] = a2;                                                                           \
        sums[2 * FML_ENCODED_CHANNELS + 1] = b2;                                                                       \
        sums[3 * FML_ENCODED_CHANNELS] = a3;                                                                           \
        sums[3 * FML_ENCODED_CHANNELS + 1] = b3;                                                                       \
        return e;                                                                                                      \
    } while (0)

#define FIRST 1

const uint8_t *fml_dot_block_8x1(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                 int32_t *sums) {
    (void)codebook;
    DOT_4X1(5, e[0], 0, BYTE);
}

const uint8_t *fml_dot_block_8x2(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                 int32_t *sums) {
    (void)codebook;
    DOT_4X2(5, e[0], 0, BYTE);
}

const uint8_t *fml_dot_block_4x1(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                 int32_t *sums) {

    DOT_4X1(3, e[0], 0, CODE);
}

static FML_APART const uint8_t *block_4_2x4(const uint8_t *e, uint32_t count, const int8_t *const *source,
                                            const int8_t *codebook, int32_t *sums, ptrdiff_t distance) {
    DOT_2X4(3, 4 * e[distance], 0);
}

const uint8_t *fml_dot_block_4x4(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                 int32_t *sums) {
    block_4_2x4(e + 1, count, source, codebook, sums, -1);
    return block_4_2x4(e + 2, count, source, codebook, sums + 2, -2) - 2;
}

#undef FIRST
#define FIRST 0
const uint8_t *fml_dot_dense_4x1(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                 int32_t *sums) {

    DOT_4X1(2, 0, 1, CODE);
}

static FML_APART const uint8_t *dense_4_2x4(const uint8_t *e, uint32_t count, const int8_t *const *source,
                                            const int8_t *codebook, int32_t *sums) {
    DOT_2X4(2, 0, 4);
}

const uint8_t *fml_dot_dense_4x4(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                 int32_t *sums) {
    dense_4_2x4(e, count, source, codebook, sums);
    return dense_4_2x4(e + 1, count, source, codebook, sums + 2) - 1;
}
