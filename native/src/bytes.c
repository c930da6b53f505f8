#include "bytes.h"

/* Unaligned. Copied with one load and one store where the core has them for any address. */
typedef struct word {
    uint8_t bytes[4];
} word;

void fml_copy(uint8_t *to, const uint8_t *from, uint32_t size) {
    const uint8_t *const end = from + size;
    for (; size >= 4; size -= 4, to += 4, from += 4) {
        *(word *)(void *)to = *(const word *)(const void *)from;
    }
    while (from != end) {
        *to++ = *from++;
    }
}

uint32_t fml_product(uint32_t a, uint32_t b) {
    return b != 0 && a > FML_SIZE_MAX / b ? FML_SIZE_MAX : a * b;
}
