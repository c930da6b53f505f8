/* The packer has verified the blob when it made the firmware, with this very core; what the core found is a constant
 * here. The device checks, once, that these bytes have arrived. */
#include "blob.h"

static const fml_model packed = {
    .model_id = MODEL_ID,
    .arena_size = ARENA_BYTES,
    .scratch_size = SCRATCH_BYTES,
    .nvm_size = NVM_BYTES,
    .sample_size = SAMPLE_BYTES,
    .op_count = OP_COUNT,
    .output = OUTPUT,
    .output_length = OUTPUT_LENGTH,
    .sample_type = SAMPLE_TYPE,
    .output_transform = OUTPUT_TRANSFORM,
    .source = {IS_FAR ? NULL : near_blob, IS_FAR ? read_blob : NULL, NULL, BLOB_BYTES},
    .metadata = near_blob,
    .metadata_size = METADATA_BYTES,
    .sample_offset = SAMPLE_OFFSET,
    .vectors = VECTORS,
    .weights = METADATA_BYTES,
    .weights_size = BLOB_BYTES - METADATA_BYTES,
};
const fml_model *const the_model = &packed;

/* BLOB_CRC32 once the bytes were right; 0 where the firmware was just written. */
static uint32_t arrived __attribute__((section(".nvm")));

static uint32_t checksum(uint8_t *buffer, uint16_t size) {
    uint32_t crc = fml_crc32(0, near_blob, (uint16_t)(IS_FAR ? METADATA_BYTES : BLOB_BYTES));
    uint32_t offset = IS_FAR ? 0 : BLOB_BYTES;
    while (offset != BLOB_BYTES) {
        const uint16_t part = BLOB_BYTES - offset < size ? (uint16_t)(BLOB_BYTES - offset) : size;
        (void)read_blob(NULL, offset, buffer, part);
        crc = fml_crc32(crc, buffer, part);
        offset += part;
    }
    return crc | 1; /* never 0 */
}

int blob_open(void *buffer, uint16_t size) {
    if (arrived != BLOB_CRC32) {
        if (checksum(buffer, size) != BLOB_CRC32) {
            return FML_ERROR_CHECKSUM;
        }
        arrived = BLOB_CRC32;
    }
    return FML_OK;
}

/* All that can go wrong here is that. */
#define IF_CHECKSUM(name, code, text) name == FML_ERROR_CHECKSUM ? text:
const char *blob_error(int status) {
    (void)status;
    return FML_STATUS_TABLE(IF_CHECKSUM) "";
}
