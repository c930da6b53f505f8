#include "verify.h"

/* Does an operator behind `op` write into these bytes? */
static bool overwritten(const fml_model *model, uint32_t op, const fml_bytes *scores) {
    while (++op < model->op_count) {
        const fml_bytes output = fml_model_tensor(model, fml_model_op_output(model, op));
        if (fml_overlap(&output, scores)) {
            return true;
        }
    }
    return false;
}

int fml_verify_exits(const fml_model *model) {
    fml_exit exit;
    uint32_t first = 0; /* operator that this exit may follow */
    for (uint32_t index = 0; fml_model_read(model, FML_EXITS, index, &exit); index++) {
        if (exit.op < first || exit.op >= model->op_count || fml_model_op_output(model, exit.op) != exit.tensor ||
            exit.reserved != 0 || exit.reserved2 != 0) {
            return FML_ERROR_BAD_EXIT;
        }
        const fml_bytes scores = fml_model_tensor(model, exit.tensor);
        if (scores.size != model->output_length || overwritten(model, exit.op, &scores)) {
            return FML_ERROR_BAD_EXIT;
        }
        first = (uint32_t)exit.op + 1;
    }
    return FML_OK;
}
