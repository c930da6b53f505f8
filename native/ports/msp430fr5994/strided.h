/* The inner loop of QUANTIZE and COPY (strided.S). */
#ifndef STRIDED_H
#define STRIDED_H

#include <stdint.h>

#define STRIDED_COPIES 4 /* a type beside the sample types: int8, which are only clamped or looked up */

/* Elements along one axis. strided.S knows the places of the members. */
typedef struct strided_run {
    const uint8_t *from;
    int8_t *to;
    const uint8_t *entry;                    /* constants of the first element (FML_QUANTIZE_ENTRY_SIZE) */
    const uint8_t *lookup;                   /* NULL: none */
    uint16_t count;                          /* 1 at least */
    uint16_t from_step, to_step, entry_step; /* bytes */
    int16_t low, high;
    uint16_t type; /* fml_sample_type, or STRIDED_COPIES */
} strided_run;

void strided(const strided_run *run);

#endif
