#include "bytes.h"

#if defined(__ARM_FEATURE_UNALIGNED) || defined(__x86_64__) || defined(__i386__)
/* Four bytes at any address, which such a core moves with one load and one store. The others go byte by byte. */
typedef struct word {
    uint8_t bytes[4];
} word;
#endif

#define NEXT()                                                                                                         \
    do {                                                                                                               \
        *to++ = *from++;                                                                                               \
        FML_KEEP(to);                                                                                                  \
        FML_KEEP(from);                                                                                                \
    } while (0)

void fml_copy(uint8_t *to, const uint8_t *from, uint32_t size) {
    const uint8_t *const end = from + size;
#if defined(__ARM_FEATURE_UNALIGNED) || defined(__x86_64__) || defined(__i386__)
    for (; size >= sizeof(word); size -= (uint32_t)sizeof(word), to += sizeof(word), from += sizeof(word)) {
        *(word *)(void *)to = *(const word *)(const void *)from;
    }
#endif
    if (FML_FAST && size != 0) {
        FML_IN_EIGHTS(NEXT, size, from != end)
        return;
    }
    while (from != end) {
        *to++ = *from++;
    }
}

uint32_t fml_product(uint32_t a, uint32_t b) {
    const uint32_t high = (a >> 16) * b, low = (a & UINT32_C(0xffff)) * b;
    return high + (low >> 16) > FML_SIZE_MAX >> 16 ? FML_SIZE_MAX : a * b;
}
