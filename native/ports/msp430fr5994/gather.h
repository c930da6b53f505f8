/* Windows of a convolution as one piece of memory (gather.c, rows.S). */
#ifndef GATHER_H
#define GATHER_H

#include "scan.h"

/* Windows of a work. */
typedef struct window_of {
    const fml_work *work;
    uint16_t first_channel, channels; /* of the input */
    bool pieces;                      /* a window inside the input is one piece of memory */
    int8_t *buffer;                   /* for window_values */
} window_of;

/* Whether kernel rows inside the input are pieces of memory; whether whole windows are; whether windows have to be
 * gathered somewhere. */
bool rows_are_pieces(const fml_op *op);
bool windows_are_pieces(const fml_op *op);
bool windows_are_gathered(const fml_op *op);

/* The window's bytes in one piece, as gather_window puts them there: in the buffer or where they lie. */
const int8_t *window_values(const window_of *window, const window_at *at);

/* The bytes of the window at (top, left) in (kernel row, kernel column, channel) order, with zero points for the taps
 * outside. step: from byte to byte, where they go. */
void gather_window(const window_of *window, int16_t top, int16_t left, int8_t *to, uint16_t step);

/* Rows of bytes, or of zero points where the input has no such row. rows.S knows the places of the members. */
typedef struct row_copies {
    const int8_t *from; /* the first row's bytes */
    int8_t *to;
    uint16_t rows;                  /* 1 at least */
    uint16_t row, height, dilation; /* the first one's number, negative or not; of the input; from row to row */
    uint16_t before, bytes, after;  /* bytes: zero points, copied, zero points */
    uint16_t from_step;             /* from row to row */
    uint16_t to_gap;                /* from a row's end to the next one's begin */
    uint16_t to_step;               /* from byte to byte */
    uint16_t zero_point;
} row_copies;

void copy_rows(const row_copies *copies);

#endif
