/* A sequence of what applications, power and other models can do to one nonvolatile memory. Whatever it holds, the core
 * stays inside it and resumes only what an intact record names; and from the first sample that it starts, every state
 * that it finds is one that may be there, and every answer is the uninterrupted one.
 *
 * Input: a byte of choices (1: mapped memory, 2: streamed blobs), a byte of randomness, then actions: a byte of kind, a
 * byte of argument, more where an action takes them. FUZZ_MODELS: folder of the models. */
#include <string.h>

#include "../src/bytes.h"
#include "../src/journal_layout.h"
#include "fuzz.h"

#define MODELS 3
#define SAMPLES 4
#define ACTIONS_MAX 100
#define SCRATCH_MAX 4096 /* bytes; no model wants more */
#define DONE UINT32_MAX  /* position: behind the last step */

/* --- Models and their answers
 * ----------------------------------------------------------------------------------------- */

typedef struct model {
    uint8_t *blob;
    fml_model mapped, streamed;
    fuzz_stream stream;
    uint8_t *samples[SAMPLES];
    uint8_t *answers[SAMPLES];
} model;

static model models[MODELS];
static uint32_t memory_size; /* enough for any of them */

static struct { unsigned inputs, opened, resumed, foreign, answers, failures, refused; } counts;

void fuzz_report(FILE *to) {
    fprintf(to, "inputs=%u opened=%u resumed=%u foreign=%u answers=%u failures=%u refused=%u\n", counts.inputs,
            counts.opened, counts.resumed, counts.foreign, counts.answers, counts.failures, counts.refused);
}

static uint8_t *load(const char *name, uint32_t *size) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", FUZZ_MODELS, name);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    *size = (uint32_t)ftell(file);
    uint8_t *bytes = malloc(*size);
    CHECK(bytes != NULL && fseek(file, 0, SEEK_SET) == 0 && fread(bytes, 1, *size, file) == *size);
    fclose(file);
    return bytes;
}

static uint8_t *answer(const model *m, const uint8_t *sample) {
    uint32_t random = 1;
    uint8_t *memory = calloc(1, m->mapped.nvm_size), *answer = malloc(m->mapped.output_length);
    void *scratch = fuzz_allocate(&random, m->mapped.scratch_size);
    const fml_nvm nvm = {memory, NULL, NULL, NULL, NULL, m->mapped.nvm_size};
    fml_session session;
    CHECK(memory != NULL && answer != NULL);
    CHECK(fml_session_open(&session, &m->mapped, &nvm, NULL, 0, scratch, m->mapped.scratch_size) == FML_OK);
    CHECK(fml_session_start(&session, sample, m->mapped.sample_size, 0) == FML_OK);
    CHECK(fml_session_step(&session, 0) == FML_DONE);
    memcpy(answer, fml_session_output(&session), m->mapped.output_length);
    free(memory);
    free(scratch);
    return answer;
}

static void make_model(model *m, const char *name) {
    uint32_t size, random = 1;
    m->blob = load(name, &size);
    m->stream = (fuzz_stream){m->blob, size, NULL};
    const fml_source here = {m->blob, NULL, NULL, size}, there = {NULL, fuzz_stream_read, &m->stream, size};
    uint8_t buffer[64];
    CHECK(fml_model_open(&m->mapped, &here, NULL, NULL, 0) == FML_OK);
    CHECK(fml_model_open(&m->streamed, &there, m->blob, buffer, sizeof buffer) == FML_OK);
    for (int i = 0; i < SAMPLES; i++) {
        m->samples[i] = fuzz_allocate(&random, m->mapped.sample_size);
        m->answers[i] = answer(m, m->samples[i]);
        CHECK(i == 0 || memcmp(m->answers[i], m->answers[0], m->mapped.output_length) != 0);
    }
    CHECK(m->streamed.scratch_size <= SCRATCH_MAX);
    memory_size = m->mapped.nvm_size > memory_size ? m->mapped.nvm_size : memory_size;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    const char *names[MODELS] = {"small-tight.fml", "small-roomy.fml", "chain-tight.fml"};
    for (int i = 0; i < MODELS; i++) {
        make_model(&models[i], names[i]);
    }
    return 0;
}

/* --- What may be found
 * -------------------------------------------------------------------------------------------------- */

/* Samples are tagged: a number, the sample, the model. */
static uint32_t tag_of(uint32_t number, uint32_t sample, uint32_t model) {
    return number << 8 | sample << 4 | model;
}

/* What the newest record may say: a sample of a model that has come as far as lowest..highest. Tag 0: nothing. */
typedef struct claim {
    uint32_t tag, lowest, highest;
} claim;

