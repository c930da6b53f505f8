/* Sums in parts: accumulators that one operator leaves to the next. */
#include "kernels.h"

/* Adds to sums the integer that stands in every `step` bytes. */
static FML_APART void add(int32_t *sums, const uint8_t *from, uint32_t step, uint32_t count) {
    for (; count != 0; --count, from += step, ++sums) {
        *sums = (int32_t)((uint32_t)*sums + fml_read_u32(from));
    }
}

void fml_pass_sums(const fml_work *work, const int8_t *to, int32_t *sums, const fml_channel *channels, uint32_t count) {
    const uint32_t at = (uint32_t)(to - work->output) * FML_SUM_SIZE;
    if (work->op->flags & FML_OP_FLAG_SUMS_IN) {
        add(sums, (const uint8_t *)work->input2 + at, FML_SUM_SIZE, count);
    }
    if (fml_op_sums_out(work->op)) {
        add(sums, (const uint8_t *)channels, sizeof *channels, count);
        fml_copy((uint8_t *)work->output + at, (const uint8_t *)sums, FML_SUM_SIZE * count);
    }
}
