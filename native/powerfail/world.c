#include "world.h"

#include <string.h>

#include "model.h"
#include "model_layout.h"

/* The record in a memory that is not blank: its sequence number soon wraps around. */
#define INITIAL_SEQUENCE UINT32_C(0xfffffff8)

#define NOWHERE (-2)

/* --- Places --------------------------------------------------------------------------------------------------------
 */

/* The commit at `at`, from number `from` on; NOWHERE: there is none. */
static int32_t find(const world *what, int32_t from, const place *at) {
    for (uint32_t i = from < 0 ? 0 : (uint32_t)from; i < what->commit_count; i++) {
        if (place_equal(&what->commits[i].at, at)) {
            return (int32_t)i;
        }
    }
    return NOWHERE;
}

static uint32_t tag_of(uint32_t lap) {
    return lap + 1;
}

/* The inference that a device starts that stands at a commit where nothing is under way. */
static uint32_t lap_after(const world *what, int32_t standing) {
    uint32_t finished = 0;
    for (int32_t i = 0; i <= standing; i++) {
        finished += what->commits[i].at.phase == FML_PHASE_DONE;
    }
    return finished;
}

/* --- The undisturbed run ---------------------------------------------------------------------------------------------
 */

/* Bytes that an operator writes, as far as they are known without its tiles. */
static void forget_written(const fml_op *op, uint8_t *written) {
    if (op->kind != FML_OP_KIND_QUANTIZE && op->kind != FML_OP_KIND_COPY) {
        memset(written + op->output.offset, 0xff, fml_shape_size(&op->output.shape));
        return;
    }
    const fml_strides *to = &op->view.destination;
    for (uint32_t i = 0; i < op->view.space.height; i++) {
        for (uint32_t j = 0; j < op->view.space.width; j++) {
            for (uint32_t k = 0; k < op->view.space.channels; k++) {
                written[op->output.offset + to->offset + i * (uint32_t)to->row + j * (uint32_t)to->column +
                        k * (uint32_t)to->depth] = 0xff;
            }
        }
    }
}

static void need(uint8_t *needed, const uint8_t *written, uint32_t offset, uint32_t size) {
    for (uint32_t at = offset; at < offset + size; at++) {
        needed[at] |= (uint8_t)~written[at];
    }
}

/* What the operators from a commit on read of what is there at the commit. */
static uint8_t *needed_at(const fml_model *model, const place *at) {
    uint8_t *needed = allocate(model->arena_size), *written = allocate(model->arena_size);
    memset(needed, 0, model->arena_size);
    memset(written, 0, model->arena_size);
    fml_op op;
    for (uint16_t index = at->op; at->phase != FML_PHASE_IDLE && fml_model_op(model, index, &op) == FML_OK; index++) {
        if (op.input_index != FML_NO_INDEX) {
            need(needed, written, op.input.offset, fml_shape_size(&op.input.shape));
        }
        if (op.input2_index != FML_NO_INDEX) {
            need(needed, written, op.input2.offset, fml_shape_size(&op.input2.shape));
        }
        if (op.kind == FML_OP_KIND_QUANTIZE) {
            need(needed, written, model->sample_offset, model->sample_size);
        }
        if (index > at->op || at->tile == 0) {
            forget_written(&op, written);
        }
    }
    const fml_bytes output = fml_model_tensor(model, model->output);
    if (at->phase != FML_PHASE_IDLE) {
        need(needed, written, output.offset, output.size);
    }
    free(written);
    return needed;
}

/* The first event from `from` on that is neither a sync nor a record of this sequence. */
static uint32_t rest_of(const trace *life, uint32_t from, uint32_t sequence) {
    for (; from < life->count; from++) {
        record same;
        const event *what = &life->events[from];
        if (what->size > 0 && !(what->offset < FML_NVM_ARENA_OFFSET && what->size == FML_RECORD_SIZE &&
                                record_read(event_bytes(life, what), &same) && same.sequence == sequence)) {
            break;
        }
    }
    return from;
}

