/* Runs one inference of a .case file on memory that is mapped: `plain`, step after step without a session, or
 * `session`, as on a device; or half of one, and then `recovery`. What is to be counted is measured(). Prints steps and
 * commits. */
#include <stdio.h>
#include <string.h>

#include "../device.h"

#include "interp.h"
#include "model.h"

static uint32_t run_plain(device *what, const uint8_t *sample) {
    const fml_model *model = &what->model;
    uint32_t steps = 0;
    memcpy(what->arena + model->sample_offset, sample, model->sample_size);
    for (uint16_t op = 0; op < model->op_count; op++) {
        const uint32_t tiles = fml_op_tiles(model, op);
        for (uint32_t tile = 0; tile < tiles; tile++, steps++) {
            fml_op decoded;
            (void)fml_model_op(model, op, &decoded);
            (void)fml_interp_step(model, &decoded, tile, what->arena, (uint8_t *)what->scratch);
        }
    }
    return steps;
}

/* Steps 0: all. */
static uint32_t run_session(device *what, const uint8_t *sample, uint32_t steps) {
    if (fml_session_start(&what->session, sample, what->model.sample_size, 1) != FML_OK ||
        fml_session_step(&what->session, steps) < 0) {
        stop("the inference fails");
    }
    return what->session.steps;
}

static uint32_t recover(device *what) {
    if (device_boot(what, false, NULL) != FML_OK) {
        stop("the session does not open");
    }
    return what->session.boots;
}

__attribute__((noinline)) static uint32_t measured(device *what, const uint8_t *sample, char mode) {
    return mode == 'p' ? run_plain(what, sample) : mode == 's' ? run_session(what, sample, 0) : recover(what);
}

static void check_answer(const device *what, const model_case *of) {
    const fml_bytes output = fml_model_tensor(&what->model, what->model.output);
    if (memcmp(what->arena + output.offset, of->outputs[0], of->output_size) != 0) {
        stop("the answer is wrong");
    }
}

int main(int count, char **arguments) {
    if (count != 3 || strchr("psr", arguments[1][0]) == NULL) {
        stop("usage: overhead plain|session|recovery CASE");
    }
    const char mode = arguments[1][0];
    model_case what;
    device life;
    case_load(arguments[2], &what);
    device_make(&life, &what, &media[0]);
    memset(life.nvm, 0, life.model.nvm_size);
    (void)device_boot(&life, false, NULL);
    if (mode == 'r') {
        const uint32_t most = fml_op_tiles(&life.model, 0);
        (void)run_session(&life, what.samples[0], most);
    }
    const uint32_t steps = measured(&life, what.samples[0], mode);
    if (mode != 'r') {
        check_answer(&life, &what);
    }
    printf("{\"steps\": %u, \"commits\": %u}\n", steps, life.session.commits);
    device_free(&life);
    case_free(&what);
    return 0;
}
