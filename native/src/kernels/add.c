#include "kernels.h"

void fml_kernel_add(const fml_work *work) {
    const fml_op *op = work->op;
    const fml_range range = fml_output_range(op);
    const int32_t m1 = (int16_t)fml_read_u16(work->params), m2 = (int16_t)fml_read_u16(work->params + 2);
    const uint8_t shift = fml_shift_of(work->params[4]);
    /* (x1 - z1) * m1 + (x2 - z2) * m2, the zero points apart */
    const int32_t zero = op->input.zero_point * m1 + op->input2.zero_point * m2;
    fml_runs runs;
    fml_runs_begin(&runs, &op->output.shape, &work->tile, false);
    while (fml_runs_next(&runs)) {
        const int8_t *x1 = work->input + runs.offset, *x2 = work->input2 + runs.offset;
        int8_t *to = work->output + runs.offset;
        for (uint32_t i = 0; i < runs.length; ++i) {
            const int32_t total = x1[i] * m1 + x2[i] * m2 - zero;
            to[i] = fml_clamp(fml_shift_round(total, shift) + range.zero_point, &range);
        }
    }
}
