#include "encoding.h"

#include "bytes.h"
#include "weights.h"

uint32_t fml_encoding_block_count(const fml_op *op) {
    return ((uint32_t)op->space.channels + op->tile_channels - 1) / op->tile_channels;
}

fml_block fml_encoding_block(const fml_model *model, const fml_op *op, uint32_t index, int *status) {
    uint8_t buffer[2 * FML_DIRECTORY_ENTRY_SIZE];
    const uint32_t entries = index == 0 ? 1 : 2; /* where the block before ends, and this one */
    const uint32_t at = (index + 1 - entries) * FML_DIRECTORY_ENTRY_SIZE;
    const uint8_t *ends = fml_model_fetch(model, op->params + at, entries * FML_DIRECTORY_ENTRY_SIZE, buffer, status);
    fml_block block = {0, 0};
    if (ends != NULL) {
        block.offset = index == 0 ? fml_encoding_block_count(op) * FML_DIRECTORY_ENTRY_SIZE : fml_read_u32(ends);
        block.size = fml_read_u32(ends + (entries - 1) * FML_DIRECTORY_ENTRY_SIZE) - block.offset;
    }
    return block;
}

uint32_t fml_encoding_largest_block(const fml_model *model, const fml_op *op) {
    uint32_t largest = 0;
    int status = FML_OK;
    for (uint32_t index = fml_encoding_block_count(op); index-- != 0;) {
        const uint32_t size = fml_encoding_block(model, op, index, &status).size;
        largest = size > largest ? size : largest;
    }
    return status == FML_OK ? largest : op->params_size;
}
