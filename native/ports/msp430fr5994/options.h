/* What the firmware's blob uses, for all C files (-include). Constants of blob.h, so that the linker, which optimizes
 * the whole program, leaves out what is for others. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

extern const uint8_t encodings; /* bit e: operators have encoding e */
extern const bool has_exits, has_sums;
extern const struct fml_model *const the_model;

/* optional.h */
#define FML_ENCODINGS (encodings > 1)
#define FML_EARLY_EXITS has_exits
#define FML_MODEL_OF(session) the_model

#endif
