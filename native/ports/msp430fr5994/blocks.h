/* Lists that four channels share, of one pixel. BLOCK_SPARSE_4: a byte of codes is two neighbouring channels' weights,
 * which share an operand of the multiplier as two pixels' values do elsewhere (dot.h). BLOCK_SPARSE_8: the values of a
 * list's taps are collected once for its channels. */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "encoded.h"

/* Makes the operands of blocks_4, of a codebook of 16 weights. */
void blocks_open(const int8_t *codebook);

/* All channels, with constants of encoded_unpack; finish and loops are not used. blocks_4: lists have 255 entries at
 * most, as sums of pairs want it. blocks_8: opened_lists has room for one list's entries and BLOCKS_SPARE bytes. */
#define BLOCKS_SPARE 16
void blocks_4(encoded_work *work);
void blocks_8(encoded_work *work);

#endif
