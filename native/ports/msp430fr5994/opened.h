/* Lists of entries (SPEC.md, "Encodings of weights") that are opened once for many pairs of pixels: where the values
 * lie, and the weights. */
#ifndef OPENED_H
#define OPENED_H

#include "requantize.h"

/* For the lists of some output channels (main.c). */
extern uint16_t opened_lists[];
extern const uint16_t opened_lists_size; /* bytes; 0: no operator has any to open */

/* --- opened.S ----------------------------------------------------------------------------------------------------- */

/* Of an output channel. opened.S knows the places of the members, here and below. */
typedef struct opened_header {
    const uint16_t *places; /* the first pair's address */
    uint16_t turns;         /* of the loop */
    const uint8_t *entry;   /* where it begins: the first turn leaves some entries out */
} opened_header;

/* Entries of a turn, an entry's code in it, what follows up to opened_end. */
#define OPENED_TURN 4
#define OPENED_ENTRY_BYTES 14
#define OPENED_TAIL_BYTES 4
extern const uint8_t opened_end[];

typedef struct opened_work {
    requantize_range range;              /* of encoded_unpack */
    const opened_header *headers;        /* NULL behind the last one */
    const int8_t *weights;               /* of all channels, one after the other */
    const requantize_channel *constants; /* of encoded_unpack, of the first channel */
    int8_t *to[2];                       /* of the pixels */
} opened_work;

/* All channels of two pixels. */
void opened_pairs(const opened_work *work);

typedef struct opened_steps {
    const uint32_t *pairs; /* of dot_pack */
    uint16_t step;         /* bytes of an entry */
    uint16_t mask;         /* of the distance in its first byte */
} opened_steps;

/* Addresses of the pairs of a list's entries. Returns what is behind the last one. count: 1 at least. */
uint16_t *opened_places(uint16_t *to, const uint8_t *entries, const opened_steps *steps, uint16_t count);

/* A channel's weights: stored, or as codes in the high or low halves of bytes. `first` is in the first entry, the
 * others follow by `step`. Returns what is behind the last one. count: 1 at least. */
typedef int8_t *opened_part(int8_t *to, const uint8_t *first, uint16_t step, uint16_t count);
opened_part opened_weights, opened_high, opened_low;

/* --- opened.c ----------------------------------------------------------------------------------------------------- */

/* Lists of a block. */
typedef struct opened_source {
    const uint8_t *counts, *entries; /* go on behind those that are opened */
    const uint32_t *pairs;
    uint16_t channels; /* left */
    uint8_t encoding;
} opened_source;

/* Opens the lists of as many channels as there is room for, and returns how many: 0 where there is none for the first
 * ones. Sets the work's headers and weights. */
uint16_t opened_next(opened_work *work, opened_source *source);

#endif
