/* Two pixels' bytes in one word, for inner loops that multiply both with one instruction. */
#include "kernels.h"

#define NEXT()                                                                                                         \
    do {                                                                                                               \
        const uint32_t y = (uint32_t)(int32_t)x0[second];                                                              \
        const int32_t x = *x0;                                                                                         \
        *to++ = (y << FML_PAIR_SHIFT) + (uint32_t)x;                                                                   \
        ++x0;                                                                                                          \
        FML_KEEP(x0);                                                                                                  \
    } while (0)

void fml_pair(fml_lines *lines, uint32_t *to, uint32_t count) {
    const ptrdiff_t second = lines->second;
    const int8_t *x0 = lines->at;
    do {
        const uint32_t taken = lines->left < count ? lines->left : count;
        const int8_t *const end = x0 + taken;
        if (FML_FAST) {
            if (taken % 2 != 0) {
                NEXT();
            }
            if (taken % 4 >= 2) {
                NEXT();
                NEXT();
            }
            while (x0 != end) {
                NEXT();
                NEXT();
                NEXT();
                NEXT();
            }
        } else {
            do {
                NEXT();
            } while (x0 != end);
        }
        count -= taken;
        lines->left -= (fml_index)taken;
        if (lines->left == 0) {
            lines->left = lines->length;
            x0 += lines->gap;
        }
    } while (count != 0);
    lines->at = x0;
}
