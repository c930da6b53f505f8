/* Nonvolatile memory and the journal's records in it: schema/freeml_schema/journal.py, SPEC.md "NVM image". */
#ifndef FML_JOURNAL_H
#define FML_JOURNAL_H

#include "freeml.h"
#include "journal_layout.h"

typedef struct fml_record {
    uint8_t phase; /* fml_phase */
    uint16_t op, tile;
    uint32_t model_id, sequence, tag;
} fml_record;

/* 0 or FML_ERROR_IO. */
int fml_nvm_read(const fml_nvm *nvm, uint32_t offset, uint8_t *to, uint32_t size);

/* All earlier writes become durable before any later one. 0 or FML_ERROR_IO. */
int fml_nvm_sync(const fml_nvm *nvm);

/* The newest intact record of any model; *slot: where it lies. FML_ERROR_IO; *found is false on a blank journal. */
int fml_journal_newest(const fml_nvm *nvm, fml_record *record, uint8_t *slot, bool *found);

/* Writes a record to a slot, its checksum last, and syncs. 0 or FML_ERROR_IO. */
int fml_journal_write(const fml_nvm *nvm, uint8_t slot, const fml_record *record);

#endif
