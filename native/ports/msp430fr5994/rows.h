/* Rows of bytes from one place to another (rows.S). */
#ifndef ROWS_H
#define ROWS_H

#include <stdint.h>

/* rows.S knows the places of the members. */
typedef struct row_copies {
    const uint8_t *from;
    uint8_t *to;
    uint16_t bytes, rows;        /* 1 at least */
    uint16_t from_step, to_step; /* from row to row */
} row_copies;

void copy_rows(const row_copies *copies);

#endif
