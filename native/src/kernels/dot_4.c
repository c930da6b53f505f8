/* Inner loop of CONV_2D for single pixels: 4 output channels. In a file of its own, so that compilers give it all
 * registers.
 *
 * Sums are signed, for compilers to keep them in this order: up to FML_TAPS_MAX taps they cannot overflow. The product
 * of two int8 fits a 16-bit int: one multiply on 16-bit cores. */
#include "kernels.h"

#if FML_FAST

#define TAP(i)                                                                                                         \
    do {                                                                                                               \
        const int x = x0[i];                                                                                           \
        a0 += x * w[4 * (i)];                                                                                          \
        a1 += x * w[4 * (i) + 1];                                                                                      \
        a2 += x * w[4 * (i) + 2];                                                                                      \
        a3 += x * w[4 * (i) + 3];                                                                                      \
    } while (0)

void fml_dot_4x1(const int8_t *w, const fml_lines *lines, int32_t *sums) {
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    const int8_t *x0 = lines->at;
    for (fml_index rows = lines->rows; rows != 0; --rows, x0 += lines->gap) {
        fml_index left = lines->length;
        for (; FML_FAST && left >= 4; left -= 4, x0 += 4, w += 16) {
            TAP(0);
            TAP(1);
            TAP(2);
            TAP(3);
        }
        for (; left != 0; --left, ++x0, w += 4) {
            TAP(0);
        }
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
}

#endif
