#include "kernels.h"

#define NEXT()                                                                                                         \
    do {                                                                                                               \
        *to++ = value;                                                                                                 \
        FML_KEEP(to);                                                                                                  \
    } while (0)

void fml_fill(int8_t *to, int8_t value, fml_index count) {
    const int8_t *const end = to + count;
    if (FML_FAST && count != 0) {
        FML_IN_EIGHTS(NEXT, count, to != end)
        return;
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
