/* One inference after another: the only part of the core that touches both tensors and nonvolatile memory.
 *
 * `stale` is set while a call is at work and cleared when it ends well: a callback can leave the core by longjmp. */
#include "bytes.h"
#include "interp.h"
#include "journal.h"
#include "model.h"
#include "session.h"

/* --- Arena and its image in NVM -------------------------------------------------------------------------------- */

static int flush(fml_session *session) {
    const fml_nvm *nvm = &session->nvm;
    uint32_t begin = session->dirty_begin, size = session->dirty_end - begin;
    session->dirty_end = begin;
    if (!FML_BUS_NVM || size == 0) {
        return FML_OK;
    }
    return nvm->write(nvm->context, FML_NVM_ARENA_OFFSET + begin, session->arena + begin, size) < 0 ? FML_ERROR_IO
                                                                                                    : FML_OK;
}

/* Notes that bytes of the arena changed. Exactly these bytes get written, none between them: what lies there may have
 * been committed before, and writing it again would risk it. */
static int mark(fml_session *session, uint32_t begin, uint32_t size) {
    uint32_t end = begin + size;
    bool touches = begin <= session->dirty_end && end >= session->dirty_begin;
    if (session->dirty_begin != session->dirty_end && touches) {
        session->dirty_begin = begin < session->dirty_begin ? begin : session->dirty_begin;
        session->dirty_end = end > session->dirty_end ? end : session->dirty_end;
        return FML_OK;
    }
    int status = flush(session);
    session->dirty_begin = begin;
    session->dirty_end = end;
    return status;
}

/* Notes the bytes that a tile wrote. Packers go through a view in the order of its destination, so that bytes which lie
 * side by side come one after another here. */
static FML_APART int mark_tile(fml_session *session, const fml_op *op) {
    fml_tile tile = fml_op_tile(op, session->tile);
    const fml_shape *shape = &op->output.shape;
    fml_strides to = {0, (int32_t)((uint32_t)shape->width * shape->channels), shape->channels, 1};
    if (fml_op_viewed(op)) {
        to = op->view.destination;
    }
    if (fml_op_sums_out(op)) {
        tile.channel_begin = (uint16_t)(tile.channel_begin * FML_SUM_SIZE);
        tile.channel_end = (uint16_t)(tile.channel_end * FML_SUM_SIZE);
    }
    const uint32_t run = to.depth == 1 ? (uint32_t)(tile.channel_end - tile.channel_begin) : 1;
    int status = FML_OK;
    for (uint32_t row = tile.row_begin; row < tile.row_end; row++) {
        for (uint32_t column = tile.column_begin; column < tile.column_end; column++) {
            for (uint32_t k = tile.channel_begin; k < tile.channel_end && status == FML_OK; k += run) {
                status = mark(session, op->output.offset + fml_view_element(&to, row, column, k), run);
            }
        }
    }
    return status;
}

/* Reads bytes back from NVM where a step, or the start, has written them. */
static int restore_bytes(fml_session *session, const fml_bytes *bytes) {
    const uint32_t written = (uint32_t)session->op + (session->tile > 0); /* operators that have written something */
    if (!fml_model_writes(FML_MODEL_OF(session), bytes->tensor, 0, written)) {
        return FML_OK;
    }
    return fml_nvm_read(&session->nvm, FML_NVM_ARENA_OFFSET + bytes->offset, session->arena + bytes->offset,
                        bytes->size);
}

/* Restores what the remaining steps, and the application, want from the steps that have run. */
static int restore(fml_session *session) {
    const fml_model *model = FML_MODEL_OF(session);
    uint32_t exit = fml_model_exits(model);
    int status;
    do {
        const fml_bytes scores = fml_model_tensor(model, fml_model_answer(model, exit));
        status = restore_bytes(session, &scores);
    } while (exit-- > 0 && status == FML_OK);
    for (uint32_t index = session->op; index < model->op_count; index++) {
        fml_op op;
        fml_bytes bytes;
        (void)fml_model_op(model, index, &op);
        for (uint32_t input = 0; input < 2 && status == FML_OK; input++) {
            if (fml_model_input(model, &op, input, &bytes)) {
                status = restore_bytes(session, &bytes);
            }
        }
    }
    return status;
}

/* --- Commits ----------------------------------------------------------------------------------------------------- */

