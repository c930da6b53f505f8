#include "kernels.h"

void fml_kernel_fill(const fml_work *work) {
    fml_runs runs;
    fml_runs_begin(&runs, work, false);
    while (fml_runs_next(&runs)) {
        for (uint32_t i = 0; i < runs.length; ++i) {
            work->output[runs.offset + i] = work->op->output.zero_point;
        }
    }
}
