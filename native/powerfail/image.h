/* The journal in an NVM image, read and written without the core's code: SPEC.md, "NVM image". */
#ifndef POWERFAIL_IMAGE_H
#define POWERFAIL_IMAGE_H

#include "host.h"

#include "freeml.h"
#include "journal_layout.h"

/* Where an inference stands. op, tile: the next step while RUNNING. */
typedef struct place {
    uint8_t phase; /* fml_phase */
    uint8_t exit;  /* DONE: number of the exit that answered; else 0 */
    uint16_t op, tile;
    uint32_t tag;
} place;

typedef struct record {
    place at;
    uint16_t boots;
    uint32_t model_id, sequence;
} record;

/* Bytes of a slot: is it valid, and what does it say? */
bool record_read(const uint8_t *bytes, record *to);
void record_write(const record *from, uint8_t *bytes);

/* What fml_session_open has to find for a model: an fml_journal_state, and for VALID and FOREIGN the newest record. */
fml_journal_state image_journal(const uint8_t *image, uint32_t model_id, record *newest);

/* Same place? IDLE has no tag of its own. */
bool place_equal(const place *a, const place *b);

static inline uint8_t *image_slot(uint8_t *image, uint32_t slot) {
    return image + slot * FML_NVM_SLOT_SIZE;
}

#endif