static void set_exit(fml_session *session, uint8_t exit) {
    if (FML_EARLY_EXITS) { /* else it is 0 for ever */
        session->exit = exit;
    }
}

int fml_session_commit(fml_session *session, uint8_t phase, uint16_t boots) {
    session->phase = phase;
    session->boots = boots;
    fml_record record;
    record.phase = phase;
    record.exit = FML_EARLY_EXITS ? session->exit : 0;
    record.model_id = FML_MODEL_OF(session)->model_id;
    record.sequence = ++session->sequence;
    record.tag = session->tag;
    record.op = session->op;
    record.tile = session->tile;
    record.boots = boots;
    int status = flush(session);
    if (status == FML_OK) {
        status = fml_nvm_sync(&session->nvm);
    }
    if (status == FML_OK) {
        status = fml_journal_write(&session->nvm, session->slot, &record);
    }
    session->commits++;
    return status;
}

/* Takes over what the journal says. A record of another model, or one that this model cannot have written, means IDLE.
 */
static void recover(fml_session *session, const fml_journal *journal) {
    const fml_model *model = FML_MODEL_OF(session);
    const fml_record *record = &journal->newest;
    session->sequence = record->sequence;
    session->slot = journal->slot ^ 1;
    bool running = record->phase == FML_PHASE_RUNNING;
    if (record->model_id != model->model_id || (running && record->tile >= fml_op_tiles(model, record->op)) ||
        (FML_EARLY_EXITS && record->exit > fml_model_exits(model))) {
        session->journal = FML_JOURNAL_FOREIGN;
        return;
    }
    session->phase = record->phase;
    session->tag = record->tag;
    session->op = running ? record->op : model->op_count;
    session->tile = running ? record->tile : 0;
    session->boots = record->boots;
    set_exit(session, record->exit);
}

/* Counts this opening in the journal. That makes both slots equal before the arena changes. From then on an older
 * record would be wrong: one that is found because the newer one got lost, or one that was torn and that the next
 * record to its slot, torn too, makes whole. */
static int count_boot(fml_session *session) {
    uint16_t boots = (uint16_t)(session->boots + (session->boots < UINT16_MAX));
    int status = fml_session_commit(session, FML_PHASE_RUNNING, boots);
    session->commits = 0;
    return status;
}

static int check_memories(const fml_model *model, const fml_nvm *nvm, const void *arena, uint32_t arena_size,
                          const void *scratch, uint32_t scratch_size) {
    if (nvm->size < model->nvm_size) {
        return FML_ERROR_NVM_SIZE;
    }
    if (FML_BUS_NVM && nvm->mapped == NULL && (arena == NULL || arena_size < model->arena_size)) {
        return FML_ERROR_ARENA_SIZE;
    }
    if (scratch_size < model->scratch_size || (scratch == NULL && model->scratch_size > 0)) {
        return FML_ERROR_SCRATCH_SIZE;
    }
    return FML_OK;
}

int fml_session_open(fml_session *session, const fml_model *model, const fml_nvm *nvm, void *arena, uint32_t arena_size,
                     void *scratch, uint32_t scratch_size) {
    session->stale = 1;
    session->phase = FML_PHASE_IDLE;
    session->op = session->tile = session->boots = session->exit = 0;
    session->tag = session->sequence = session->steps = session->commits = 0;
    session->model = model;
    session->nvm = *nvm;
    session->arena = !FML_BUS_NVM || nvm->mapped != NULL ? nvm->mapped + FML_NVM_ARENA_OFFSET : arena;
    session->scratch = scratch;
    session->dirty_begin = session->dirty_end = 0;
    session->slot = 0;
    int status = check_memories(model, nvm, arena, arena_size, scratch, scratch_size);
    if (status != FML_OK) {
        return status;
    }
    fml_interp_reset(model, session->scratch);
    fml_journal journal;
    status = fml_journal_read(nvm, &journal);
    if (status != FML_OK) {
        return status;
    }
    session->journal = journal.state;
    if (journal.state == FML_JOURNAL_VALID) {
        recover(session, &journal);
    }
    if (session->phase == FML_PHASE_RUNNING) {
        status = count_boot(session);
    }
    if (status == FML_OK && FML_BUS_NVM && session->phase != FML_PHASE_IDLE && nvm->mapped == NULL) {
        status = restore(session);
    }
    session->stale = status != FML_OK;
    return status == FML_OK && session->boots >= FML_BOOT_LIMIT ? FML_NO_PROGRESS : status;
}

