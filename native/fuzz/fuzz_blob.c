/* Any bytes as a blob: the verifier reads nothing outside them, judges them alike in memory and streamed, and what it
 * lets pass runs inside its memories, comes to an end, and gives one answer whatever fails on the way. */
#include <string.h>

#include "../src/bytes.h"
#include "../src/model.h"
#include "../src/model_layout.h"
#include "fuzz.h"

#define MEMORY_MAX 1000000 /* bytes of arena, of scratch; larger models are opened but not run */
#define WORK_MAX 1000000   /* multiply-adds, bytes moved; likewise */
#define LIVES 6            /* failed accesses in an inference */
#define CUTS 12            /* power cuts between steps in an inference */

static struct { unsigned inputs, opened, too_large, gaps, resumed, exits; } counts;

void fuzz_report(FILE *to) {
    fprintf(to, "inputs=%u opened=%u too_large=%u gaps=%u resumed=%u exits=%u\n", counts.inputs, counts.opened,
            counts.too_large, counts.gaps, counts.resumed, counts.exits);
}

/* --- How much a model does ------------------------------------------------------------------------------------------
 */

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Bytes that a kernel looks at for one output element; one position for kinds without a window. */
static uint64_t work_of_element(const fml_op *op) {
    const fml_shape *in = &op->input.shape, *out = &op->output.shape;
    switch (op->kind) {
    case FML_OP_KIND_CONV_2D:
    case FML_OP_KIND_DEPTHWISE_CONV_2D: /* and to gather a patch, at worst for one channel */
        return 2 * (uint64_t)fml_op_taps(op) + 2;
    case FML_OP_KIND_MAX_POOL_2D:
    case FML_OP_KIND_AVERAGE_POOL_2D:
        if (op->flags & FML_OP_FLAG_ADAPTIVE) {
            return (in->height / out->height + 2) * (uint64_t)(in->width / out->width + 2);
        }
        return (smaller(op->window.kernel_height, in->height) + 1) * (smaller(op->window.kernel_width, in->width) + 1);
    default:
        return 2;
    }
}

static uint64_t work_of(const fml_model *model) {
    uint64_t work = model->arena_size;
    for (uint16_t index = 0; index < model->op_count; index++) {
        fml_op op;
        CHECK(fml_model_op(model, index, &op) == FML_OK);
        const fml_shape space = fml_op_viewed(&op) ? op.view.space : op.output.shape;
        const fml_tile first = fml_op_tile(&op, 0);
        const uint64_t elements = (uint64_t)space.height * space.width * space.channels;
        work += elements * work_of_element(&op);
        CHECK(fml_op_tile_count(&op) <= UINT16_MAX); /* a record can name each */
        work += fml_op_tile_count(&op) * (100 + (uint64_t)fml_op_block(&op, &first).size);
    }
    return work;
}

/* --- What the answer depends on -------------------------------------------------------------------------------------
 */

/* Bytes of a tensor that an operator of the model writes are marked; `left` of them are not yet. */
typedef struct coverage {
    uint8_t *bytes;
    uint32_t left;
} coverage;

static void cover(coverage *tensor, const fml_op *op) {
    const fml_strides *to = &op->view.destination;
    if (op->kind != FML_OP_KIND_COPY && op->kind != FML_OP_KIND_QUANTIZE) {
        tensor->left = 0;
    }
    for (uint32_t i = 0; tensor->left > 0 && i < op->view.space.height; i++) {
        for (uint32_t j = 0; j < op->view.space.width; j++) {
            for (uint32_t k = 0; k < op->view.space.channels; k++) {
                uint8_t *byte = &tensor->bytes[to->offset + i * (uint32_t)to->row + j * (uint32_t)to->column +
                                               k * (uint32_t)to->depth];
                tensor->left -= *byte == 0;
                *byte = 1;
            }
        }
    }
}

/* Has the tensor the scores of the last layer or of an exit? */
static bool is_answer(const fml_model *model, uint16_t index) {
    bool found = false;
    for (uint32_t exit = 0; exit <= fml_model_exits(model); exit++) {
        found = found || fml_model_answer(model, exit) == index;
    }
    return found;
}

/* Is some byte of tensor `index` read before it was written? The packer makes no such model; its answer depends on what
 * the arena held before. */
static bool has_gap(const fml_model *model, uint16_t index) {
    const uint32_t size = fml_model_tensor(model, index).size;
    coverage covered = {calloc(1, size), size};
    CHECK(covered.bytes != NULL);
    bool gap = false;
    for (uint16_t i = 0; i < model->op_count; i++) {
        fml_op op;
        (void)fml_model_op(model, i, &op);
        if (op.input_index == index || op.input2_index == index) {
            CHECK(covered.left < size); /* SPEC.md: every tensor that is read was written */
            gap = gap || covered.left > 0;
        }
        if (op.output_index == index) {
            cover(&covered, &op);
        }
    }
    free(covered.bytes);
    CHECK(!is_answer(model, index) || covered.left < size);
    return gap || (is_answer(model, index) && covered.left > 0);
}

