#include "kernels.h"

void fml_kernel_multiply(const fml_work *work) {
    const fml_op *op = work->op;
    const fml_range range = fml_output_range(op);
    const uint16_t multiplier = fml_read_u16(work->params);
    const uint8_t shift = fml_shift_of(work->params[2]);
    const int32_t zero1 = op->input.zero_point, zero2 = op->input2.zero_point;
    /* The second input is 1 x 1 x C where it is smaller than the output. */
    const bool broadcast =
        op->input2.shape.height != op->output.shape.height || op->input2.shape.width != op->output.shape.width;
    fml_runs runs;
    fml_runs_begin(&runs, &op->output.shape, &work->tile, broadcast);
    while (fml_runs_next(&runs)) {
        const int8_t *x1 = work->input + runs.offset;
        const int8_t *x2 = work->input2 + (broadcast ? work->tile.channel_begin : runs.offset);
        int8_t *to = work->output + runs.offset;
        for (uint32_t i = 0; i < runs.length; ++i) {
            to[i] = fml_requantize((uint32_t)((x1[i] - zero1) * (x2[i] - zero2)), multiplier, shift, &range);
        }
    }
}
