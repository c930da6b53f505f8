/* A model kept in memory that survives (fml_model_reopen): power is cut while it is verified and sealed. */
#include "kept.h"

#include <string.h>

#define FIRST_COMPARED 4 /* byte of the blob's header */

static int reopen(const device *life, fml_kept *kept) {
    uint8_t buffer[64];
    return fml_model_reopen(kept, &life->model.source, life->metadata, buffer, sizeof buffer);
}

/* What lies in the memory before. */
static void prepare(const device *life, uint32_t base, uint32_t number, fml_kept *kept) {
    rng random = rng_of(number, base, 0);
    uint8_t *bytes = (uint8_t *)kept;
    for (uint32_t at = 0; at < sizeof *kept; at++) {
        bytes[at] = base == KEPT_RANDOM ? (uint8_t)rng_next(&random) : life->kind->blank;
    }
    if (base >= KEPT_DECAYED) {
        (void)reopen(life, kept);
    }
    if (base == KEPT_DECAYED) {
        bytes[rng_below(&random, KEPT_BYTES)] ^= (uint8_t)(1 << rng_below(&random, 8));
    } else if (base == KEPT_BROKEN) {
        kept->seal = 0;
    }
}

/* What a cut leaves: the first `number` bytes new, or, from the size on, every atom old, new or random. */
static void tear(const fml_kept *before, const fml_kept *after, uint32_t number, uint32_t atom, fml_kept *torn) {
    const uint8_t *old = (const uint8_t *)before, *new = (const uint8_t *)after;
    uint8_t *to = (uint8_t *)torn;
    rng random = rng_of(number, atom, 1);
    uint32_t choice = 0;
    for (uint32_t at = 0; at < sizeof *torn; at++) {
        if (number < KEPT_BYTES) {
            to[at] = at < number / atom * atom ? new[at] : old[at];
            continue;
        }
        choice = at % atom == 0 ? rng_below(&random, 16) : choice;
        to[at] = choice == 0 ? (uint8_t)rng_next(&random) : choice % 2 == 0 ? old[at] : new[at];
    }
}

static bool same(const fml_model *a, const fml_model *b) {
    return a->model_id == b->model_id && a->arena_size == b->arena_size && a->scratch_size == b->scratch_size &&
           a->nvm_size == b->nvm_size && a->sample_size == b->sample_size && a->op_count == b->op_count &&
           a->output == b->output && a->output_length == b->output_length && a->sample_type == b->sample_type &&
           a->output_transform == b->output_transform && a->source.mapped == b->source.mapped &&
           a->source.read == b->source.read && a->source.size == b->source.size && a->metadata == b->metadata &&
           a->metadata_size == b->metadata_size && a->sample_offset == b->sample_offset &&
           memcmp(a->vectors, b->vectors, sizeof a->vectors) == 0 && a->weights == b->weights &&
           a->weights_size == b->weights_size;
}

/* Status of opening the blob with byte `at` of it flipped. */
static int open_damaged(const device *life, const model_case *what, uint32_t at, fml_kept *kept) {
    uint8_t *copy = life->metadata != NULL && at < life->model.metadata_size ? life->metadata + at : NULL;
    what->blob[at] ^= 1;
    if (copy != NULL) {
        *copy ^= 1;
    }
    const int status = reopen(life, kept);
    what->blob[at] ^= 1;
    if (copy != NULL) {
        *copy ^= 1;
    }
    return status;
}

/* Where the metadata in the address space stays, but the blob that is streamed has become another one. */
static const char *check_other_stream(const device *life, const model_case *what, uint32_t header, fml_kept *kept) {
    what->blob[header] ^= 1;
    const int status = open_damaged(life, what, what->blob_size - 1, kept);
    what->blob[header] ^= 1;
    return status == FML_ERROR_CHECKSUM ? NULL : "another streamed blob is taken for the verified one";
}

const char *kept_check(const device *life, const model_case *what, uint32_t base, uint32_t number) {
    const uint32_t weight = what->blob_size - 1;
    const uint32_t header = FIRST_COMPARED + number % (FML_HEADER_SIZE - FIRST_COMPARED);
    fml_kept before, after, torn, kept;
    prepare(life, base, number, &before);
    memcpy(&after, &before, sizeof after);
    if (reopen(life, &after) != FML_OK || !same(&after.model, &life->model)) {
        return "the blob does not open";
    }
    tear(&before, &after, number, life->kind->atom, &torn);
    const bool sealed = memcmp(&torn, &after, KEPT_BYTES) == 0;
    memcpy(&kept, &torn, sizeof kept);
    for (uint32_t boot = 0; boot < 2; boot++) {
        if (open_damaged(life, what, weight, &kept) != (sealed ? FML_OK : FML_ERROR_CHECKSUM)) {
            return sealed ? "what was verified is verified again" : "an unverified blob is taken for verified";
        }
    }
    memcpy(&kept, &torn, sizeof kept);
    if (reopen(life, &kept) != FML_OK || !same(&kept.model, &life->model)) {
        return "after the cut the blob does not open, or as another model";
    }
    if (open_damaged(life, what, weight, &kept) != FML_OK) {
        return "the seal was not made";
    }
    if (life->kind->streamed) {
        const char *wrong = check_other_stream(life, what, header, &kept);
        if (wrong != NULL || reopen(life, &kept) != FML_OK) {
            return wrong != NULL ? wrong : "the blob does not open after another one";
        }
    }
    return open_damaged(life, what, header, &kept) < 0 ? NULL : "another blob is taken for the verified one";
}
