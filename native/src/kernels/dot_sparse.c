/* Inner loops over the kept weights of one output channel. Zeros cost nothing: where the next tap is, its entry says.
 */
#include "kernels.h"

#define TAP_8X1()                                                                                                      \
    do {                                                                                                               \
        x0 += e[0];                                                                                                    \
        a += *x0 * (int8_t)e[1];                                                                                       \
        e += 2;                                                                                                        \
    } while (0)

#define TAP_8X2()                                                                                                      \
    do {                                                                                                               \
        const int v = (int8_t)e[1];                                                                                    \
        x0 += e[0];                                                                                                    \
        e += 2;                                                                                                        \
        a += *x0 * v;                                                                                                  \
        b += x0[second] * v;                                                                                           \
    } while (0)

#define TAP_4X1()                                                                                                      \
    do {                                                                                                               \
        const uint32_t entry = *e++;                                                                                   \
        x0 += entry & 15;                                                                                              \
        a += *x0 * codebook[entry >> 4];                                                                               \
    } while (0)

#define TAP_4X2()                                                                                                      \
    do {                                                                                                               \
        const uint32_t entry = *e++;                                                                                   \
        const int v = codebook[entry >> 4];                                                                            \
        x0 += entry & 15;                                                                                              \
        a += *x0 * v;                                                                                                  \
        b += x0[second] * v;                                                                                           \
    } while (0)

/* Two entries at a time. */
#define FOR_EACH_ENTRY(size, TAP)                                                                                      \
    do {                                                                                                               \
        const uint8_t *const end = e + (size)*count;                                                                   \
        if (count % 2 != 0) {                                                                                          \
            TAP();                                                                                                     \
        }                                                                                                              \
        if (e != end) {                                                                                                \
            do {                                                                                                       \
                TAP();                                                                                                 \
                TAP();                                                                                                 \
            } while (e != end);                                                                                        \
        }                                                                                                              \
    } while (0)

const uint8_t *fml_dot_sparse_8x1(const uint8_t *e, uint32_t count, const int8_t *x0, ptrdiff_t second,
                                  const int8_t *codebook, int32_t *sums) {
    int32_t a = 0;
    (void)second;
    (void)codebook;
    FOR_EACH_ENTRY(2, TAP_8X1);
    sums[0] = a;
    return e;
}

const uint8_t *fml_dot_sparse_8x2(const uint8_t *e, uint32_t count, const int8_t *x0, ptrdiff_t second,
                                  const int8_t *codebook, int32_t *sums) {
    int32_t a = 0, b = 0;
    (void)codebook;
    FOR_EACH_ENTRY(2, TAP_8X2);
    sums[0] = a;
    sums[4] = b;
    return e;
}

const uint8_t *fml_dot_sparse_4x1(const uint8_t *e, uint32_t count, const int8_t *x0, ptrdiff_t second,
                                  const int8_t *codebook, int32_t *sums) {
    int32_t a = 0;
    (void)second;
    FOR_EACH_ENTRY(1, TAP_4X1);
    sums[0] = a;
    return e;
}

const uint8_t *fml_dot_sparse_4x2(const uint8_t *e, uint32_t count, const int8_t *x0, ptrdiff_t second,
                                  const int8_t *codebook, int32_t *sums) {
    int32_t a = 0, b = 0;
    FOR_EACH_ENTRY(1, TAP_4X2);
    sums[0] = a;
    sums[4] = b;
    return e;
}