static uint32_t next_sync(const trace *life, uint32_t from) {
    while (from < life->count && life->events[from].size > 0) {
        from++;
    }
    return from;
}

/* A record that this event writes. */
static bool writes_record(const trace *life, uint32_t number, record *what) {
    const event *write = &life->events[number];
    return write->size == FML_RECORD_SIZE && write->offset < FML_NVM_ARENA_OFFSET &&
           record_read(event_bytes(life, write), what);
}

/* Finds the commits in the events. */
static void list_commits(world *what) {
    const trace *life = &what->undisturbed;
    const uint32_t size = what->life.model.arena_size;
    uint8_t *image = allocate(what->life.model.nvm_size);
    memcpy(image, what->initial, what->life.model.nvm_size);
    what->commits = allocate(life->count * sizeof *what->commits);
    bool any = false;
    uint32_t last = 0;
    for (uint32_t i = 0; i < life->count; i++) {
        record made;
        event_apply(life, &life->events[i], image);
        if (!writes_record(life, i, &made) || (any && made.sequence == last)) {
            continue;
        }
        any = true;
        last = made.sequence;
        commit *now = &what->commits[what->commit_count++];
        *now = (commit){made.at, i, next_sync(life, i), rest_of(life, i, last), allocate(size), NULL};
        memcpy(now->arena, image + FML_NVM_ARENA_OFFSET, size);
        now->needed = needed_at(&what->life.model, &made.at);
    }
    free(image);
}

/* Blank memory, or one whose sequence numbers soon wrap around; the arena holds what was there before. */
static void set_initial(world *what) {
    const fml_model *model = &what->life.model;
    rng random = rng_of(1, 2, 3);
    what->initial = allocate(model->nvm_size);
    memset(what->initial, what->kind->blank, FML_NVM_ARENA_OFFSET);
    for (uint32_t at = FML_NVM_ARENA_OFFSET; at < model->nvm_size; at++) {
        what->initial[at] = (uint8_t)rng_next(&random);
    }
    if (what->kind->blank != 0) {
        const record idle = {{FML_PHASE_IDLE, 0, 0, 0, 0}, 0, model->model_id, INITIAL_SEQUENCE};
        record_write(&idle, image_slot(what->initial, 0));
        record_write(&idle, image_slot(what->initial, 1));
    }
}

static const char *run_undisturbed(world *what) {
    device *life = &what->life;
    memcpy(life->nvm, what->initial, life->model.nvm_size);
    if (device_boot(life, true, what->initial + FML_NVM_ARENA_OFFSET) != FML_OK) {
        return "the undisturbed session does not open";
    }
    for (uint32_t lap = 0; lap < LAPS; lap++) {
        if (device_start(life, what->what->samples[lap], what->what->sample_size, tag_of(lap)) != FML_OK) {
            return "the undisturbed inference does not start";
        }
        int status = FML_OK;
        for (what->step_count = 0; status == FML_OK; what->step_count++) {
            status = device_step(life);
        }
        if (status != FML_DONE || life->wild) {
            return "the undisturbed inference fails";
        }
        if (memcmp(fml_session_output(&life->session), what->what->outputs[lap], what->what->output_size) != 0) {
            return "the undisturbed answer is wrong";
        }
    }
    return NULL;
}

const char *world_make(world *to, const model_case *what, const medium *kind) {
    memset(to, 0, sizeof *to);
    to->what = what;
    to->kind = kind;
    to->recover_base = UINT32_MAX;
    device_make(&to->life, what, kind);
    set_initial(to);
    const char *wrong = run_undisturbed(to);
    to->undisturbed = to->life.record;
    memset(&to->life.record, 0, sizeof to->life.record);
    list_commits(to);
    to->image = allocate(to->life.model.nvm_size);
    to->earlier_image = allocate(to->life.model.nvm_size);
    memcpy(to->image, to->initial, to->life.model.nvm_size);
    const place end = {FML_PHASE_DONE, 0, to->life.model.op_count, 0, tag_of(LAPS - 1)};
    if (wrong == NULL && (to->commit_count == 0 || !place_equal(&to->commits[to->commit_count - 1].at, &end))) {
        wrong = "the undisturbed run does not end with the record DONE";
    }
    return wrong;
}

