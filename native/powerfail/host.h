/* What every part of the campaign uses: memory that is there or the program ends, and random numbers that replay. */
#ifndef POWERFAIL_HOST_H
#define POWERFAIL_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Ends the program with a sentence on stderr and exit status 2. */
_Noreturn void stop(const char *format, ...);

/* As malloc and realloc; size 0 is fine. */
void *allocate(size_t size);
void *resize(void *memory, size_t size);

typedef struct rng {
    uint64_t state;
} rng;

/* A generator that depends on all three numbers. */
rng rng_of(uint64_t seed, uint64_t a, uint64_t b);
uint32_t rng_next(rng *random);

/* 0..n-1; n > 0. */
static inline uint32_t rng_below(rng *random, uint32_t n) {
    return (uint32_t)(((uint64_t)rng_next(random) * n) >> 32);
}

#endif
