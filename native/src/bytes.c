#include "bytes.h"

#if defined(__ARM_FEATURE_UNALIGNED) || defined(__x86_64__) || defined(__i386__)
/* Four bytes at any address, which such a core moves with one load and one store. The others go byte by byte. */
typedef struct word {
    uint8_t bytes[4];
} word;
#endif

void fml_copy(uint8_t *to, const uint8_t *from, uint32_t size) {
    const uint8_t *const end = from + size;
#if defined(__ARM_FEATURE_UNALIGNED) || defined(__x86_64__) || defined(__i386__)
    for (; FML_FAST && size >= 4 * sizeof(word); size -= 4 * (uint32_t)sizeof(word)) {
        word *const words = (word *)(void *)to;
        const word *const others = (const word *)(const void *)from;
        words[0] = others[0];
        words[1] = others[1];
        words[2] = others[2];
        words[3] = others[3];
        to += 4 * sizeof(word);
        from += 4 * sizeof(word);
    }
    for (; size >= sizeof(word); size -= (uint32_t)sizeof(word), to += sizeof(word), from += sizeof(word)) {
        *(word *)(void *)to = *(const word *)(const void *)from;
    }
#endif
    for (; FML_FAST && size >= 4; size -= 4, to += 4, from += 4) {
        to[0] = from[0];
        to[1] = from[1];
        to[2] = from[2];
        to[3] = from[3];
    }
    while (from != end) {
        *to++ = *from++;
    }
}

uint32_t fml_product(uint32_t a, uint32_t b) {
    const uint32_t high = (a >> 16) * b, low = (a & UINT32_C(0xffff)) * b;
    return high + (low >> 16) > FML_SIZE_MAX >> 16 ? FML_SIZE_MAX : a * b;
}
