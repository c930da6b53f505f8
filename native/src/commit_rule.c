/* SPEC.md, "Plan and commits": running an interval again from its start must give the same bytes, whatever part of it
 * had run before. That holds when nothing written in an interval was read from before it. */
#include "verify.h"

#include "model.h"
#include "model_layout.h"

/* Operators begin..end-1 can share an interval. */
typedef struct run {
    uint16_t begin, end;
} run;

/* Bytes of the arena that an operator reads; tensor is FML_NO_INDEX for the sample. */
typedef struct reading {
    uint32_t offset, size;
    uint16_t op, tensor;
} reading;

/* Does an operator of the run overwrite what was read? Pieces of the read tensor that the run itself wrote earlier
 * (parts of a concatenation) are not what the reader took from before the run. */
static bool overwritten(const fml_model *model, const run *in, const reading *what) {
    for (uint16_t writer = in->begin; writer < in->end; writer++) {
        fml_tensor tensor;
        uint32_t output = fml_model_op_output(model, writer);
        if (output == what->tensor && writer < what->op) {
            continue;
        }
        (void)fml_model_read(model, FML_TENSORS, output, &tensor);
        if (fml_overlap(tensor.offset, fml_tensor_size(&tensor), what->offset, what->size)) {
            return true;
        }
    }
    return false;
}

/* A tensor that only the run writes is written again before it is read again; of others the run reads what was there.
 */
static bool input_safe(const fml_model *model, const run *in, uint16_t op, uint16_t index, const fml_tensor *input) {
    if (index == FML_NO_INDEX || !fml_model_writes(model, index, 0, in->begin)) {
        return true;
    }
    const reading what = {input->offset, fml_tensor_size(input), op, index};
    return !overwritten(model, in, &what);
}

static uint16_t run_end(const fml_model *model, uint16_t begin) {
    fml_op op;
    do {
        (void)fml_model_op(model, begin++, &op);
    } while (begin < model->op_count && !(op.flags & FML_OP_FLAG_COMMIT_LAST));
    return begin;
}

int fml_verify_commit_rule(const fml_model *model) {
    run in = {0, 0};
    for (uint16_t index = 0; index < model->op_count; index++) {
        if (index == in.end) {
            in.begin = index;
            in.end = run_end(model, index);
        }
        fml_op op;
        (void)fml_model_op(model, index, &op);
        bool ends_committed = op.commit_every == 0 || (op.flags & FML_OP_FLAG_COMMIT_LAST);
        bool safe = ends_committed && input_safe(model, &in, index, op.input_index, &op.input) &&
                    input_safe(model, &in, index, op.input2_index, &op.input2);
        if (safe && op.kind == FML_OP_KIND_QUANTIZE) {
            const reading sample = {model->sample_offset, model->sample_size, index, FML_NO_INDEX};
            safe = !overwritten(model, &in, &sample);
        }
        if (!safe) {
            return FML_ERROR_COMMIT_RULE;
        }
    }
    return FML_OK;
}
