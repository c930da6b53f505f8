/* Inner loops of CONV_2D: 4 output channels x 2 pixels. 6 loads feed 8 multiply-adds, and 8 sums are what a core with
 * 13 usable registers can hold beside its pointers. In a file of their own, so that compilers give them all registers.
 *
 * Sums are signed, for compilers to keep them in this order: up to FML_TAPS_MAX taps they cannot overflow. The product
 * of two int8 fits a 16-bit int: one multiply on 16-bit cores. */
#include "kernels.h"

#define TAP_4X1()                                                                                                      \
    do {                                                                                                               \
        const int x = *x0++;                                                                                           \
        a0 += x * *w++;                                                                                                \
        a1 += x * *w++;                                                                                                \
        a2 += x * *w++;                                                                                                \
        a3 += x * *w++;                                                                                                \
    } while (0)

#define TAP_4X2()                                                                                                      \
    do {                                                                                                               \
        const int y = x0[second], x = *x0++;                                                                           \
        int v = *w++;                                                                                                  \
        a0 += x * v;                                                                                                   \
        b0 += y * v;                                                                                                   \
        v = *w++;                                                                                                      \
        a1 += x * v;                                                                                                   \
        b1 += y * v;                                                                                                   \
        v = *w++;                                                                                                      \
        a2 += x * v;                                                                                                   \
        b2 += y * v;                                                                                                   \
        v = *w++;                                                                                                      \
        a3 += x * v;                                                                                                   \
        b3 += y * v;                                                                                                   \
    } while (0)

void fml_dot_4x1(const int8_t *w, const int8_t *x0, uint32_t taps, int32_t *sums) {
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    const int8_t *const end = x0 + taps;
    for (uint32_t odd = taps % 4; odd != 0; --odd) {
        TAP_4X1();
    }
    if (x0 != end) {
        do {
            TAP_4X1();
            TAP_4X1();
            TAP_4X1();
            TAP_4X1();
        } while (x0 != end);
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
}

void fml_dot_4x2(const int8_t *w, const int8_t *x0, ptrdiff_t second, uint32_t taps, int32_t *sums) {
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
    const int8_t *const end = x0 + taps;
    do {
        TAP_4X2();
    } while (x0 != end);
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    sums[4] = b0;
    sums[5] = b1;
    sums[6] = b2;
    sums[7] = b3;
}