#define CLAIMS_MAX 4

typedef struct world {
    const uint8_t *data;
    size_t left;
    fuzz_memory memory;
    bool streamed;
    bool trusted;             /* only the core has written to the memory since something was started or cancelled */
    bool loose;               /* slots were lost while they differed: any older state may be found, or none */
    claim claims[CLAIMS_MAX]; /* one of them holds, while trusted and not loose */
    uint32_t claim_count, next_number;
    /* The session: */
    uint32_t index; /* of its model */
    const fml_model *model;
    fml_session session;
    bool is_open;
    uint8_t *arena, *scratch;
    uint8_t ram[SCRATCH_MAX]; /* what the last session left in its scratch */
    /* Arguments of the call under way: */
    uint32_t tag, steps, sample;
} world;

static uint8_t next(world *w) {
    if (w->left == 0) {
        return 0;
    }
    w->left--;
    return *w->data++;
}

static void claim_only(world *w, uint32_t tag, uint32_t lowest, uint32_t highest) {
    w->claims[0] = (claim){tag, lowest, highest};
    w->claim_count = 1;
    w->trusted = true;
    w->loose = false;
}

/* This, too, may be found if the call that begins now fails. */
static void claim_also(world *w, uint32_t tag, uint32_t lowest, uint32_t highest) {
    for (uint32_t i = 0; i < w->claim_count; i++) {
        if (w->claims[i].tag == tag) {
            w->claims[i].lowest = lowest < w->claims[i].lowest ? lowest : w->claims[i].lowest;
            w->claims[i].highest = highest > w->claims[i].highest ? highest : w->claims[i].highest;
            return;
        }
    }
    if (w->claim_count == CLAIMS_MAX) {
        w->loose = true; /* calls have failed again and again, without a cut between them: not followed up */
        return;
    }
    w->claims[w->claim_count++] = (claim){tag, lowest, highest};
}

static uint32_t position(const fml_session *session) {
    return session->phase == FML_PHASE_DONE ? DONE : (uint32_t)session->op << 16 | session->tile;
}

/* Does the claim allow what the session, of the claim's model or another one, has found? */
static bool holds(const world *w, const claim *c) {
    if (w->session.phase == FML_PHASE_IDLE) {
        return c->tag == 0 || (c->tag & 15) != w->index;
    }
    return c->tag == w->session.tag && position(&w->session) >= c->lowest && position(&w->session) <= c->highest;
}

static void check_answer(const world *w) {
    const int8_t *output = fml_session_output(&w->session);
    CHECK((output != NULL) == (w->session.phase == FML_PHASE_DONE));
    if (output == NULL) {
        return;
    }
    CHECK(!w->trusted || (w->session.tag & 15) == w->index);
    uint8_t copy[64];
    CHECK(w->model->output_length <= sizeof copy);
    memcpy(copy, output, w->model->output_length); /* all of it can be read */
    if (w->trusted) {
        CHECK(memcmp(copy, models[w->index].answers[w->session.tag >> 4 & 15], w->model->output_length) == 0);
        counts.answers++;
    }
}

/* The claims that what was found has refuted are dropped, if it stays. */
static void learn(world *w) {
    uint32_t kept = 0;
    if (!w->trusted || w->loose) {
        return;
    }
    claim remaining[CLAIMS_MAX];
    for (uint32_t i = 0; i < w->claim_count; i++) {
        if (holds(w, &w->claims[i])) {
            remaining[kept++] = w->claims[i];
        }
    }
    CHECK(kept > 0);
    if (fuzz_memory_pending(&w->memory)) {
        return;
    }
    if (w->session.phase != FML_PHASE_IDLE) {
        remaining[0] = (claim){w->session.tag, position(&w->session), position(&w->session)};
        kept = 1;
    }
    memcpy(w->claims, remaining, kept * sizeof *remaining);
    w->claim_count = kept;
}

/* --- The journal, read a second time
 * -------------------------------------------------------------------------------------- */

static bool is_intact(const uint8_t *slot) {
    return fml_read_u16(slot + FML_RECORD_MAGIC_AT) == FML_RECORD_MAGIC_VALUE &&
           slot[FML_RECORD_PHASE_AT] <= FML_PHASE_DONE &&
           (slot[FML_RECORD_EXIT_AT] == 0 || slot[FML_RECORD_PHASE_AT] == FML_PHASE_DONE) &&
           fml_read_u16(slot + FML_RECORD_RESERVED_AT) == 0 &&
           fml_read_u32(slot + FML_RECORD_CRC32_AT) == fml_crc32(0, slot, FML_RECORD_CRC32_AT);
}

