/* The inner loops of MAX_POOL_2D and AVERAGE_POOL_2D (pool.S). */
#ifndef POOL_H
#define POOL_H

#include <stdint.h>

/* The part of a window that lies in the input. pool.S knows the places of the members. */
typedef struct pool_taps {
    const int8_t *from;     /* first tap of the first channel */
    uint16_t channels;      /* 1 at least */
    uint16_t rows, columns; /* 1 at least */
    uint16_t column_step;   /* bytes from tap to tap */
    uint16_t next_row;      /* from behind a row's last tap to the next row's first one */
    int16_t low, high;      /* of pool_largest */
} pool_taps;

/* sums[i] = the taps of channel i and 128 for each. */
void pool_sums(const pool_taps *taps, uint32_t *sums);

/* to[i] = the largest tap of channel i, from low to high. */
void pool_largest(const pool_taps *taps, int8_t *to);

#endif
