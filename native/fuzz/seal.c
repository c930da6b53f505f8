/* Finds its way in a blob of any bytes, leniently: what fml_model_open refuses may still be mutated on. */
#include <string.h>

#include "../src/bytes.h"
#include "../src/model_layout.h"
#include "fuzz.h"

#define METADATA_SIZE_AT 8
#define FILE_SIZE_AT 12
#define METADATA_CRC32_AT 16

static bool fits(size_t at, size_t width, size_t size) {
    return at <= size && width <= size - at;
}

size_t fuzz_root_field(const uint8_t *blob, size_t size, uint16_t slot, size_t width) {
    if (size < FML_HEADER_SIZE) {
        return 0;
    }
    const uint32_t table = fml_read_u32(blob);
    if (!fits(table, 4, size)) {
        return 0;
    }
    const uint32_t entry = table - fml_read_u32(blob + table) + 4 + 2 * (uint32_t)slot; /* modulo 2^32 */
    if (!fits(entry, 2, size)) {
        return 0;
    }
    const size_t offset = fml_read_u16(blob + entry), at = table + offset;
    return offset != 0 && fits(at, width, size) ? at : 0;
}

size_t fuzz_vector(const uint8_t *blob, size_t size, uint16_t slot, size_t element_size, uint32_t *count) {
    size_t at = fuzz_root_field(blob, size, slot, 4);
    *count = 0;
    if (at == 0) {
        return 0;
    }
    at += fml_read_u32(blob + at);
    if (!fits(at, 4, size)) {
        return 0;
    }
    const uint32_t stored = fml_read_u32(blob + at);
    if (stored > (size - at - 4) / element_size) {
        return 0;
    }
    *count = stored;
    return at + 4;
}

void fuzz_seal(uint8_t *blob, size_t size) {
    uint32_t count;
    if (size <= FML_HEADER_SIZE) {
        return;
    }
    memcpy(blob + 4, "FML1", 4);
    if (fml_read_u32(blob + METADATA_SIZE_AT) <= FML_HEADER_SIZE || fml_read_u32(blob + METADATA_SIZE_AT) > size) {
        fml_write_u32(blob + METADATA_SIZE_AT, (uint32_t)size);
    }
    const uint32_t metadata = fml_read_u32(blob + METADATA_SIZE_AT);
    fml_write_u32(blob + FILE_SIZE_AT, (uint32_t)size);
    const size_t section = fuzz_vector(blob, metadata, FML_MODEL_SECTIONS_SLOT, FML_SECTION_SIZE, &count);
    if (count > 0) {
        fml_write_u32(blob + section + FML_SECTION_OFFSET_AT, metadata);
        fml_write_u32(blob + section + FML_SECTION_SIZE_AT, (uint32_t)size - metadata);
        fml_write_u32(blob + section + FML_SECTION_CRC32_AT, fml_crc32(0, blob + metadata, size - metadata));
    }
    const uint32_t crc = fml_crc32(0, blob, METADATA_CRC32_AT);
    fml_write_u32(blob + METADATA_CRC32_AT,
                  fml_crc32(crc, blob + FML_HEADER_SIZE, (size_t)(metadata - FML_HEADER_SIZE)));
}