/* The intact record that counts; NULL where there is none. */
static const uint8_t *newest(const uint8_t *slots) {
    const uint8_t *first = slots, *second = slots + FML_NVM_SLOT_SIZE;
    if (!is_intact(first) || !is_intact(second)) {
        return is_intact(first) ? first : is_intact(second) ? second : NULL;
    }
    const uint32_t ahead = fml_read_u32(second + FML_RECORD_SEQUENCE_AT) - fml_read_u32(first + FML_RECORD_SEQUENCE_AT);
    return ahead != 0 && ahead <= UINT32_C(0x80000000) ? second : first;
}

/* What SPEC.md has opening find where the slots hold no intact record. */
static fml_journal_state state_without_record(const uint8_t *slots) {
    const bool magic = fml_read_u16(slots + FML_RECORD_MAGIC_AT) == FML_RECORD_MAGIC_VALUE ||
                       fml_read_u16(slots + FML_NVM_SLOT_SIZE + FML_RECORD_MAGIC_AT) == FML_RECORD_MAGIC_VALUE;
    return magic ? FML_JOURNAL_DAMAGED : FML_JOURNAL_BLANK;
}

static uint32_t exits_of(const fml_model *model) {
    return model->vectors[5].count;
}

/* Has the session found what the slots said when it was opened? A running inference's opening is counted. */
static void check_found(const world *w, const uint8_t *slots) {
    const fml_session *session = &w->session;
    const uint8_t *record = newest(slots);
    if (record == NULL) {
        CHECK(session->phase == FML_PHASE_IDLE && session->journal == state_without_record(slots));
        return;
    }
    const uint8_t phase = record[FML_RECORD_PHASE_AT];
    const uint16_t op = fml_read_u16(record + FML_RECORD_OP_AT), tile = fml_read_u16(record + FML_RECORD_TILE_AT);
    const uint16_t boots = fml_read_u16(record + FML_RECORD_BOOTS_AT);
    const bool running = phase == FML_PHASE_RUNNING;
    if (fml_read_u32(record + FML_RECORD_MODEL_ID_AT) != w->model->model_id ||
        (running && tile >= fml_op_tiles(w->model, op)) || record[FML_RECORD_EXIT_AT] > exits_of(w->model)) {
        CHECK(session->phase == FML_PHASE_IDLE && session->journal == FML_JOURNAL_FOREIGN);
        return;
    }
    CHECK(session->journal == FML_JOURNAL_VALID && session->phase == phase);
    CHECK(session->tag == fml_read_u32(record + FML_RECORD_TAG_AT));
    CHECK(session->sequence == fml_read_u32(record + FML_RECORD_SEQUENCE_AT) + running);
    if (running) {
        const uint8_t *now = w->memory.durable;
        CHECK(session->op == op && session->tile == tile && session->boots == boots + (boots < UINT16_MAX));
        CHECK(memcmp(now, now + FML_NVM_SLOT_SIZE, FML_RECORD_SIZE) == 0 && is_intact(now));
        CHECK(fml_read_u16(now + FML_RECORD_BOOTS_AT) == session->boots);
    }
}

static void seal_record(uint8_t *slot) {
    fml_write_u16(slot + FML_RECORD_MAGIC_AT, FML_RECORD_MAGIC_VALUE);
    fml_write_u32(slot + FML_RECORD_CRC32_AT, fml_crc32(0, slot, FML_RECORD_CRC32_AT));
}

/* --- Calls, any of which may fail
 * -------------------------------------------------------------------------------------------- */

/* The next session gets the scratch as this one leaves it, but for what power cuts do to RAM. */
static void close_session(world *w) {
    if (w->is_open) {
        memcpy(w->ram, w->scratch, w->model->scratch_size);
    }
    if (w->memory.powerless) {
        fuzz_noise(&w->memory.random, w->ram, sizeof w->ram);
    }
    free(w->arena);
    free(w->scratch);
    w->arena = w->scratch = NULL;
    w->is_open = false;
}

enum { ESCAPED = 100 };

static int call_open(world *w) {
    const fml_nvm nvm = fuzz_memory_nvm(&w->memory, memory_size);
    if (setjmp(w->memory.escape) != 0) {
        return ESCAPED;
    }
    return fml_session_open(&w->session, w->model, &nvm, w->arena, w->arena != NULL ? w->model->arena_size : 0,
                            w->scratch, w->model->scratch_size);
}