void world_free(world *what) {
    for (uint32_t i = 0; i < what->commit_count; i++) {
        free(what->commits[i].arena);
        free(what->commits[i].needed);
    }
    free(what->commits);
    free(what->initial);
    free(what->image);
    free(what->earlier_image);
    trace_free(&what->undisturbed);
    trace_free(&what->earlier);
    device_free(&what->life);
}

void world_go_to(world *what, uint32_t cut) {
    const trace *life = &what->undisturbed;
    if (cut < what->at) {
        memcpy(what->image, what->initial, what->life.model.nvm_size);
        what->at = what->synced = 0;
    }
    for (; what->at < cut; what->at++) {
        if (life->events[what->at].size > 0) {
            continue;
        }
        for (; what->synced < what->at; what->synced++) {
            event_apply(life, &life->events[what->synced], what->image);
        }
        what->synced++;
    }
}

span world_undisturbed_span(const world *what, uint32_t cut) {
    span may = {-1, -1};
    uint32_t low = 0, high = what->commit_count; /* the first commit whose write is after the cut */
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (what->commits[middle].write <= cut) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    may.high = may.low = (int32_t)low - 1;
    while (may.low >= 0 && what->commits[may.low].durable >= cut) {
        may.low--;
    }
    return may;
}

span world_span(const world *what, const trace *life, span begin, uint32_t cut) {
    span may = begin;
    for (uint32_t i = 0; i <= cut && i < life->count; i++) {
        record made;
        if (!writes_record(life, i, &made)) {
            continue;
        }
        int32_t number = find(what, begin.low, &made.at);
        if (next_sync(life, i) < cut) {
            may.low = may.high = number;
        } else if (number > may.high) {
            may.high = number;
        }
    }
    return may;
}

/* --- Other runs ----------------------------------------------------------------------------------------------------
 */

/* Must the rest of the run be the undisturbed one's? It depends on the model, the place, and the bytes of the arena
 * that are still to be read, alone; records differ by their sequence numbers. */
static bool same_from_here(const world *what, int32_t number) {
    const device *life = &what->life;
    const commit *like = &what->commits[number];
    record newest, mirror;
    if (image_journal(life->nvm, life->model.model_id, &newest) != FML_JOURNAL_VALID ||
        !place_equal(&newest.at, &like->at) || !record_read(life->nvm, &mirror) || newest.sequence != mirror.sequence ||
        memcmp(life->nvm, life->nvm + FML_NVM_SLOT_SIZE, FML_RECORD_SIZE) != 0 ||
        memcmp(life->nvm + FML_NVM_ARENA_OFFSET, like->arena, life->model.arena_size) != 0) {
        return false;
    }
    uint8_t difference = 0;
    for (uint32_t at = 0; !life->kind->mapped && at < life->model.arena_size; at++) {
        difference |= (uint8_t)((life->arena[at] ^ like->arena[at]) & like->needed[at]);
    }
    return difference == 0;
}

static const char *check_answer(const world *what, uint32_t tag) {
    const int8_t *answer = fml_session_output(&what->life.session);
    if (answer == NULL || tag == 0 || tag > LAPS) {
        return "there is no answer, or to no question";
    }
    return memcmp(answer, what->what->outputs[tag - 1], what->what->output_size) == 0 ? NULL : "the answer is WRONG";
}

/* Starts the inference that is next. */
static const char *start(world *what, uint32_t lap) {
    device *life = &what->life;
    if (device_start(life, what->what->samples[lap], what->what->sample_size, tag_of(lap)) != FML_OK) {
        return "the next inference does not start";
    }
    return life->session.phase == FML_PHASE_RUNNING ? NULL : "the next inference is not running";
}

