/* Runs one step: decodes the operator, gets its constants, calls the kernel, applies the look-up table. */
#ifndef FML_INTERP_H
#define FML_INTERP_H

#include "model.h"

/* Bytes of scratch, aligned to 4, that steps of `op` want: the kernel's own and, where the source is not mapped, room
 * for the constants and the look-up table of a tile. */
uint32_t fml_interp_scratch(const fml_model *model, const fml_op *op);

/* Forgets the constants that `scratch` may hold. To be called once before the first step with that scratch, and
 * whenever somebody else has written to it. */
void fml_interp_reset(const fml_model *model, uint8_t *scratch);

/* Runs step `tile` of an operator. A source that is not mapped is read only where the constants in `scratch` are not
 * already the tile's. Returns FML_OK or FML_ERROR_IO. */
int fml_interp_step(const fml_model *model, const fml_op *op, uint32_t tile, uint8_t *arena, uint8_t *scratch);

#endif
