#include "kernels.h"

void fml_fill(int8_t *to, int8_t value, fml_index count) {
    const int8_t *const end = to + count;
    const uint32_t four = (uint32_t)(uint8_t)value * UINT32_C(0x1010101);
    for (; FML_FAST && count >= 4; count -= 4, to += 4) {
        fml_write_u32((uint8_t *)to, four);
    }
    while (to != end) {
        *to++ = value;
    }
}

void fml_fill_tile(const fml_work *work, int8_t value) {
    fml_runs runs;
    fml_runs_begin(&runs, work, false);
    while (fml_runs_next(&runs)) {
        fml_fill(work->output + runs.offset, value, runs.length);
    }
}

void fml_kernel_fill(const fml_work *work) {
    fml_fill_tile(work, work->op->output.zero_point);
}