/* Runs to the end of the inference, or to a commit from where on nothing can differ. */
static const char *finish(world *what, int32_t standing) {
    device *life = &what->life;
    uint32_t steps = 0;
    for (;;) {
        place here = device_place(life);
        standing = find(what, standing, &here);
        if (standing == NOWHERE) {
            return "it committed where the undisturbed run does not";
        }
        if (here.phase == FML_PHASE_DONE) {
            return check_answer(what, here.tag);
        }
        if (same_from_here(what, standing)) {
            return NULL;
        }
        for (uint32_t commits = life->session.commits; life->session.commits == commits; steps++) {
            int status = device_step(life);
            if (status < 0) {
                return fml_status_text(status);
            }
            if (steps > what->step_count || (status == FML_DONE && life->session.commits == commits)) {
                return "it does not end, or ends without a commit";
            }
        }
    }
}

/* Is the session what the newest record says? */
static const char *check_boot(const world *what, int status, const record *newest) {
    const fml_session *session = &what->life.session;
    uint16_t boots = 0;
    if (newest->at.phase == FML_PHASE_RUNNING) {
        boots = newest->boots < UINT16_MAX ? (uint16_t)(newest->boots + 1) : UINT16_MAX;
    }
    place here = device_place(&what->life);
    if (status < 0) {
        return fml_status_text(status);
    }
    if (session->journal != FML_JOURNAL_VALID || here.phase != newest->at.phase) {
        return "it does not stand where the newest record says";
    }
    if (here.phase != FML_PHASE_IDLE && !place_equal(&here, &newest->at)) {
        return "it does not stand at the step that the newest record says";
    }
    if (session->boots != boots || status != (boots >= FML_BOOT_LIMIT ? FML_NO_PROGRESS : FML_OK)) {
        return "it counts its boots wrongly";
    }
    return NULL;
}

const char *world_check(world *what, bool recording, span *may) {
    device *life = &what->life;
    record newest;
    const fml_journal_state found = image_journal(life->nvm, life->model.model_id, &newest);
    int32_t standing = -1;
    if (found == FML_JOURNAL_VALID && newest.sequence != INITIAL_SEQUENCE) {
        standing = find(what, may->low, &newest.at);
    }
    if (standing < may->low || standing > may->high) {
        return found == FML_JOURNAL_VALID ? "it stands at a commit that was not the last one" : "no record is left";
    }
    may->low = standing;
    const int status = device_boot(life, recording, NULL);
    if (found != FML_JOURNAL_VALID && (status != FML_OK || life->session.phase != FML_PHASE_IDLE)) {
        return "a memory without a record is not idle";
    }
    const char *wrong = found == FML_JOURNAL_VALID ? check_boot(what, status, &newest) : NULL;
    if (wrong == NULL && life->session.phase == FML_PHASE_DONE) {
        wrong = check_answer(what, newest.at.tag);
    }
    if (wrong == NULL && life->session.phase != FML_PHASE_RUNNING) {
        uint32_t lap = lap_after(what, standing);
        if (lap == LAPS) {
            return NULL;
        }
        wrong = start(what, lap == 0 && what->skip ? 1 : lap);
    }
    if (recording) {
        what->begun = life->record.count;
    }
    if (wrong == NULL) {
        wrong = finish(what, standing);
    }
    return wrong == NULL && life->wild ? "it wrote where it should not" : wrong;
}

const char *world_check_refused(world *what, fml_journal_state found) {
    device *life = &what->life;
    if (device_boot(life, false, NULL) != FML_OK) {
        return "it does not open";
    }
    if (life->session.phase != FML_PHASE_IDLE || life->session.journal != found) {
        return "it resumed, or did not say what it found";
    }
    const char *wrong = start(what, 0);
    return wrong == NULL ? finish(what, -1) : wrong;
}
