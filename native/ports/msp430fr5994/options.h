/* What the firmware's blob uses, for all C files (-include). Constants of blob.h, so that the linker, which optimizes
 * the whole program, leaves out what is for others. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Bit e: operators have weights of encoding e; some of them are multiplied with pairs of pixels (conv_2d.c). */
extern const uint8_t encodings, encodings_of_pairs;
extern const bool has_exits, has_sums;
extern const bool has_code_operands; /* there is room for those of blocks_4 (blocks.h) */
extern const struct fml_model *const the_model;

/* optional.h */
#define FML_ENCODINGS (encodings > 1)
#define FML_EARLY_EXITS has_exits
#define FML_MODEL_OF(session) the_model

#endif
