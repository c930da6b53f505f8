/* Generated from schema/freeml_schema/journal.py by schema/regenerate.py: do not edit. */
#ifndef FML_JOURNAL_LAYOUT_H
#define FML_JOURNAL_LAYOUT_H

#define FML_RECORD_SIZE 28
#define FML_RECORD_MAGIC_VALUE 0x4a46
#define FML_RECORD_MAGIC_AT 0
#define FML_RECORD_PHASE_AT 2
#define FML_RECORD_EXIT_AT 3
#define FML_RECORD_MODEL_ID_AT 4
#define FML_RECORD_SEQUENCE_AT 8
#define FML_RECORD_TAG_AT 12
#define FML_RECORD_OP_AT 16
#define FML_RECORD_TILE_AT 18
#define FML_RECORD_BOOTS_AT 20
#define FML_RECORD_RESERVED_AT 22
#define FML_RECORD_CRC32_AT 24

#define FML_NVM_SLOT_COUNT 2
#define FML_NVM_SLOT_SIZE 32
#define FML_NVM_ARENA_OFFSET 64

#endif
