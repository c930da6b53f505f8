/* Nonvolatile memory and the journal's records in it: schema/freeml_schema/journal.py, SPEC.md "NVM image". */
#ifndef FML_JOURNAL_H
#define FML_JOURNAL_H

#include "freeml.h"
#include "journal_layout.h"

typedef struct fml_record {
    uint8_t phase; /* fml_phase */
    uint16_t op, tile, boots;
    uint32_t model_id, sequence, tag;
} fml_record;

/* What both slots say. */
typedef struct fml_journal {
    uint8_t state;     /* fml_journal_state, but for FOREIGN */
    uint8_t slot;      /* of the newest intact record; VALID only */
    fml_record newest; /* VALID only; of any model */
} fml_journal;

/* 0 or FML_ERROR_IO. */
int fml_nvm_read(const fml_nvm *nvm, uint32_t offset, uint8_t *to, uint32_t size);

/* All earlier writes become durable before any later one. 0 or FML_ERROR_IO. */
int fml_nvm_sync(const fml_nvm *nvm);

/* 0 or FML_ERROR_IO. */
int fml_journal_read(const fml_nvm *nvm, fml_journal *journal);

/* Writes a record to slot `first`, its checksum last, syncs, and then the same to the other slot: at any time one of
 * them is intact. 0 or FML_ERROR_IO. */
int fml_journal_write(const fml_nvm *nvm, uint8_t first, const fml_record *record);

#endif
