/* Nonvolatile memory and the journal's records in it: schema/freeml_schema/journal.py, SPEC.md "NVM image". */
#ifndef FML_JOURNAL_H
#define FML_JOURNAL_H

#include "freeml.h"
#include "journal_layout.h"

/* As it is stored (journal.c). */
typedef struct fml_record {
    uint16_t magic;
    uint8_t phase; /* fml_phase */
    uint8_t exit;
    uint32_t model_id, sequence, tag;
    uint16_t op, tile, boots, reserved;
    uint32_t crc32;
} fml_record;

/* What both slots say. */
typedef struct fml_journal {
    uint8_t state;     /* fml_journal_state, but for FOREIGN */
    uint8_t slot;      /* of the newest intact record; VALID only */
    fml_record newest; /* VALID only; of any model */
} fml_journal;

/* 0 or FML_ERROR_IO. */
int fml_nvm_read(const fml_nvm *nvm, uint32_t offset, void *to, uint32_t size);

/* All earlier writes become durable before any later one. 0 or FML_ERROR_IO. */
int fml_nvm_sync(const fml_nvm *nvm);

/* 0 or FML_ERROR_IO. */
int fml_journal_read(const fml_nvm *nvm, fml_journal *journal);

/* Completes a record with magic, zero and checksum, writes it to slot `first`, the checksum last, syncs, and then the
 * same to the other slot: at any time one of them is intact. 0 or FML_ERROR_IO. */
int fml_journal_write(const fml_nvm *nvm, uint8_t first, fml_record *record);

#endif
