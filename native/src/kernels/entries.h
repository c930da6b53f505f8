/* The loops that the inner loops over encoded weights share: a statement for each of `count` entries of `size` bytes,
 * which moves `e` on. */
#ifndef FML_ENTRIES_H
#define FML_ENTRIES_H

#include "kernels.h"

/* There is one at least. */
#define FML_SOME_ENTRIES(size, ...)                                                                                    \
    do {                                                                                                               \
        const uint8_t *const end = e + (size)*count;                                                                   \
        do {                                                                                                           \
            __VA_ARGS__;                                                                                               \
        } while (e != end);                                                                                            \
    } while (0)

#define FML_ENTRIES(size, ...)                                                                                         \
    do {                                                                                                               \
        if (count != 0) {                                                                                              \
            FML_SOME_ENTRIES(size, __VA_ARGS__);                                                                       \
        }                                                                                                              \
    } while (0)

/* Two at a time, where registers allow: what the loop itself takes is a tenth of all. Where their number is odd, the
 * first time begins in the middle. */
#define FML_ENTRIES_IN_PAIRS(size, ...)                                                                                \
    do {                                                                                                               \
        const uint8_t *end = e + (size)*count;                                                                         \
        FML_KEEP(end);                                                                                                 \
        if (count % 2 != 0) {                                                                                          \
            goto odd;                                                                                                  \
        }                                                                                                              \
        if (count != 0) {                                                                                              \
            do {                                                                                                       \
                __VA_ARGS__;                                                                                           \
            odd:                                                                                                       \
                __VA_ARGS__;                                                                                           \
            } while (e != end);                                                                                        \
        }                                                                                                              \
    } while (0)

#endif
