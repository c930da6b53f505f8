/* Inner loops over the kept weights of one output channel. Zeros cost nothing: where the next tap is, its entry says.
 */
#include "entries.h"

/* One pixel: entry i from `e` on. */
#define TAP_8X1(i)                                                                                                     \
    do {                                                                                                               \
        x0 += e[2 * (i)];                                                                                              \
        FML_KEEP(x0);                                                                                                  \
        a += *x0 * (int8_t)e[2 * (i) + 1];                                                                             \
    } while (0)

#define TAP_4X1(i)                                                                                                     \
    do {                                                                                                               \
        const uint32_t entry = e[i];                                                                                   \
        x0 += entry & 15;                                                                                              \
        FML_KEEP(x0);                                                                                                  \
        a += *x0 * codebook[entry >> 4];                                                                               \
    } while (0)

#define TWICE(TAP)                                                                                                     \
    TAP(0);                                                                                                            \
    TAP(1)

#define FOUR_TIMES(TAP)                                                                                                \
    TWICE(TAP);                                                                                                        \
    TAP(2);                                                                                                            \
    TAP(3)

/* Entries of `size` bytes, `unrolled` at a time. */
#define DOT_X1(size, TAP, unrolled, TAPS)                                                                              \
    do {                                                                                                               \
        const uint8_t *const end = e + (size)*count;                                                                   \
        const int8_t *x0 = source[0];                                                                                  \
        int32_t a = 0;                                                                                                 \
        for (uint32_t odd = count % (unrolled); odd != 0; --odd, e += (size)) {                                        \
            TAP(0);                                                                                                    \
        }                                                                                                              \
        if (count >= (unrolled)) {                                                                                     \
            do {                                                                                                       \
                TAPS(TAP);                                                                                             \
                e += (unrolled) * (size);                                                                              \
                FML_KEEP(e);                                                                                           \
            } while (e != end);                                                                                        \
        }                                                                                                              \
        sums[0] = a;                                                                                                   \
        return e;                                                                                                      \
    } while (0)

/* Moves to the next entry's tap, whose weight is v: its distance is times the pixels whose bytes stand in turn. */
#define NEXT_8(pixels)                                                                                                 \
    x0 += (pixels) * *e++;                                                                                             \
    FML_KEEP(e);                                                                                                       \
    const int v = (int8_t)*e++

#define NEXT_4(pixels)                                                                                                 \
    const uint32_t entry = *e++;                                                                                       \
    const int v = codebook[entry >> 4];                                                                                \
    x0 += (pixels) * (entry & 15)

#define TAP_X4(NEXT)                                                                                                   \
    do {                                                                                                               \
        NEXT(1);                                                                                                       \
        FML_KEEP(e);                                                                                                   \
        FML_KEEP(x0);                                                                                                  \
        a += *x0 * v;                                                                                                  \
        b += x0[x1] * v;                                                                                               \
        c += x0[x2] * v;                                                                                               \
        d += x0[x3] * v;                                                                                               \
    } while (0)

#define TAP_X8(NEXT)                                                                                                   \
    do {                                                                                                               \
        NEXT(8);                                                                                                       \
        FML_KEEP(e);                                                                                                   \
        FML_KEEP(x0);                                                                                                  \
        a += x0[0] * v;                                                                                                \
        b += x0[1] * v;                                                                                                \
        c += x0[2] * v;                                                                                                \
        d += x0[3] * v;                                                                                                \
        f += x0[4] * v;                                                                                                \
        g += x0[5] * v;                                                                                                \
        h += x0[6] * v;                                                                                                \
        i += x0[7] * v;                                                                                                \
    } while (0)

/* Entries of `size` bytes. */
#define DOT_X4(size, NEXT)                                                                                             \
    do {                                                                                                               \
        const int8_t *x0 = source[0];                                                                                  \
        const ptrdiff_t x1 = source[1] - x0, x2 = source[2] - x0, x3 = source[3] - x0;                                 \
        int32_t a = 0, b = 0, c = 0, d = 0;                                                                            \
        FML_ENTRIES(size, TAP_X4(NEXT));                                                                               \
        sums[0] = a;                                                                                                   \
        sums[FML_ENCODED_CHANNELS] = b;                                                                                \
        sums[2 * FML_ENCODED_CHANNELS] = c;                                                                            \
        sums[3 * FML_ENCODED_CHANNELS] = d;                                                                            \
        return e;                                                                                                      \
    } while (0)

#define DOT_X8(ENTRIES, size, NEXT)                                                                                    \
    do {                                                                                                               \
        const int8_t *x0 = source[0];                                                                                  \
        int32_t a = 0, b = 0, c = 0, d = 0, f = 0, g = 0, h = 0, i = 0;                                                \
        ENTRIES(size, TAP_X8(NEXT));                                                                                   \
        sums[0] = a;                                                                                                   \
        sums[FML_ENCODED_CHANNELS] = b;                                                                                \
        sums[2 * FML_ENCODED_CHANNELS] = c;                                                                            \
        sums[3 * FML_ENCODED_CHANNELS] = d;                                                                            \
        sums[4 * FML_ENCODED_CHANNELS] = f;                                                                            \
        sums[5 * FML_ENCODED_CHANNELS] = g;                                                                            \
        sums[6 * FML_ENCODED_CHANNELS] = h;                                                                            \
        sums[7 * FML_ENCODED_CHANNELS] = i;                                                                            \
        return e;                                                                                                      \
    } while (0)

const uint8_t *fml_dot_sparse_8x1(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                  int32_t *sums) {
    (void)codebook;
    DOT_X1(2, TAP_8X1, 4, FOUR_TIMES);
}

const uint8_t *fml_dot_sparse_8x4(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                  int32_t *sums) {
    (void)codebook;
    DOT_X4(2, NEXT_8);
}

const uint8_t *fml_dot_sparse_4x1(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                  int32_t *sums) {
    DOT_X1(1, TAP_4X1, 4, FOUR_TIMES);
}

const uint8_t *fml_dot_sparse_4x4(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                  int32_t *sums) {
    DOT_X4(1, NEXT_4);
}

#if FML_ENCODED_PIXELS == 8
const uint8_t *fml_dot_sparse_8x8(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                  int32_t *sums) {
    (void)codebook;
    DOT_X8(FML_ENTRIES_IN_PAIRS, 2, NEXT_8);
}

const uint8_t *fml_dot_sparse_4x8(const uint8_t *e, uint32_t count, const int8_t *const *source, const int8_t *codebook,
                                  int32_t *sums) {
    DOT_X8(FML_ENTRIES, 1, NEXT_4);
}
#endif
