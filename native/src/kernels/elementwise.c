#include "kernels.h"

/* What a run of the output is made of. */
typedef struct piece {
    int8_t *to;
    const int8_t *x1, *x2;
    fml_index length;
} piece;

static void add(const fml_work *work, const piece *run, const fml_range *range) {
    const int32_t m1 = (int16_t)fml_read_u16(work->params), m2 = (int16_t)fml_read_u16(work->params + 2);
    /* (x1 - z1) * m1 + (x2 - z2) * m2, the zero points apart */
    const int32_t zero = work->op->input.zero_point * m1 + work->op->input2.zero_point * m2;
    const uint32_t shift = fml_shift_of(work->params[4]);
    const int8_t *x1 = run->x1, *x2 = run->x2;
    int8_t *to = run->to;
    for (fml_index left = run->length; left != 0; --left) {
        const int32_t total = *x1++ * m1 + *x2++ * m2 - zero;
        *to++ = fml_clamp(fml_shift_round(total, shift, fml_rounding(range->zero_point)), range);
    }
}

static void multiply(const fml_work *work, const piece *run, const fml_range *range) {
    const fml_distance zero1 = work->op->input.zero_point, zero2 = work->op->input2.zero_point;
    const int8_t *x1 = run->x1, *x2 = run->x2;
    int8_t *to = run->to;
    for (fml_index left = run->length; left != 0; --left) {
        const int32_t product = (int32_t)(*x1++ - zero1) * (*x2++ - zero2); /* of 17 bits */
        *to++ = fml_requantize_scaled((uint32_t)product, work->params, range);
    }
}

void fml_kernel_elementwise(const fml_work *work) {
    const fml_op *op = work->op;
    const fml_range range = fml_output_range(op);
    /* The second input is 1 x 1 x C where it is smaller than the output. */
    const bool broadcast =
        op->input2.shape.height != op->output.shape.height || op->input2.shape.width != op->output.shape.width;
    fml_runs runs;
    fml_runs_begin(&runs, work, broadcast);
    while (fml_runs_next(&runs)) {
        const piece run = {work->output + runs.offset, work->input + runs.offset,
                           work->input2 + (broadcast ? work->tile.channel_begin : runs.offset), runs.length};
        if (op->kind == FML_OP_KIND_ADD) {
            add(work, &run, &range);
        } else {
            multiply(work, &run, &range);
        }
    }
}
