#include "interp.h"

#include "encoding.h"
#include "kernels/kernels.h"

#define LOOKUP_SIZE 256

/* Scratch of a streamed source: [tag][kernel scratch][look-up][constants]. The tag names the operator and channel block
 * whose constants lie there; rows of tiles vary fastest, so most tiles find them. */
#define TAG_SIZE 4
#define TAG_NONE UINT32_MAX /* no operator has index 0xffff */

static bool has_lookup(const fml_op *op) {
    return (op->flags & FML_OP_FLAG_HAS_LOOKUP) != 0;
}

uint32_t fml_interp_scratch(const fml_model *model, const fml_op *op) {
    const uint32_t kernel = fml_round_up_4(fml_kernel_scratch(op));
    if (model->source.mapped != NULL) {
        return kernel;
    }
    const fml_tile first = fml_op_tile(op, 0);
    const uint32_t block = fml_op_encoded(op) ? fml_encoding_largest_block(model, op) : fml_op_block(op, &first).size;
    return TAG_SIZE + kernel + (has_lookup(op) ? LOOKUP_SIZE : 0) + block;
}

static uint32_t *tag_of(uint8_t *scratch) {
    return (uint32_t *)(void *)scratch;
}

void fml_interp_reset(const fml_model *model, uint8_t *scratch) {
    if (model->source.mapped == NULL) {
        *tag_of(scratch) = TAG_NONE;
    }
}

/* Points work->params and work->lookup to the tile's constants, work->scratch to the kernel's scratch. */
static int fetch(const fml_model *model, fml_work *work) {
    const fml_op *op = work->op;
    const bool streamed = model->source.mapped == NULL, looks_up = has_lookup(op);
    const uint32_t index = (uint32_t)work->tile.channel_begin / op->tile_channels;
    const uint32_t wanted = (uint32_t)op->index << 16 | index;
    uint32_t *const tag = tag_of(work->scratch);
    uint8_t *lookup = NULL, *params = NULL;
    int status = FML_OK;
    if (streamed) {
        work->scratch += TAG_SIZE;
        lookup = work->scratch + fml_round_up_4(fml_kernel_scratch(op));
        params = lookup + (looks_up ? LOOKUP_SIZE : 0);
        work->params = params;
        work->lookup = looks_up ? lookup : NULL;
        if (*tag == wanted) {
            return FML_OK;
        }
        *tag = TAG_NONE; /* a read may fail half-way */
    }
    fml_block block = fml_op_block(op, &work->tile);
    if (fml_op_encoded(op)) {
        block = fml_encoding_block(model, op, index, &status);
        if (streamed && block.size > model->scratch_size - (uint32_t)(params - (uint8_t *)tag)) {
            return FML_ERROR_IO; /* the directory is not what it was when the blob was opened */
        }
    }
    if (block.size != 0) {
        work->params = fml_model_fetch(model, op->params + block.offset, block.size, params, &status);
    }
    if (looks_up) {
        work->lookup = fml_model_fetch(model, op->lookup, LOOKUP_SIZE, lookup, &status);
    }
    if (streamed && status == FML_OK) {
        *tag = wanted;
    }
    return status;
}

static void apply_lookup(const fml_work *work) {
    fml_runs runs;
    fml_runs_begin(&runs, work, false);
    while (fml_runs_next(&runs)) {
        fml_look_up(work->output + runs.offset, work->lookup, runs.length);
    }
}

int fml_interp_step(const fml_model *model, const fml_op *op, uint32_t tile, uint8_t *arena, uint8_t *scratch) {
    fml_work work;
    work.op = op;
    work.tile = fml_op_tile(op, tile);
    work.sample = arena + model->sample_offset;
    work.input = (const int8_t *)arena + op->input.offset;
    work.input2 = (const int8_t *)arena + op->input2.offset;
    work.output = (int8_t *)arena + op->output.offset;
    work.params = work.lookup = NULL;
    work.scratch = scratch;
    const int status = fetch(model, &work);
    if (status != FML_OK) {
        return status;
    }
    fml_kernel_run(&work);
    if (work.lookup != NULL && !fml_op_viewed(op)) { /* the others look up themselves */
        apply_lookup(&work);
    }
    return FML_OK;
}