static bool has_gaps(const fml_model *model) {
    for (uint16_t index = 0; index < model->vectors[FML_TENSORS].count; index++) {
        if (has_gap(model, index)) {
            return true;
        }
    }
    return false;
}

/* --- Inferences ------------------------------------------------------------------------------------------------------
 */

/* One inference in memory that fails. */
typedef struct run {
    const fml_model *model;
    fuzz_memory memory;
    fml_session session;
    uint8_t *arena, *scratch, *sample;
    uint16_t leave; /* number of the exit that answers; 0: none */
    uint32_t random;
} run;

/* Some steps, 1 to `most`; the answer, where the exit that is to give it was passed. */
static int proceed(run *r, uint32_t most) {
    fml_session *const session = &r->session;
    if (r->leave != 0 && fml_session_exits(session) >= r->leave) {
        CHECK(fml_session_margin(session) >= 0 && fml_session_margin(session) <= UINT8_MAX);
        counts.exits++;
        return fml_session_exit(session);
    }
    const uint32_t all = fml_session_remaining(session), next = fml_session_to_answer(session);
    CHECK(next > 0 && next <= all);
    const uint32_t left = r->leave != 0 ? next : all, steps = 1 + fuzz_below(&r->random, most < left ? most : left);
    const int status = fml_session_step(session, steps);
    CHECK(status < 0 || fml_session_remaining(session) == all - steps);
    return status;
}

/* A life: opens, starts the sample unless it is under way, runs to the end. 0, or a status, or 1 where a failure left
 * it. */
static int live(run *r) {
    const fml_nvm nvm = fuzz_memory_nvm(&r->memory, r->model->nvm_size);
    if (setjmp(r->memory.escape) != 0) {
        return 1;
    }
    int status = fml_session_open(&r->session, r->model, &nvm, r->arena, r->arena != NULL ? r->model->arena_size : 0,
                                  r->scratch, r->model->scratch_size);
    if (status >= 0 && r->session.phase == FML_PHASE_IDLE) {
        status = fml_session_start(&r->session, r->sample, r->model->sample_size, 7);
    }
    while (status >= 0 && r->session.phase == FML_PHASE_RUNNING) {
        status = proceed(r, fml_session_remaining(&r->session));
    }
    return status < 0 ? status : 0;
}

static void make_run(run *r, const fml_model *model, bool mapped, uint16_t leave, uint32_t random) {
    r->model = model;
    r->leave = leave;
    r->random = random;
    fuzz_memory_make(&r->memory, model->nvm_size, mapped, random);
    r->arena = mapped ? NULL : fuzz_allocate(&r->random, model->arena_size);
    r->scratch = fuzz_allocate(&r->random, model->scratch_size);
    r->sample = malloc(model->sample_size);
    CHECK(r->sample != NULL);
    uint32_t of_sample = model->model_id | 1; /* the same in all runs of a model */
    fuzz_noise(&of_sample, r->sample, model->sample_size);
}

static void free_run(run *r) {
    fuzz_memory_free(&r->memory);
    free(r->arena);
    free(r->scratch);
    free(r->sample);
}

/* A copy of the answer; the caller frees it. */
static uint8_t *take_output(const run *r) {
    const int8_t *output = fml_session_output(&r->session);
    uint8_t *copy = malloc(r->model->output_length);
    CHECK(output != NULL && copy != NULL);
    memcpy(copy, output, r->model->output_length);
    return copy;
}

/* Power came back: what RAM held is gone, or not, where the power had stayed. */
static void next_life(run *r) {
    if (r->memory.powerless && r->arena != NULL) {
        fuzz_noise(&r->random, r->arena, r->model->arena_size);
    }
    if (r->memory.powerless) {
        fuzz_noise(&r->random, r->scratch, r->model->scratch_size);
    }
    fuzz_memory_reset(&r->memory);
}

/* The inference with failures at accesses below `accesses`; then without. */
static void live_on(run *r, uint32_t accesses) {
    for (uint32_t life = 0; life < LIVES; life++) {
        r->memory.fail_at = fuzz_below(&r->random, accesses);
        r->memory.failure = (uint8_t)fuzz_below(&r->random, FUZZ_FAILURES);
        r->memory.keep = (uint8_t)fuzz_below(&r->random, FUZZ_KEEPS);
        const int status = live(r);
        if (!r->memory.failed) {
            CHECK(status == 0);
            return;
        }
        CHECK(status == 1 || status == FML_ERROR_IO);
        CHECK(r->session.stale && fml_session_step(&r->session, 1) == FML_ERROR_STALE);
        CHECK(fml_session_output(&r->session) == NULL);
        counts.resumed += r->session.phase == FML_PHASE_RUNNING;
        next_life(r);
    }
    CHECK(live(r) == 0);
}

