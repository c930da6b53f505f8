/* An inference that ends early: with the scores of an exit, which no later operator overwrites (verify_exits.c). */
#include "model.h"
#include "session.h"

uint16_t fml_session_exits(const fml_session *session) {
    fml_exit exit;
    uint16_t passed = 0;
    if (!FML_EARLY_EXITS || session->phase != FML_PHASE_RUNNING) {
        return 0;
    }
    while (fml_model_read(FML_MODEL_OF(session), FML_EXITS, passed, &exit) && exit.op < session->op) {
        passed++;
    }
    return passed;
}

uint32_t fml_session_to_answer(const fml_session *session) {
    const fml_model *model = FML_MODEL_OF(session);
    fml_exit next;
    const bool exists = FML_EARLY_EXITS && fml_model_read(model, FML_EXITS, fml_session_exits(session), &next);
    return fml_session_steps_before(session, exists ? (uint16_t)(next.op + 1) : model->op_count);
}

int fml_session_margin(const fml_session *session) {
    const uint16_t passed = fml_session_exits(session);
    if (passed == 0) {
        return -1;
    }
    const fml_bytes at = fml_model_tensor(FML_MODEL_OF(session), fml_model_answer(FML_MODEL_OF(session), passed));
    const int8_t *scores = (const int8_t *)(session->arena + at.offset);
    int16_t first = INT8_MIN, second = INT8_MIN;
    for (uint32_t i = 0; i < at.size; i++) {
        if (scores[i] > first) {
            second = first;
            first = scores[i];
        } else if (scores[i] > second) {
            second = scores[i];
        }
    }
    return first - second;
}

uint8_t fml_exit_threshold(const fml_model *model, uint16_t exit) {
    fml_exit from;
    const bool exists = FML_EARLY_EXITS && fml_model_read(model, FML_EXITS, (uint32_t)exit - 1, &from);
    return exists ? from.threshold : UINT8_MAX;
}

int fml_session_exit(fml_session *session) {
    if (session->stale) {
        return FML_ERROR_STALE;
    }
    if (session->phase != FML_PHASE_RUNNING) {
        return session->phase == FML_PHASE_IDLE ? FML_ERROR_IDLE : FML_OK;
    }
    const uint16_t passed = fml_session_exits(session);
    if (passed == 0) {
        return FML_ERROR_NOT_DONE;
    }
    session->stale = 1;
    session->exit = (uint8_t)passed;
    session->op = FML_MODEL_OF(session)->op_count;
    session->tile = 0;
    const int status = fml_session_commit(session, FML_PHASE_DONE, 0);
    session->stale = status != FML_OK;
    return status;
}
