/* Windows of a convolution's pixels one after the other, with additions only (scan.c). */
#ifndef SCAN_H
#define SCAN_H

#include "kernels/kernels.h"

/* Where a pixel's window lies. */
typedef struct window_at {
    const int8_t *from; /* its first tap; outside the input where it hangs over */
    int8_t *to;         /* the output pixel, at channel 0 */
    int16_t top, left;  /* of the first tap, in the input */
    bool beside;        /* its columns lie in the input */
    bool inside;        /* all taps do */
} window_at;

/* All pixels of a work's tile; of a convolution that pools, all that its output pixels are the largest of. */
typedef struct scan {
    window_at at;                   /* the next one */
    uint16_t rows, columns;         /* left */
    uint16_t width;                 /* columns of a row */
    uint16_t column_step, row_step; /* bytes from window to window, from row to row */
    /* of windows inside the input */
    uint16_t tops, lefts; /* so many first places along each axis are inside the input */
    bool row_inside;
    int16_t first_left;             /* of a row's first window */
    uint16_t pool_row, pool_column; /* left of the output pixel */
    const int8_t *row_from;         /* of the row's first window */
    int8_t *row_to;
    const fml_work *work;
} scan;

/* Input channels from first_channel on. */
void scan_begin(scan *s, const fml_work *work, uint16_t first_channel);
/* Moves on where rows are left. */
void scan_next(scan *s);

#endif
