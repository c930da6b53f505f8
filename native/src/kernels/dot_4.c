/* Inner loops of CONV_2D: 4 output channels x 2 pixels. 6 loads feed 8 multiply-adds, and 8 sums are what a core with
 * 13 usable registers can hold beside its pointers. In a file of their own, so that compilers give them all registers.
 *
 * Sums are signed, for compilers to keep them in this order: they cannot overflow below 2^17 taps, and the packer
 * proves it above. The product of two int8 fits a 16-bit int: one multiply on 16-bit cores. */
#include "kernels.h"

#define TAP_4X1(i)                                                                                                     \
    do {                                                                                                               \
        const int x = x0[i];                                                                                           \
        a0 += x * w[4 * (i)];                                                                                          \
        a1 += x * w[4 * (i) + 1];                                                                                      \
        a2 += x * w[4 * (i) + 2];                                                                                      \
        a3 += x * w[4 * (i) + 3];                                                                                      \
    } while (0)

#define TAP_4X2(i)                                                                                                     \
    do {                                                                                                               \
        const int x = x0[i], y = x1[i];                                                                                \
        int v = w[4 * (i)];                                                                                            \
        a0 += x * v;                                                                                                   \
        b0 += y * v;                                                                                                   \
        v = w[4 * (i) + 1];                                                                                            \
        a1 += x * v;                                                                                                   \
        b1 += y * v;                                                                                                   \
        v = w[4 * (i) + 2];                                                                                            \
        a2 += x * v;                                                                                                   \
        b2 += y * v;                                                                                                   \
        v = w[4 * (i) + 3];                                                                                            \
        a3 += x * v;                                                                                                   \
        b3 += y * v;                                                                                                   \
    } while (0)

void fml_dot_4x1(int32_t *sums, const int8_t *w, const int8_t *x0, uint32_t taps) {
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    const int8_t *const end = x0 + taps, *const end4 = x0 + (taps & ~UINT32_C(3));
    for (; x0 != end4; x0 += 4, w += 16) {
        TAP_4X1(0);
        TAP_4X1(1);
        TAP_4X1(2);
        TAP_4X1(3);
    }
    for (; x0 != end; ++x0, w += 4) {
        TAP_4X1(0);
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
}

void fml_dot_4x2(int32_t *sums, const int8_t *w, const int8_t *x0, const int8_t *x1, uint32_t taps) {
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
    const int8_t *const end = x0 + taps, *const end4 = x0 + (taps & ~UINT32_C(3));
    for (; x0 != end4; x0 += 4, x1 += 4, w += 16) {
        TAP_4X2(0);
        TAP_4X2(1);
        TAP_4X2(2);
        TAP_4X2(3);
    }
    for (; x0 != end; ++x0, ++x1, w += 4) {
        TAP_4X2(0);
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    sums[4] = b0;
    sums[5] = b1;
    sums[6] = b2;
    sums[7] = b3;
}
