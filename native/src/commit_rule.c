/* SPEC.md, "Plan and commits": running an interval again from its start must give the same bytes, whatever part of it
 * had run before. That holds when nothing written in an interval was read from before it. */
#include "verify.h"

#include "model.h"

/* Operators begin..end-1 can share an interval. */
typedef struct run {
    uint32_t begin, end;
} run;

/* Does an operator of the run overwrite what `reader` reads? Pieces of the read tensor that the run itself wrote
 * earlier (parts of a concatenation) are not what the reader took from before the run. */
static bool overwritten(const fml_model *model, const run *in, uint32_t reader, const fml_bytes *read) {
    for (uint32_t writer = in->begin; writer < in->end; writer++) {
        const fml_bytes output = fml_model_tensor(model, fml_model_op_output(model, writer));
        if (!(output.tensor == read->tensor && writer < reader) && fml_overlap(&output, read)) {
            return true;
        }
    }
    return false;
}

/* A tensor that only the run writes is written again before it is read again; of others the run reads what was there.
 */
static bool inputs_safe(const fml_model *model, const run *in, const fml_op *op) {
    fml_bytes read;
    for (uint32_t input = 0; input < 2; input++) {
        if (fml_model_input(model, op, input, &read) && fml_model_writes(model, read.tensor, 0, in->begin) &&
            overwritten(model, in, op->index, &read)) {
            return false;
        }
    }
    return true;
}

static uint32_t run_end(const fml_model *model, uint32_t begin) {
    fml_op op;
    do {
        (void)fml_model_op(model, begin++, &op);
    } while (begin < model->op_count && !(op.flags & FML_OP_FLAG_COMMIT_LAST));
    return begin;
}

int fml_verify_commit_rule(const fml_model *model) {
    run in = {0, 0};
    for (uint32_t index = 0; index < model->op_count; index++) {
        if (index == in.end) {
            in.begin = index;
            in.end = run_end(model, index);
        }
        fml_op op;
        (void)fml_model_op(model, index, &op);
        const bool ends_committed = op.commit_every == 0 || (op.flags & FML_OP_FLAG_COMMIT_LAST);
        if (!ends_committed || !inputs_safe(model, &in, &op)) {
            return FML_ERROR_COMMIT_RULE;
        }
    }
    return FML_OK;
}
