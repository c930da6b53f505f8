#include "journal.h"

#include "bytes.h"

/* Keeps the compiler from moving stores to mapped memory across a commit. */
#if defined(__GNUC__)
#define COMPILER_BARRIER() __asm__ volatile("" ::: "memory")
#else
#error "define COMPILER_BARRIER for this compiler"
#endif

int fml_nvm_read(const fml_nvm *nvm, uint32_t offset, uint8_t *to, uint32_t size) {
    if (nvm->mapped == NULL) {
        return nvm->read(nvm->context, offset, to, size) < 0 ? FML_ERROR_IO : FML_OK;
    }
    for (uint32_t i = 0; i < size; i++) {
        to[i] = nvm->mapped[offset + i];
    }
    return FML_OK;
}

int fml_nvm_sync(const fml_nvm *nvm) {
    COMPILER_BARRIER();
    return nvm->sync != NULL && nvm->sync(nvm->context) < 0 ? FML_ERROR_IO : FML_OK;
}

static bool decode(const uint8_t *bytes, fml_record *record) {
    record->phase = bytes[FML_RECORD_PHASE_AT];
    record->model_id = fml_read_u32(bytes + FML_RECORD_MODEL_ID_AT);
    record->sequence = fml_read_u32(bytes + FML_RECORD_SEQUENCE_AT);
    record->tag = fml_read_u32(bytes + FML_RECORD_TAG_AT);
    record->op = fml_read_u16(bytes + FML_RECORD_OP_AT);
    record->tile = fml_read_u16(bytes + FML_RECORD_TILE_AT);
    record->boots = fml_read_u16(bytes + FML_RECORD_BOOTS_AT);
    return record->phase <= FML_PHASE_DONE && bytes[FML_RECORD_EXIT_AT] == 0 &&
           fml_read_u16(bytes + FML_RECORD_RESERVED_AT) == 0 &&
           fml_read_u32(bytes + FML_RECORD_CRC32_AT) == fml_crc32(0, bytes, FML_RECORD_CRC32_AT);
}

int fml_journal_read(const fml_nvm *nvm, fml_journal *journal) {
    uint8_t bytes[FML_RECORD_SIZE];
    journal->state = FML_JOURNAL_BLANK;
    for (uint8_t slot = 0; slot < FML_NVM_SLOT_COUNT; slot++) {
        fml_record record;
        if (fml_nvm_read(nvm, (uint32_t)slot * FML_NVM_SLOT_SIZE, bytes, FML_RECORD_SIZE) != FML_OK) {
            return FML_ERROR_IO;
        }
        if (fml_read_u16(bytes + FML_RECORD_MAGIC_AT) != FML_RECORD_MAGIC_VALUE) {
            continue;
        }
        bool first = journal->state != FML_JOURNAL_VALID;
        if (!decode(bytes, &record)) {
            journal->state = first ? FML_JOURNAL_DAMAGED : FML_JOURNAL_VALID;
            continue;
        }
        /* Numbers wrap around; the newer of two is less than half the circle ahead. */
        if (first || (journal->newest.sequence - record.sequence) >> 31 != 0) {
            journal->newest = record;
            journal->slot = slot;
            journal->state = FML_JOURNAL_VALID;
        }
    }
    return FML_OK;
}

static void encode(const fml_record *record, uint8_t *bytes) {
    fml_write_u16(bytes + FML_RECORD_MAGIC_AT, FML_RECORD_MAGIC_VALUE);
    bytes[FML_RECORD_PHASE_AT] = record->phase;
    bytes[FML_RECORD_EXIT_AT] = 0;
    fml_write_u32(bytes + FML_RECORD_MODEL_ID_AT, record->model_id);
    fml_write_u32(bytes + FML_RECORD_SEQUENCE_AT, record->sequence);
    fml_write_u32(bytes + FML_RECORD_TAG_AT, record->tag);
    fml_write_u16(bytes + FML_RECORD_OP_AT, record->op);
    fml_write_u16(bytes + FML_RECORD_TILE_AT, record->tile);
    fml_write_u16(bytes + FML_RECORD_BOOTS_AT, record->boots);
    fml_write_u16(bytes + FML_RECORD_RESERVED_AT, 0);
    fml_write_u32(bytes + FML_RECORD_CRC32_AT, fml_crc32(0, bytes, FML_RECORD_CRC32_AT));
}

static int write_slot(const fml_nvm *nvm, uint8_t slot, const uint8_t *bytes) {
    uint32_t offset = (uint32_t)slot * FML_NVM_SLOT_SIZE;
    if (nvm->mapped == NULL) {
        if (nvm->write(nvm->context, offset, bytes, FML_RECORD_SIZE) < 0) {
            return FML_ERROR_IO;
        }
    } else {
        volatile uint8_t *to = nvm->mapped + offset; /* volatile: in this order, the checksum last */
        for (uint8_t i = 0; i < FML_RECORD_SIZE; i++) {
            to[i] = bytes[i];
        }
    }
    return fml_nvm_sync(nvm);
}

int fml_journal_write(const fml_nvm *nvm, uint8_t first, const fml_record *record) {
    uint8_t bytes[FML_RECORD_SIZE];
    encode(record, bytes);
    int status = write_slot(nvm, first, bytes);
    return status == FML_OK ? write_slot(nvm, first ^ 1, bytes) : status;
}
