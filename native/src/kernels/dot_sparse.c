/* Inner loops over the kept weights of one output channel. Zeros cost nothing: where the next tap is, its entry says.
 */
#include "kernels.h"

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

/* Four pixels: moves to the next entry's tap, whose weight is v. */
#define NEXT_8()                                                                                                       \
    x0 += *e++;                                                                                                        \
    FML_KEEP(e);                                                                                                       \
    const int v = (int8_t)*e++

#define NEXT_4()                                                                                                       \
    const uint32_t entry = *e++;                                                                                       \
    const int v = codebook[entry >> 4];                                                                                \
    x0 += entry & 15

#define TAP_X4(NEXT)                                                                                                   \
    do {                                                                                                               \
        NEXT();                                                                                                        \
        FML_KEEP(e);                                                                                                   \
        FML_KEEP(x0);                                                                                                  \
        a += *x0 * v;                                                                                                  \
        b += x0[x1] * v;                                                                                               \
        c += x0[x2] * v;                                                                                               \
        d += x0[x3] * v;                                                                                               \
    } while (0)

/* Entries of `size` bytes. */
#define DOT_X4(size, NEXT)                                                                                             \
    do {                                                                                                               \
        const uint8_t *const end = e + (size)*count;                                                                   \
        const int8_t *x0 = source[0];                                                                                  \
        const ptrdiff_t x1 = source[1] - x0, x2 = source[2] - x0, x3 = source[3] - x0;                                 \
        int32_t a = 0, b = 0, c = 0, d = 0;                                                                            \
        if (count != 0) {                                                                                              \
            do {                                                                                                       \
                TAP_X4(NEXT);                                                                                          \
            } while (e != end);                                                                                        \
        }                                                                                                              \
        sums[0] = a;                                                                                                   \
        sums[FML_ENCODED_CHANNELS] = b;                                                                                \
        sums[2 * FML_ENCODED_CHANNELS] = c;                                                                            \
        sums[3 * FML_ENCODED_CHANNELS] = d;                                                                            \
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
