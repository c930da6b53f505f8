/* Encoded weights (SPEC.md, "Encodings of weights"): where their blocks lie. */
#ifndef FML_ENCODING_H
#define FML_ENCODING_H

#include "model.h"

/* Blocks of an encoded operator: one for each tile_channels output channels. */
uint32_t fml_encoding_block_count(const fml_op *op);

/* Block `index` as the directory has it, which verification has checked. A failed read sets *status to FML_ERROR_IO and
 * gives an empty block; else *status stays as it is. */
fml_block fml_encoding_block(const fml_model *model, const fml_op *op, uint32_t index, int *status);

/* Bytes of the largest block; where the source cannot be read, of all constants, which is enough, too. */
uint32_t fml_encoding_largest_block(const fml_model *model, const fml_op *op);

#endif
