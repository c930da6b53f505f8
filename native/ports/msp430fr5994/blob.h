/* The blob that this firmware is for. freeml_pack/firmware/msp430.py says where it lies, how large it is, and which of
 * two files goes into the firmware: packed.c relies on what the packer has verified, verified.c verifies it. */
#ifndef BLOB_H
#define BLOB_H

#include "board.h"
#include "freeml.h"

extern const uint8_t near_blob[]; /* image.S: all of it, or its metadata */

static inline int read_blob(void *context, uint32_t offset, void *to, uint32_t size) {
    (void)context;
    far_copy(to, FAR_BLOB + offset, (uint16_t)size);
    return 0;
}

/* Holds from blob_open on. */
extern const fml_model *const the_model;

/* FML_OK, or a negative status. buffer: working memory. */
int blob_open(void *buffer, uint16_t size);

/* What a negative status means in this firmware. */
const char *blob_error(int status);

#endif
