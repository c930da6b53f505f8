#include "journal.h"

#include "bytes.h"
#include "optional.h"

/* As model.c does with the blob. */
#define AT(member, at) (offsetof(fml_record, member) == FML_RECORD_##at##_AT)
typedef char record_is_as_stored[AT(magic, MAGIC) && AT(phase, PHASE) && AT(exit, EXIT) && AT(model_id, MODEL_ID) &&
                                         AT(sequence, SEQUENCE) && AT(tag, TAG) && AT(op, OP) && AT(tile, TILE) &&
                                         AT(boots, BOOTS) && AT(reserved, RESERVED) && AT(crc32, CRC32) &&
                                         sizeof(fml_record) == FML_RECORD_SIZE
                                     ? 1
                                     : -1];

int fml_nvm_read(const fml_nvm *nvm, uint32_t offset, void *to, uint32_t size) {
    if (FML_BUS_NVM && nvm->mapped == NULL) {
        return nvm->read(nvm->context, offset, to, size) < 0 ? FML_ERROR_IO : FML_OK;
    }
    fml_copy(to, nvm->mapped + offset, size);
    return FML_OK;
}

int fml_nvm_sync(const fml_nvm *nvm) {
    FML_BARRIER();
    return nvm->sync != NULL && nvm->sync(nvm->context) < 0 ? FML_ERROR_IO : FML_OK;
}

static uint32_t checksum(const fml_record *record) {
    return fml_crc32(0, record, FML_RECORD_CRC32_AT);
}

static bool intact(const fml_record *record) {
    return record->phase <= FML_PHASE_DONE &&
           (record->exit == 0 || (FML_EARLY_EXITS && record->phase == FML_PHASE_DONE)) && record->reserved == 0 &&
           record->crc32 == checksum(record);
}

int fml_journal_read(const fml_nvm *nvm, fml_journal *journal) {
    journal->state = FML_JOURNAL_BLANK;
    for (uint32_t slot = 0; slot < FML_NVM_SLOT_COUNT; slot++) {
        fml_record record;
        if (fml_nvm_read(nvm, slot * FML_NVM_SLOT_SIZE, &record, sizeof record) != FML_OK) {
            return FML_ERROR_IO;
        }
        if (record.magic != FML_RECORD_MAGIC_VALUE) {
            continue;
        }
        const bool first = journal->state != FML_JOURNAL_VALID;
        if (!intact(&record)) {
            journal->state = first ? FML_JOURNAL_DAMAGED : FML_JOURNAL_VALID;
            continue;
        }
        /* Numbers wrap around; the newer of two is less than half the circle ahead. */
        if (first || (journal->newest.sequence - record.sequence) >> 31 != 0) {
            journal->newest = record;
            journal->slot = (uint8_t)slot;
            journal->state = FML_JOURNAL_VALID;
        }
    }
    return FML_OK;
}

static int write_slot(const fml_nvm *nvm, uint8_t slot, const uint8_t *bytes) {
    uint32_t offset = (uint32_t)slot * FML_NVM_SLOT_SIZE;
    if (FML_BUS_NVM && nvm->mapped == NULL) {
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

int fml_journal_write(const fml_nvm *nvm, uint8_t first, fml_record *record) {
    const uint8_t *bytes = (const uint8_t *)record;
    record->magic = FML_RECORD_MAGIC_VALUE;
    record->reserved = 0;
    record->crc32 = checksum(record);
    int status = write_slot(nvm, first, bytes);
    return status == FML_OK ? write_slot(nvm, first ^ 1, bytes) : status;
}
