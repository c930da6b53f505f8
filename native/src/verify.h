/* What fml_model_open asks of a blob beyond its container (open.c): operators and plan. */
#ifndef FML_VERIFY_H
#define FML_VERIFY_H

#include "model.h"

/* Every tensor inside the arena. FML_ERROR_BAD_TENSOR. */
int fml_verify_tensors(const fml_model *model);

/* The output tensor exists, is short enough and is written; fills model->output_length. FML_ERROR_BAD_TENSOR,
 * FML_ERROR_BAD_OP. */
int fml_verify_output(fml_model *model);

/* Numbers, memory accesses and tiles of an operator. FML_ERROR_BAD_OP. */
int fml_verify_op(const fml_model *model, const fml_op *op);

/* Constants of an operator that passed fml_verify_op: present, of the right size, shifts in range.
 * buffer: working memory of buffer_size >= 16 bytes where the source is not mapped. FML_ERROR_BAD_PARAMS, FML_ERROR_IO.
 */
int fml_verify_params(const fml_model *model, const fml_op *op, uint8_t *buffer, uint32_t buffer_size);

/* Reads constants that must be in a range: bytes, their low bits, or the sum of those from the first byte on. */
typedef struct fml_range_check {
    const fml_model *model;
    uint8_t *buffer; /* at least 16 bytes where the source is not mapped */
    uint32_t buffer_size;
    uint32_t least, most;
    uint8_t mask; /* the low bits */
    bool sums;
} fml_range_check;

/* Every `stride`-th byte from `offset` of the WEIGHTS section on, `count` >= 1 of them. FML_ERROR_BAD_PARAMS,
 * FML_ERROR_IO. */
int fml_check_bytes(const fml_range_check *check, uint32_t offset, uint32_t count, uint32_t stride);

/* Shifts of a group of `channels` stored output channels, which begins at `offset`. */
static inline int fml_check_shifts(const fml_range_check *check, uint32_t offset, uint32_t channels) {
    return fml_check_bytes(check, offset + 6 * channels, channels, 1); /* behind 4 bytes of bias, 2 of multiplier */
}

/* The constants of an operator with encoded weights: directory, sizes, shifts (by `shifts`), taps.
 * FML_ERROR_BAD_PARAMS, FML_ERROR_IO.
 */
int fml_verify_encoding(const fml_range_check *shifts, const fml_op *op);

/* SPEC.md, "Plan and commits", on operators that passed fml_verify_op. FML_ERROR_COMMIT_RULE. */
int fml_verify_commit_rule(const fml_model *model);

/* SPEC.md, "Exits", on operators that passed fml_verify_op. FML_ERROR_BAD_EXIT. */
int fml_verify_exits(const fml_model *model);

/* Do two byte ranges of the arena share a byte? */
static inline bool fml_overlap(const fml_bytes *a, const fml_bytes *b) {
    return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

#endif
