#include "kernels.h"

static int8_t largest(const fml_pool *pool, const int8_t *line) {
    int8_t best = INT8_MIN;
    for (uint32_t row = pool->rows; row != 0; --row, line += pool->steps.row) {
        const int8_t *from = line;
        for (uint32_t column = pool->columns; column != 0; --column, from += pool->steps.column) {
            if (*from > best) {
                best = *from;
            }
        }
    }
    return best;
}

void fml_kernel_max_pool_2d(const fml_work *work) {
    const fml_range range = fml_output_range(work->op);
    const uint16_t channels = (uint16_t)(work->tile.channel_end - work->tile.channel_begin);
    fml_pool pool;
    fml_pool_begin(&pool, work);
    while (fml_pool_next(&pool)) {
        for (uint16_t c = 0; c < channels; ++c) {
            pool.target[c] = fml_clamp(largest(&pool, pool.source + c), &range);
        }
    }
}
