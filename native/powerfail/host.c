#include "host.h"

#include <stdarg.h>
#include <stdio.h>

void stop(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("powerfail: error: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

void *resize(void *memory, size_t size) {
    void *got = realloc(memory, size > 0 ? size : 1);
    if (got == NULL) {
        stop("no memory for %zu bytes", size);
    }
    return got;
}

void *allocate(size_t size) {
    return resize(NULL, size);
}

/* SplitMix64. */
static uint64_t mix(uint64_t x) {
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

rng rng_of(uint64_t seed, uint64_t a, uint64_t b) {
    rng random = {mix(mix(mix(seed) + a) + b)};
    return random;
}

uint32_t rng_next(rng *random) {
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(mix(random->state) >> 32);
}