/* Power fails between steps, in memory that the core writes itself: some bytes of the interval are there, some torn. */
static void live_in_steps(run *r) {
    const fml_nvm nvm = fuzz_memory_nvm(&r->memory, r->model->nvm_size);
    uint32_t cuts = CUTS, most = 0;
    do {
        const int status = fml_session_open(&r->session, r->model, &nvm, NULL, 0, r->scratch, r->model->scratch_size);
        CHECK(status == FML_OK || status == FML_NO_PROGRESS);
        if (r->session.phase == FML_PHASE_IDLE) {
            CHECK(fml_session_start(&r->session, r->sample, r->model->sample_size, 7) == FML_OK);
        }
        most = most > 0 ? most : 1 + 2 * fml_session_remaining(&r->session) / CUTS;
        while (r->session.phase == FML_PHASE_RUNNING && proceed(r, most) >= 0 && cuts == 0) {
        }
        CHECK(!r->session.stale);
        if (cuts > 0) {
            cuts--;
            r->memory.keep = (uint8_t)fuzz_below(&r->random, FUZZ_KEEPS);
            counts.resumed += r->session.phase == FML_PHASE_RUNNING;
            fuzz_memory_cut(&r->memory);
            next_life(r);
        }
    } while (r->session.phase != FML_PHASE_DONE);
    CHECK(fml_session_open(&r->session, r->model, &nvm, NULL, 0, r->scratch, r->model->scratch_size) == FML_OK);
}

/* The answer, and again where memory fails: the same, unless `gaps`. The caller frees it. */
static uint8_t *infer(const fml_model *model, fuzz_stream *stream, bool mapped, bool gaps, uint16_t leave,
                      uint32_t *random) {
    run whole, failing;
    make_run(&whole, model, mapped, leave, fuzz_random(random));
    stream->memory = &whole.memory;
    CHECK(live(&whole) == 0);
    uint8_t *answer = take_output(&whole);
    make_run(&failing, model, mapped, leave, fuzz_random(random));
    stream->memory = &failing.memory;
    if (mapped && fuzz_below(random, 3) > 0) {
        live_in_steps(&failing);
    } else {
        live_on(&failing, whole.memory.accesses);
    }
    uint8_t *again = take_output(&failing);
    CHECK(gaps || memcmp(answer, again, model->output_length) == 0);
    free(again);
    free_run(&whole);
    free_run(&failing);
    return answer;
}

static void run_model(const fml_model *model, const fml_model *streamed, fuzz_stream *stream) {
    const bool too_large = model->arena_size > MEMORY_MAX || model->scratch_size > MEMORY_MAX ||
                           streamed->scratch_size > MEMORY_MAX || work_of(model) > WORK_MAX;
    counts.opened++;
    if (too_large) {
        counts.too_large++;
        return;
    }
    const bool gaps = has_gaps(model);
    counts.gaps += gaps;
    uint32_t random = model->model_id | 1;
    const bool crossed = fuzz_below(&random, 2); /* a streamed blob with mapped memory, and the other way round */
    const uint16_t leave = (uint16_t)fuzz_below(&random, fml_model_exits(model) + 1);
    uint8_t *here = infer(crossed ? streamed : model, stream, true, gaps, leave, &random);
    uint8_t *there = infer(crossed ? model : streamed, stream, false, gaps, leave, &random);
    CHECK(gaps || memcmp(here, there, model->output_length) == 0);
    free(here);
    free(there);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    counts.inputs++;
    uint8_t buffer[64], *blob = malloc(size > 0 ? size : 1), *metadata = NULL;
    CHECK(blob != NULL);
    memcpy(blob, data, size);
    fml_model model, streamed;
    fuzz_stream stream = {blob, (uint32_t)size, NULL};
    const fml_source here = {blob, NULL, NULL, (uint32_t)size};
    const fml_source there = {NULL, fuzz_stream_read, &stream, (uint32_t)size};
    const int status = fml_model_open(&model, &here, NULL, NULL, 0);
    int status_streamed = fml_metadata_size(blob, (uint32_t)size);
    if (status_streamed >= 0) {
        metadata = malloc((size_t)status_streamed);
        CHECK(metadata != NULL);
        memcpy(metadata, blob, (size_t)status_streamed);
        status_streamed = fml_model_open(&streamed, &there, metadata, buffer, 16 + size % 49);
    }
    CHECK(status == status_streamed && status <= 0);
    if (status == FML_OK) {
        run_model(&model, &streamed, &stream);
    }
    free(metadata);
    free(blob);
    return 0;
}
