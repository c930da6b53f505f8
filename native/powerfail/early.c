#include "early.h"

#include <string.h>

/* The answer of exit number `exit` > 0 to the sample named `tag`. */
static bool is_answer(const world *in, uint32_t exit, uint32_t tag) {
    const fml_session *session = &in->life.session;
    const uint32_t size = in->what->output_size;
    const int8_t *scores = fml_session_output(session);
    return scores != NULL && session->phase == FML_PHASE_DONE && session->exit == exit && session->tag == tag &&
           exit <= in->what->exit_count && tag >= 1 && tag <= LAPS &&
           memcmp(scores, in->what->exits[tag - 1] + (exit - 1) * size, size) == 0;
}

/* Power comes to a device that had answered from an exit: it says so again, and infers the last sample right. */
static const char *boot_answered(world *in, uint32_t exit, uint32_t tag) {
    device *life = &in->life;
    if (device_boot(life, false, NULL) != FML_OK || !is_answer(in, exit, tag)) {
        return "after the cut the exit's answer is another one";
    }
    const uint32_t commits = life->session.commits;
    if (fml_session_exit(&life->session) != FML_OK || life->session.commits != commits || !is_answer(in, exit, tag)) {
        return "an answer does not stay what it is";
    }
    if (device_start(life, in->what->samples[LAPS - 1], in->what->sample_size, LAPS) != FML_OK) {
        return "no inference starts after an exit";
    }
    int status;
    while ((status = device_step(life)) == FML_OK) {
    }
    const int8_t *scores = fml_session_output(&life->session);
    const bool right = scores != NULL && memcmp(scores, in->what->outputs[LAPS - 1], in->what->output_size) == 0;
    return status == FML_DONE && right ? NULL : "the inference after an exit goes wrong";
}

/* Takes the exit at hand. *exit: its number, 0 where none has been passed. */
static const char *take(world *in, uint32_t *exit) {
    fml_session *session = &in->life.session;
    const uint32_t tag = session->tag;
    const bool running = session->phase == FML_PHASE_RUNNING;
    *exit = fml_session_exits(session);
    const int status = fml_session_exit(session);
    if (*exit == 0) {
        const int wanted = running ? FML_ERROR_NOT_DONE : session->phase == FML_PHASE_IDLE ? FML_ERROR_IDLE : FML_OK;
        return status == wanted && (!running || session->phase == FML_PHASE_RUNNING)
                   ? NULL
                   : "an exit that is not there is taken";
    }
    return status == FML_OK && is_answer(in, *exit, tag) ? NULL : "the exit's answer is wrong";
}

const char *early_life(world *in, uint32_t steps) {
    device *life = &in->life;
    memcpy(life->nvm, in->initial, life->model.nvm_size);
    memcpy(in->earlier_image, in->initial, life->model.nvm_size);
    in->recover_base = EARLY_BASE | steps;
    if (device_boot(life, true, NULL) != FML_OK ||
        device_start(life, in->what->samples[0], in->what->sample_size, 1) != FML_OK) {
        return "the inference does not start";
    }
    for (uint32_t i = 0; i < steps; i++) {
        (void)device_step(life);
    }
    in->taken = life->record.count;
    uint32_t exit;
    const char *wrong = take(in, &exit);
    in->taken = exit > 0 ? in->taken : life->record.count;
    const trace swapped = in->earlier;
    in->earlier = life->record;
    life->record = swapped;
    return wrong;
}

const char *early_cut(world *in, uint32_t cut, fault kind, uint32_t number) {
    uint32_t synced = 0;
    memcpy(in->life.nvm, in->earlier_image, in->life.model.nvm_size);
    for (uint32_t i = 0; i < cut; i++) {
        if (in->earlier.events[i].size == 0) {
            for (; synced <= i; synced++) {
                event_apply(&in->earlier, &in->earlier.events[synced], in->life.nvm);
            }
        }
    }
    const span begin = {-1, -1};
    span may = world_span(in, &in->earlier, begin, cut);
    trace_cut(&in->earlier, synced, cut, kind, number, in->kind->atom, in->life.nvm);
    record newest;
    if (image_journal(in->life.nvm, in->life.model.model_id, &newest) == FML_JOURNAL_VALID && newest.at.exit > 0) {
        return boot_answered(in, newest.at.exit, newest.at.tag);
    }
    in->skip = false;
    return world_check(in, false, &may);
}

const char *early_after(world *in, uint32_t steps) {
    device *life = &in->life;
    if (device_boot(life, false, NULL) < 0) {
        return "the session does not open";
    }
    for (uint32_t i = 0; i < steps && life->session.phase == FML_PHASE_RUNNING; i++) {
        (void)device_step(life);
    }
    uint32_t exit;
    const char *wrong = take(in, &exit);
    return wrong != NULL || exit == 0 ? wrong : boot_answered(in, exit, life->session.tag);
}
