#include "image.h"

#include <string.h>

static uint32_t get(const uint8_t *from, unsigned bytes) {
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint32_t)from[i] << 8 * i;
    }
    return value;
}

static void put(uint8_t *to, uint32_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) {
        to[i] = (uint8_t)(value >> 8 * i & 0xff);
    }
}

/* IEEE 802.3, bit by bit. */
static uint32_t crc32(const uint8_t *from, size_t size) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= from[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (UINT32_C(0xedb88320) & (0 - (crc & 1)));
        }
    }
    return ~crc;
}

bool record_read(const uint8_t *bytes, record *to) {
    if (get(bytes + FML_RECORD_MAGIC_AT, 2) != FML_RECORD_MAGIC_VALUE ||
        get(bytes + FML_RECORD_CRC32_AT, 4) != crc32(bytes, FML_RECORD_CRC32_AT)) {
        return false;
    }
    to->at.phase = bytes[FML_RECORD_PHASE_AT];
    to->at.exit = bytes[FML_RECORD_EXIT_AT];
    to->at.op = (uint16_t)get(bytes + FML_RECORD_OP_AT, 2);
    to->at.tile = (uint16_t)get(bytes + FML_RECORD_TILE_AT, 2);
    to->at.tag = get(bytes + FML_RECORD_TAG_AT, 4);
    to->boots = (uint16_t)get(bytes + FML_RECORD_BOOTS_AT, 2);
    to->model_id = get(bytes + FML_RECORD_MODEL_ID_AT, 4);
    to->sequence = get(bytes + FML_RECORD_SEQUENCE_AT, 4);
    return to->at.phase <= FML_PHASE_DONE && (to->at.exit == 0 || to->at.phase == FML_PHASE_DONE) &&
           get(bytes + FML_RECORD_RESERVED_AT, 2) == 0;
}

void record_write(const record *from, uint8_t *bytes) {
    memset(bytes, 0, FML_RECORD_SIZE);
    put(bytes + FML_RECORD_MAGIC_AT, FML_RECORD_MAGIC_VALUE, 2);
    bytes[FML_RECORD_PHASE_AT] = from->at.phase;
    bytes[FML_RECORD_EXIT_AT] = from->at.exit;
    put(bytes + FML_RECORD_OP_AT, from->at.op, 2);
    put(bytes + FML_RECORD_TILE_AT, from->at.tile, 2);
    put(bytes + FML_RECORD_TAG_AT, from->at.tag, 4);
    put(bytes + FML_RECORD_BOOTS_AT, from->boots, 2);
    put(bytes + FML_RECORD_MODEL_ID_AT, from->model_id, 4);
    put(bytes + FML_RECORD_SEQUENCE_AT, from->sequence, 4);
    put(bytes + FML_RECORD_CRC32_AT, crc32(bytes, FML_RECORD_CRC32_AT), 4);
}

fml_journal_state image_journal(const uint8_t *image, uint32_t model_id, record *newest) {
    record slots[FML_NVM_SLOT_COUNT];
    bool valid[FML_NVM_SLOT_COUNT], magic = false;
    for (uint32_t slot = 0; slot < FML_NVM_SLOT_COUNT; slot++) {
        const uint8_t *bytes = image + slot * FML_NVM_SLOT_SIZE;
        valid[slot] = record_read(bytes, &slots[slot]);
        magic = magic || get(bytes + FML_RECORD_MAGIC_AT, 2) == FML_RECORD_MAGIC_VALUE;
    }
    if (!valid[0] && !valid[1]) {
        return magic ? FML_JOURNAL_DAMAGED : FML_JOURNAL_BLANK;
    }
    bool second = !valid[0] || (valid[1] && (int32_t)(slots[0].sequence - slots[1].sequence) < 0);
    *newest = slots[second ? 1 : 0];
    return newest->model_id == model_id ? FML_JOURNAL_VALID : FML_JOURNAL_FOREIGN;
}

bool place_equal(const place *a, const place *b) {
    return a->phase == b->phase && a->op == b->op && a->tile == b->tile && a->exit == b->exit &&
           (a->tag == b->tag || a->phase == FML_PHASE_IDLE);
}
