#include "kernels.h"

static uint32_t sum(const fml_pool *pool, const int8_t *line) {
    uint32_t total = 0;
    for (uint32_t row = pool->rows; row != 0; --row, line += pool->steps.row) {
        const int8_t *from = line;
        for (uint32_t column = pool->columns; column != 0; --column, from += pool->steps.column) {
            const int32_t x = *from;
            total += (uint32_t)x;
        }
    }
    return total;
}

void fml_kernel_average_pool_2d(const fml_work *work) {
    const fml_op *op = work->op;
    const fml_range range = fml_output_range(op);
    const uint32_t zero = (uint32_t)(int32_t)op->input.zero_point;
    const uint32_t entries = op->params_size / FML_SCALE_SIZE;
    const uint16_t channels = (uint16_t)(work->tile.channel_end - work->tile.channel_begin);
    fml_pool pool;
    fml_pool_begin(&pool, work);
    while (fml_pool_next(&pool)) {
        /* One entry serves all counts; of several, entry count - 1. */
        const uint32_t count = pool.rows * pool.columns;
        const uint8_t *entry = work->params + FML_SCALE_SIZE * ((count < entries ? count : entries) - 1);
        const uint16_t multiplier = fml_read_u16(entry);
        const uint8_t shift = entry[2];
        for (uint16_t c = 0; c < channels; ++c) {
            pool.target[c] = fml_requantize(sum(&pool, pool.source + c) - count * zero, multiplier, shift, &range);
        }
    }
}
