/* The loops that the inner loops over encoded weights share. */
#ifndef FML_ENTRIES_H
#define FML_ENTRIES_H

#include "encoded.h"

/* A statement for each of `count` entries, which moves `e` on, until it is `end`. Two at a time: what the loop itself
 * takes is a tenth of all. Where their number is odd, the first time begins in the middle. */
#define FML_ENTRIES_IN_PAIRS(...)                                                                                      \
    do {                                                                                                               \
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

/* The same one at a time; there is one at least. */
#define FML_EACH_ENTRY(...)                                                                                            \
    do {                                                                                                               \
        __VA_ARGS__;                                                                                                   \
    } while (e != end)

#define FML_ENTRIES(...)                                                                                               \
    do {                                                                                                               \
        if (count != 0) {                                                                                              \
            FML_EACH_ENTRY(__VA_ARGS__);                                                                               \
        }                                                                                                              \
    } while (0)

/* Where `entries` of `size` bytes begin and end, and what is left of them. Nothing else of them has a register
 * meanwhile; `volatile`: nor has the end. */
#define FML_BEGIN_ENTRIES(size, qualifier)                                                                             \
    fml_entries *const volatile kept = entries;                                                                        \
    const uint32_t *x = entries->pairs;                                                                                \
    const uint32_t count = entries->count;                                                                             \
    const uint8_t *e = entries->at;                                                                                    \
    const uint8_t *const qualifier end = e + (size)*count

#define FML_END_ENTRIES()                                                                                              \
    entries = kept;                                                                                                    \
    entries->at = e;                                                                                                   \
    entries->pairs = x

/* 4-bit codes' weights: they have a register, the end has none. */
#define FML_CODEBOOK(entries)                                                                                          \
    const int8_t *codebook = (entries)->codebook;                                                                      \
    FML_KEEP(codebook)

#endif
