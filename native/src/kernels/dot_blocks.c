/* Inner loops over taps that four output channels share: kept ones (BLOCK_SPARSE_8, BLOCK_SPARSE_4) or all (DENSE_4).
 */
#include "entries.h"

/* Weight i of four, from byte `first` of an entry on. */
#define BYTE(first, i) ((int8_t)e[(first) + (i)])
#define CODE(first, i) codebook[e[(first) + (i) / 2] >> 4 * ((i) % 2) & 15]

/* An entry of `size` bytes: x0 moves by `before` to its tap, then by `after`. */
#define ENTRY(size, before, after, PRODUCTS)                                                                           \
    do {                                                                                                               \
        x0 += (before);                                                                                                \
        FML_KEEP(x0);                                                                                                  \
        PRODUCTS;                                                                                                      \
        x0 += (after);                                                                                                 \
        e += (size);                                                                                                   \
        FML_KEEP(e);                                                                                                   \
    } while (0)

/* Four channels, one pixel. */
#define PRODUCTS_4X1(WEIGHT, first)                                                                                    \
    do {                                                                                                               \
        const int x = *x0;                                                                                             \
        a0 += x * WEIGHT(first, 0);                                                                                    \
        a1 += x * WEIGHT(first, 1);                                                                                    \
        a2 += x * WEIGHT(first, 2);                                                                                    \
        a3 += x * WEIGHT(first, 3);                                                                                    \
    } while (0)

#define DOT_4X1(ENTRIES, size, before, after, WEIGHT, first)                                                           \
    do {                                                                                                               \
        const int8_t *x0 = source[0];                                                                                  \
        int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;                                                                        \
        ENTRIES(size, ENTRY(size, before, after, PRODUCTS_4X1(WEIGHT, first)));                                        \
        sums[0] = a0;                                                                                                  \
        sums[1] = a1;                                                                                                  \
        sums[2] = a2;                                                                                                  \
        sums[3] = a3;                                                                                                  \
        return e;                                                                                                      \
    } while (0)

/* Four channels, two pixels. */
#define PRODUCTS_1X2(a, b, i)                                                                                          \
    do {                                                                                                               \
        const int v = BYTE(1, i);                                                                                      \
        FML_KEEP(e);                                                                                                   \
        a += x * v;                                                                                                    \
        b += y * v;                                                                                                    \
    } while (0)

#define PRODUCTS_4X2()                                                                                                 \
    do {                                                                                                               \
        const int y = x0[second], x = *x0;                                                                             \
        PRODUCTS_1X2(a0, b0, 0);                                                                                       \
        PRODUCTS_1X2(a1, b1, 1);                                                                                       \
        PRODUCTS_1X2(a2, b2, 2);                                                                                       \
        PRODUCTS_1X2(a3, b3, 3);                                                                                       \
    } while (0)

/* Two channels, four pixels whose bytes stand in turn. */
#define PIXEL(a, b, i)                                                                                                 \
    do {                                                                                                               \
        const int x = x0[i];                                                                                           \
        a += x * v;                                                                                                    \
        b += x * w;                                                                                                    \
    } while (0)

#define PRODUCTS_2X4()                                                                                                 \
    do {                                                                                                               \
        const uint32_t codes = *e;                                                                                     \
        const int v = codebook[codes & 15], w = codebook[codes >> 4];                                                  \
        PIXEL(a0, b0, 0);                                                                                              \
        PIXEL(a1, b1, 1);                                                                                              \
        PIXEL(a2, b2, 2);                                                                                              \
        PIXEL(a3, b3, 3);                                                                                              \
    } while (0)

#define DOT_2X4(ENTRIES, size, before, after)                                                                          \
    do {                                                                                                               \
        const int8_t *x0 = source[0];                                                                                  \
        int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;                                        \
        ENTRIES(size, ENTRY(size, before, after, PRODUCTS_2X4()));                                                     \
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

const uint8_t *fml_dot_block_8x1(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                 int32_t *sums) {
    (void)codebook;
    DOT_4X1(FML_ENTRIES_IN_PAIRS, 5, e[0], 0, BYTE, 1);
}

const uint8_t *fml_dot_block_8x2(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                 int32_t *sums) {
    const int8_t *x0 = source[0];
    const ptrdiff_t second = source[1] - x0;
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
    (void)codebook;
    FML_ENTRIES(5, ENTRY(5, e[0], 0, PRODUCTS_4X2()));
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    sums[FML_ENCODED_CHANNELS] = b0;
    sums[FML_ENCODED_CHANNELS + 1] = b1;
    sums[FML_ENCODED_CHANNELS + 2] = b2;
    sums[FML_ENCODED_CHANNELS + 3] = b3;
    return e;
}

const uint8_t *fml_dot_block_4x1(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                 int32_t *sums) {
    DOT_4X1(FML_ENTRIES, 3, e[0], 0, CODE, 1);
}

static FML_APART const uint8_t *block_4_2x4(const uint8_t *e, uint32_t count, const int8_t *const *source,
                                            const int8_t *codebook, int32_t *sums, ptrdiff_t distance) {
    DOT_2X4(FML_ENTRIES, 3, 4 * e[distance], 0);
}

const uint8_t *fml_dot_block_4x4(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                 int32_t *sums) {
    block_4_2x4(e + 1, count, source, codebook, sums, -1);
    return block_4_2x4(e + 2, count, source, codebook, sums + 2, -2) - 2;
}

const uint8_t *fml_dot_dense_4x1(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                 int32_t *sums) {
    DOT_4X1(FML_SOME_ENTRIES, 2, 0, 1, CODE, 0);
}

static FML_APART const uint8_t *dense_4_2x4(const uint8_t *e, uint32_t count, const int8_t *const *source,
                                            const int8_t *codebook, int32_t *sums) {
    DOT_2X4(FML_SOME_ENTRIES, 2, 0, 4);
}

const uint8_t *fml_dot_dense_4x4(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                 int32_t *sums) {
    dense_4_2x4(e, count, source, codebook, sums);
    return dense_4_2x4(e + 1, count, source, codebook, sums + 2) - 1;
}
