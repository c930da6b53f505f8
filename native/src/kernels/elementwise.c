#include "kernels.h"

void fml_kernel_elementwise(const fml_work *work) {
    const fml_op *op = work->op;
    const fml_range range = fml_output_range(op);
    const bool adds = op->kind == FML_OP_KIND_ADD;
    const uint8_t *params = work->params;
    const int32_t m1 = (int16_t)fml_read_u16(params), m2 = adds ? (int16_t)fml_read_u16(params + 2) : 0;
    const uint32_t shift = params[adds ? 4 : 2];
    const int32_t zero1 = op->input.zero_point, zero2 = op->input2.zero_point;
    /* The second input is 1 x 1 x C where it is smaller than the output. */
    const bool broadcast =
        op->input2.shape.height != op->output.shape.height || op->input2.shape.width != op->output.shape.width;
    fml_runs runs;
    fml_runs_begin(&runs, work, broadcast);
    while (fml_runs_next(&runs)) {
        const int8_t *x1 = work->input + runs.offset;
        const int8_t *x2 = work->input2 + (broadcast ? work->tile.channel_begin : runs.offset);
        int8_t *to = work->output + runs.offset;
        for (uint32_t left = runs.length; left != 0; --left) {
            const int32_t a = *x1++ - zero1, b = *x2++ - zero2;
            const int32_t total =
                adds ? a * m1 + b * m2 : fml_scale((uint32_t)(a * b) << range.left_shift, (uint32_t)m1);
            *to++ = fml_clamp(fml_shift_round(total, shift) + range.zero_point, &range);
        }
    }
}
