/* Decoding of a verified blob. Nothing here checks what fml_model_open has checked, but for indices. */
#ifndef FML_MODEL_H
#define FML_MODEL_H

#include "op.h"

/* Decodes operator `index` with its tensors, window and view. FML_ERROR_BAD_OP when the index or one inside the
 * operator is out of range or not what the operator's kind wants; *op is then unspecified. */
int fml_model_op(const fml_model *model, uint16_t index, fml_op *op);

/* Decodes tensor `index` < model->tensor_count. */
void fml_model_tensor(const fml_model *model, uint16_t index, fml_tensor *tensor);

/* Bytes of a tensor that lies inside the arena. */
uint32_t fml_tensor_size(const fml_tensor *tensor);

/* Index of the tensor that operator `op` < model->op_count writes. */
uint16_t fml_model_op_output(const fml_model *model, uint16_t op);

/* Does one of the operators begin..end-1 write tensor `tensor`? */
bool fml_model_writes(const fml_model *model, uint16_t tensor, uint16_t begin, uint16_t end);

/* Bytes weights_offset..+size of the WEIGHTS section: a pointer into the mapped source, else to `buffer` (size bytes),
 * filled by source.read. A failed read sets *status to FML_ERROR_IO and returns NULL; else *status stays as it is. */
const uint8_t *fml_model_fetch(const fml_model *model, uint32_t weights_offset, uint32_t size, uint8_t *buffer,
                               int *status);

#endif