static int call_start(world *w) {
    if (setjmp(w->memory.escape) != 0) {
        return ESCAPED;
    }
    const model *m = &models[w->index];
    return fml_session_start(&w->session, m->samples[w->sample], w->model->sample_size, w->tag);
}

static int call_step(world *w) {
    if (setjmp(w->memory.escape) != 0) {
        return ESCAPED;
    }
    return fml_session_step(&w->session, w->steps);
}

static int call_cancel(world *w) {
    if (setjmp(w->memory.escape) != 0) {
        return ESCAPED;
    }
    return fml_session_cancel(&w->session);
}

/* Whether the call went well. After a failure nothing but opening helps; without power, RAM is lost. */
static bool succeeded(world *w, int status) {
    if (!w->memory.failed) {
        CHECK(status != FML_ERROR_IO && status != ESCAPED);
        return true;
    }
    counts.failures++;
    CHECK(status == FML_ERROR_IO || status == ESCAPED);
    CHECK(w->session.stale && fml_session_output(&w->session) == NULL);
    CHECK(fml_session_step(&w->session, 1) == FML_ERROR_STALE && fml_session_cancel(&w->session) == FML_ERROR_STALE);
    CHECK(fml_session_start(&w->session, models[w->index].samples[0], w->model->sample_size, 1) == FML_ERROR_STALE);
    close_session(w);
    fuzz_memory_reset(&w->memory);
    return false;
}

static bool open_session(world *w) {
    uint8_t slots[FML_NVM_ARENA_OFFSET];
    model *m = &models[w->index];
    memcpy(slots, w->memory.visible, sizeof slots);
    w->model = w->streamed ? &m->streamed : &m->mapped;
    m->stream.memory = &w->memory;
    w->arena = w->memory.mapped ? NULL : fuzz_allocate(&w->memory.random, w->model->arena_size);
    w->scratch = fuzz_allocate(&w->memory.random, w->model->scratch_size);
    memcpy(w->scratch, w->ram, w->model->scratch_size);
    w->is_open = true;
    const int status = call_open(w);
    if (!succeeded(w, status)) {
        return false;
    }
    const fml_session *session = &w->session;
    CHECK(status == (session->boots >= FML_BOOT_LIMIT ? FML_NO_PROGRESS : FML_OK));
    check_found(w, slots);
    counts.opened++;
    counts.resumed += session->phase == FML_PHASE_RUNNING;
    counts.foreign += session->journal == FML_JOURNAL_FOREIGN;
    learn(w);
    check_answer(w);
    return true;
}

static bool make_open(world *w) {
    return w->is_open || open_session(w);
}

static void start(world *w, uint8_t argument) {
    if (!make_open(w)) {
        return;
    }
    const bool busy = w->session.phase == FML_PHASE_RUNNING;
    w->sample = argument % SAMPLES;
    w->tag = tag_of(++w->next_number, w->sample, w->index);
    if (!busy) {
        claim_also(w, 0, 0, 0);
        claim_also(w, w->tag, 0, 0);
    }
    const int status = call_start(w);
    if (!succeeded(w, status)) {
        return;
    }
    CHECK(status == (busy ? FML_ERROR_BUSY : FML_OK));
    counts.refused += busy;
    if (!busy) {
        claim_only(w, w->tag, 0, 0);
    }
}

/* After steps that went well, with a commit among them. Which step it followed is known where there was one step. */
static void claim_progress(world *w, uint32_t begin) {
    const uint32_t end = position(&w->session);
    const bool exact = w->steps == 1 || end == DONE;
    claim_only(w, w->session.tag, exact ? end : begin, end);
}

static void step(world *w, uint8_t argument) {
    if (!make_open(w)) {
        return;
    }
    const uint8_t before = w->session.phase;
    const uint32_t commits = w->session.commits, begin = position(&w->session), count = w->claim_count;
    claim saved[CLAIMS_MAX];
    memcpy(saved, w->claims, sizeof saved);
    w->steps = argument;
    if (before == FML_PHASE_RUNNING && w->trusted) {
        claim_also(w, w->session.tag, begin, DONE);
    }
    const int status = call_step(w);
    if (!succeeded(w, status)) {
        return;
    }
    const int expected = w->session.phase == FML_PHASE_DONE ? FML_DONE : FML_OK;
    CHECK(status == (before == FML_PHASE_IDLE ? FML_ERROR_IDLE : expected));
    counts.refused += before == FML_PHASE_IDLE;
    if (w->trusted && w->session.commits != commits) {
        claim_progress(w, begin);
    } else {
        memcpy(w->claims, saved, sizeof saved);
        w->claim_count = count;
    }
    check_answer(w);
}

