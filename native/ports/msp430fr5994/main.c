/* One inference at a time, through any number of power failures. Whatever kills it, the next reset begins here again,
 * and the journal knows where to go on. A sample comes through the mailbox; the answer goes out over the UART. */
#include <stddef.h>

#include "blob.h"
#include "board.h"
#include "energy.h"
#include "freeml.h"
#include "opened.h"

/* image.S; sizes and places come from freeml_pack/firmware/msp430.py. */
extern uint8_t nvm_begin[];
/* How a sample comes: whoever brings one writes the bytes, then the tag. A tag other than the last answer's means a new
 * sample, 0 none. */
extern struct {
    uint32_t tag;
    uint8_t sample[SAMPLE_BYTES];
} mailbox;

const uint8_t encodings = ENCODINGS, encodings_of_pairs = ENCODINGS_OF_PAIRS;
const bool has_exits = HAS_EXITS, has_sums = HAS_SUMS, has_code_operands = HAS_CODE_OPERANDS;

uint16_t opened_lists[LISTS_BYTES / 2 + 1] __attribute__((section(".noinit")));
const uint16_t opened_lists_size = LISTS_BYTES;

/* Neither has to be zeros: that would cost each reset some thousand cycles. */
static uint32_t scratch[(SCRATCH_BYTES + 3) / 4] __attribute__((section(".noinit")));
static fml_session session __attribute__((section(".noinit")));

/* Apart: what it wants of the stack is free again when steps run. */
static __attribute__((noinline)) int open_all(void) {
    const fml_nvm nvm = {.mapped = nvm_begin, .size = NVM_BYTES};
    const int status = blob_open(scratch, sizeof scratch);
    if (status != FML_OK) {
        return status;
    }
    return fml_session_open(&session, the_model, &nvm, NULL, 0, scratch, sizeof scratch);
}

static void report_answer(void) {
    const int8_t *scores = fml_session_output(&session);
    board_print("answer ");
    board_print_number((int32_t)session.tag);
    if (has_exits && session.exit > 0) {
        board_print(" exit ");
        board_print_number(session.exit);
    }
    board_print(":");
    for (uint16_t i = 0; i < the_model->output_length; i++) {
        board_print(" ");
        board_print_number(scores[i]);
    }
    board_print("\n");
}

/* Whether the last exit that was passed is sure enough. */
static bool suffices(uint16_t exit) {
    const uint8_t threshold = fml_exit_threshold(the_model, exit);
    return threshold < UINT8_MAX && fml_session_margin(&session) >= threshold;
}

/* Runs on, and answers with the last exit where that suffices, or where the charge does not reach for another step and
 * the answer after it. With no exit behind it, it runs on until power fails. */
static int run_with_exits(void) {
    uint16_t seen = 0;
    energy_init();
    for (;;) {
        const uint16_t passed = fml_session_exits(&session);
        const bool is_new = passed != seen;
        seen = passed;
        if (passed > 0 && ((is_new && suffices(passed)) || energy_is_below(LOW_MILLIVOLTS))) {
            return fml_session_exit(&session);
        }
        const int status = fml_session_step(&session, 1);
        if (status != FML_OK) {
            return status;
        }
    }
}

static int infer(void) {
    int status = open_all();
    if (status < 0) {
        return status;
    }
    const uint32_t tag = mailbox.tag;
    const bool is_new = session.phase == FML_PHASE_IDLE || (session.phase == FML_PHASE_DONE && session.tag != tag);
    if (is_new && tag != 0) {
        status = fml_session_start(&session, mailbox.sample, SAMPLE_BYTES, tag);
        if (status < 0) {
            return status;
        }
    }
    if (session.phase == FML_PHASE_RUNNING) {
        status = has_exits ? run_with_exits() : fml_session_step(&session, 0);
    }
    if (session.phase == FML_PHASE_DONE) {
        report_answer();
    }
    return status;
}

int main(void) {
    board_init();
    const int status = infer();
    if (status < 0) {
        board_print("error: ");
        board_print(blob_error(status));
        board_print("\n");
    } else if (session.phase == FML_PHASE_IDLE) {
        board_print("no sample\n");
    }
    return 0;
}
