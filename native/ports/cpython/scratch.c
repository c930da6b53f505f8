/* What a port wants of scratch whose kernels for encoded weights take the pixels one by one, as the MSP430's do. */
#include "interp.h"
#include "quant.h"

static uint32_t scratch_of(const fml_model *model, const fml_op *op) {
    const uint32_t scratch = fml_interp_scratch(model, op);
    if (!fml_op_encoded(op)) {
        return scratch;
    }
    const uint32_t channels = fml_round_up_4(fml_op_group_channels(op)) * (uint32_t)sizeof(fml_channel);
    const uint32_t kernel = fml_round_up_4(fml_kernel_scratch(op)), one = fml_round_up_4(channels + fml_op_taps(op));
    return one < kernel ? scratch - kernel + one : scratch;
}

/* Of an open model: fml_model.scratch_size, with one window in place of some. */
uint32_t freeml_scratch_of_one_window(const fml_model *model) {
    uint32_t most = 0;
    fml_op op;
    for (uint16_t index = 0; index < model->op_count && fml_model_op(model, index, &op) == FML_OK; index++) {
        const uint32_t scratch = scratch_of(model, &op);
        most = scratch > most ? scratch : most;
    }
    return most;
}
