/* Decoding of a verified blob. Nothing here checks what fml_model_open has checked, but for indices. */
#ifndef FML_MODEL_H
#define FML_MODEL_H

#include "op.h"

#define FML_METADATA_CRC32_AT 16 /* in the blob's header */

/* Places in fml_model.vectors, in the order of the root table's fields; the exits are the last field. */
enum fml_vector_of { FML_SECTIONS, FML_TENSORS, FML_OPS, FML_WINDOWS, FML_VIEWS, FML_EXITS };

typedef struct fml_section {
    uint32_t offset, size, crc32;
    uint8_t kind, reserved;
    uint16_t reserved2;
} fml_section;

typedef struct fml_exit {
    uint16_t op, tensor;
    uint8_t threshold, reserved;
    uint16_t reserved2;
    uint32_t temperature; /* a float32, never used */
} fml_exit;

/* Copies element `index` of a vector to a struct that is made like it; false where there is no such element. */
bool fml_model_read(const fml_model *model, enum fml_vector_of vector, uint32_t index, void *to);

/* Decodes operator `index` with its tensors, window and view. FML_ERROR_BAD_OP when the index or one inside the
 * operator is out of range or not what the operator's kind wants; *op is then unspecified. */
int fml_model_op(const fml_model *model, uint32_t index, fml_op *op);

/* Index of the tensor that operator `op` < model->op_count writes. */
uint32_t fml_model_op_output(const fml_model *model, uint32_t op);

/* Does one of the operators begin..end-1 write tensor `tensor`? The sample, FML_NO_INDEX, is written before all of
 * them.
 */
bool fml_model_writes(const fml_model *model, uint32_t tensor, uint32_t begin, uint32_t end);

/* Bytes of the arena: a tensor's, or the sample's. */
typedef struct fml_bytes {
    uint32_t offset, size;
    uint32_t tensor; /* FML_NO_INDEX: the sample */
} fml_bytes;

/* Bytes of a tensor, which exists. */
fml_bytes fml_model_tensor(const fml_model *model, uint32_t tensor);

/* Bytes that an operator reads: input 0 is its first one or the sample, 1 the second one. False: there is none. */
bool fml_model_input(const fml_model *model, const fml_op *op, uint32_t input, fml_bytes *bytes);

/* Number of early exits. */
static inline uint32_t fml_model_exits(const fml_model *model) {
    return FML_EARLY_EXITS ? model->vectors[FML_EXITS].count : 0;
}

/* Tensor with the scores of exit number `exit`, from 1; of the last layer for 0, or where there is no such exit. */
static inline uint32_t fml_model_answer(const fml_model *model, uint32_t exit) {
    fml_exit from;
    return FML_EARLY_EXITS && fml_model_read(model, FML_EXITS, exit - 1, &from) ? from.tensor : model->output;
}

/* Bytes weights_offset..+size of the WEIGHTS section: a pointer into the mapped source, else to `buffer` (size bytes),
 * filled by source.read. A failed read sets *status to FML_ERROR_IO and returns NULL; else *status stays as it is. */
const uint8_t *fml_model_fetch(const fml_model *model, uint32_t weights_offset, uint32_t size, uint8_t *buffer,
                               int *status);

#endif