/* --- Use -----------------------------------------------------------------------------------------------------------
 */

/* Whatever the journal says of the arena has to end in both slots before the arena changes, torn records included:
 * that no valid one says anything is not enough. */
static FML_APART int discard(fml_session *session) {
    session->dirty_end = session->dirty_begin;
    session->op = session->tile = 0;
    set_exit(session, 0);
    return fml_session_commit(session, FML_PHASE_IDLE, 0);
}

int fml_session_start(fml_session *session, const void *sample, uint32_t size, uint32_t tag) {
    if (session->stale) {
        return FML_ERROR_STALE;
    }
    if (session->phase == FML_PHASE_RUNNING) {
        return FML_ERROR_BUSY;
    }
    if (size != FML_MODEL_OF(session)->sample_size) {
        return FML_ERROR_SAMPLE_SIZE;
    }
    session->stale = 1;
    int status = discard(session);
    if (status != FML_OK) {
        return status;
    }
    fml_copy(session->arena + FML_MODEL_OF(session)->sample_offset, sample, size);
    if (FML_BUS_NVM && session->nvm.mapped == NULL) {
        (void)mark(session, FML_MODEL_OF(session)->sample_offset, size);
    }
    session->tag = tag;
    status = fml_session_commit(session, FML_PHASE_RUNNING, 0);
    session->stale = status != FML_OK;
    return status;
}

/* Runs the next step and, where the plan says so, commits. */
static FML_APART int step(fml_session *session) {
    const fml_model *model = FML_MODEL_OF(session);
    fml_op op;
    (void)fml_model_op(model, session->op, &op);
    int status = fml_interp_step(model, &op, session->tile, session->arena, session->scratch);
    if (status == FML_OK && FML_BUS_NVM && session->nvm.mapped == NULL) {
        status = mark_tile(session, &op);
    }
    if (status != FML_OK) {
        return status;
    }
    session->steps++;
    session->tile++;
    bool commits = op.commit_every > 0 && session->tile % op.commit_every == 0;
    if (session->tile == fml_op_tile_count(&op)) {
        commits = commits || (op.flags & FML_OP_FLAG_COMMIT_LAST);
        session->tile = 0;
        session->op++;
    }
    if (session->op == model->op_count) {
        return fml_session_commit(session, FML_PHASE_DONE, 0);
    }
    return commits ? fml_session_commit(session, FML_PHASE_RUNNING, 0) : FML_OK;
}

int fml_session_step(fml_session *session, uint32_t max_steps) {
    if (session->stale) {
        return FML_ERROR_STALE;
    }
    if (session->phase == FML_PHASE_IDLE) {
        return FML_ERROR_IDLE;
    }
    session->stale = 1;
    int status = FML_OK;
    for (uint32_t done = 0; session->phase == FML_PHASE_RUNNING && status == FML_OK; done++) {
        if (max_steps > 0 && done == max_steps) {
            break;
        }
        status = step(session);
    }
    if (status != FML_OK) {
        return status;
    }
    session->stale = 0;
    return session->phase == FML_PHASE_DONE ? FML_DONE : FML_OK;
}

int fml_session_cancel(fml_session *session) {
    if (session->stale) {
        return FML_ERROR_STALE;
    }
    session->stale = 1;
    int status = discard(session);
    session->stale = status != FML_OK;
    return status;
}

uint32_t fml_session_steps_before(const fml_session *session, uint16_t end) {
    uint32_t steps = 0;
    if (session->phase != FML_PHASE_RUNNING) {
        return 0;
    }
    for (uint16_t op = session->op; op < end; op++) {
        steps += fml_op_tiles(FML_MODEL_OF(session), op);
    }
    return steps - session->tile;
}

uint32_t fml_session_remaining(const fml_session *session) {
    return fml_session_steps_before(session, FML_MODEL_OF(session)->op_count);
}

const int8_t *fml_session_output(const fml_session *session) {
    if (session->phase != FML_PHASE_DONE || session->stale) {
        return NULL;
    }
    const uint32_t tensor = fml_model_answer(FML_MODEL_OF(session), session->exit);
    return (const int8_t *)(session->arena + fml_model_tensor(FML_MODEL_OF(session), tensor).offset);
}
