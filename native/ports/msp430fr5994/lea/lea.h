/* The vector multiply-accumulate of the Low-Energy Accelerator. */
#ifndef LEA_H
#define LEA_H

#include <stdint.h>

/* For variables that the LEA reads and writes, aligned to 4. */
#define LEA_RAM __attribute__((section(".lea"), aligned(4)))

/* Makes it ready, where it is not. */
void lea_init(void);

/* The sum of a[i] * b[i]. a, b: in LEA_RAM, aligned to 4; count: even, 2 at least. The sum has to be less than 2^30,
 * either way: the LEA doubles it. */
int32_t lea_multiply_accumulate(const int16_t *a, const int16_t *b, uint16_t count);

/* to[i] = from[4 * i]: the weights of an output channel, which are stored in fours. count: 1 at least (widen.S). */
void lea_widen(int16_t *to, const int8_t *from, uint16_t count);

#endif
