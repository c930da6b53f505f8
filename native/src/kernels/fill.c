#include "kernels.h"

void fml_fill(int8_t *to, int8_t value, fml_index count) {
    for (; count != 0; --count) {
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