static void cancel(world *w) {
    if (!make_open(w)) {
        return;
    }
    claim_also(w, 0, 0, 0);
    const int status = call_cancel(w);
    if (succeeded(w, status)) {
        CHECK(status == FML_OK && w->session.phase == FML_PHASE_IDLE);
        claim_only(w, 0, 0, 0);
    }
}

/* --- What else happens to a memory
 * ------------------------------------------------------------------------------------------- */

static void cut(world *w) {
    fuzz_memory_cut(&w->memory);
    close_session(w);
    fuzz_memory_reset(&w->memory);
}

static void fail_later(world *w) {
    const uint8_t accesses = next(w), how = next(w);
    w->memory.fail_at = w->memory.accesses + accesses;
    w->memory.failure = how % FUZZ_FAILURES;
    w->memory.keep = how / FUZZ_FAILURES % FUZZ_KEEPS;
}

/* A slot rots. The other one replaces it if nothing else happens to it before the next commit. */
static void lose_slot(world *w, uint8_t argument) {
    uint8_t *slots = w->memory.durable;
    uint8_t *lost = slots + (argument & 1) * FML_NVM_SLOT_SIZE;
    const bool equal = memcmp(slots, slots + FML_NVM_SLOT_SIZE, FML_RECORD_SIZE) == 0;
    w->loose = w->loose || !equal || w->is_open || fuzz_memory_pending(&w->memory);
    fuzz_noise(&w->memory.random, lost, FML_RECORD_SIZE);
    if (argument & 2) {
        fml_write_u16(lost + FML_RECORD_MAGIC_AT, FML_RECORD_MAGIC_VALUE);
    }
    memcpy(w->memory.visible + (lost - slots), lost, FML_RECORD_SIZE);
}

/* Somebody else writes to the memory: `size` bytes of the input at `offset`. */
static void tamper(world *w, uint32_t offset, uint32_t size) {
    cut(w);
    w->trusted = false;
    for (uint32_t i = 0; i < size && offset + i < w->memory.size; i++) {
        w->memory.durable[offset + i] = w->memory.visible[offset + i] = next(w);
    }
}

/* A record that the core would take for its own, with the fields of the input; of one of the models where argument says
 * so. */
static void tamper_sealed(world *w, uint8_t argument) {
    const uint32_t offset = (argument & 1u) * FML_NVM_SLOT_SIZE;
    tamper(w, offset, FML_RECORD_CRC32_AT);
    uint8_t *slot = w->memory.durable + offset;
    if (argument & 2) {
        slot[FML_RECORD_PHASE_AT] = slot[FML_RECORD_PHASE_AT] % (FML_PHASE_DONE + 1);
        slot[FML_RECORD_EXIT_AT] = slot[FML_RECORD_PHASE_AT] == FML_PHASE_DONE ? slot[FML_RECORD_EXIT_AT] % 5 : 0;
        fml_write_u16(slot + FML_RECORD_RESERVED_AT, 0);
        fml_write_u32(slot + FML_RECORD_MODEL_ID_AT, models[(argument >> 2) % MODELS].mapped.model_id);
    }
    seal_record(slot);
    memcpy(w->memory.visible + offset, slot, FML_RECORD_SIZE);
}

static void act(world *w) {
    const uint8_t kind = next(w) % 10, argument = next(w);
    switch (kind) {
    case 0: /* another model, or the same one again, without a power cut */
        close_session(w);
        w->index = argument % MODELS;
        break;
    case 1:
        start(w, argument);
        break;
    case 2:
    case 3:
        step(w, kind == 2 ? 1 : argument);
        break;
    case 4:
        cancel(w);
        break;
    case 5:
        fail_later(w);
        break;
    case 6:
        w->memory.keep = argument % FUZZ_KEEPS;
        cut(w);
        break;
    case 7:
        lose_slot(w, argument);
        break;
    case 8:
        tamper(w, argument, 1 + argument % 40u);
        break;
    default:
        tamper_sealed(w, argument);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    world w;
    memset(&w, 0, sizeof w);
    w.data = data;
    w.left = size;
    counts.inputs++;
    const uint8_t choices = next(&w), random = next(&w);
    fuzz_memory_make(&w.memory, memory_size, choices & 1, random + UINT32_C(1));
    w.streamed = choices & 2;
    claim_only(&w, 0, 0, 0);
    for (int actions = 0; w.left > 0 && actions < ACTIONS_MAX; actions++) {
        act(&w);
    }
    cut(&w);
    (void)make_open(&w);
    close_session(&w);
    fuzz_memory_free(&w.memory);
    return 0;
}
