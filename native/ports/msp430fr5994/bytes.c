/* bytes.h on a core whose memcpy (runtime.S) is the fastest way to move bytes. */
#include "bytes.h"

void *memcpy(void *to, const void *from, unsigned size);

void fml_copy(uint8_t *to, const uint8_t *from, uint32_t size) {
    memcpy(to, from, (unsigned)size);
}

uint32_t product_of_long(uint32_t a, uint32_t b) {
    return b != 0 && a > FML_SIZE_MAX / b ? FML_SIZE_MAX : a * b;
}
