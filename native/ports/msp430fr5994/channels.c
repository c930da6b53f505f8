/* What becomes of sums, on the multiplier (requantize.S). Constants of output channels: unpack.S. */
#include "kernels/kernels.h"
#include "requantize.h"

/* The fields that requantize wants take the place of those that the core's C wants. */
typedef char channels_are_alike[sizeof(requantize_channel) == sizeof(fml_channel) ? 1 : -1];

static const uint16_t powers[] = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                                  1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, UINT16_C(1) << 15};

requantize_range requantize_range_of(const fml_op *op) {
    const requantize_range range = {op->output.zero_point, powers[op->left_shift & 15], op->activation_min,
                                    op->activation_max, 0};
    return range;
}

void finish(const fml_work *work, int8_t *to, int32_t *sums, const requantize_channel *channels, uint16_t count) {
    const fml_op *op = work->op;
    if (passes_sums(op)) {
        fml_pass_sums(work, to, sums, (const fml_channel *)(const void *)channels, count);
        if (fml_op_sums_out(op)) {
            return;
        }
    }
    requantize_work each;
    each.range = requantize_range_of(op);
    each.range.pools = op->kind == FML_OP_KIND_CONV_2D && fml_op_pools(op);
    each.sums = sums;
    each.channels = channels;
    each.to = to;
    each.count = count;
    each.back = 0;
    requantize(&each);
}

void fml_finish(const fml_patches *patches, int8_t *to, int32_t *sums, const fml_channel *channels, uint32_t count) {
    finish(patches->work, to, sums, (const requantize_channel *)(const void *)channels, (uint16_t)count);
}

void fml_finish_pair(const fml_patches *patches, uint32_t channel, int32_t *sums, uint32_t step,
                     const fml_channel *channels, uint32_t count) {
    fml_finish(patches, patches->target[0] + channel, sums, channels, count);
    if (patches->paired) {
        fml_finish(patches, patches->target[1] + channel, sums + step, channels, count);
    }
}

int8_t fml_requantize_scaled(uint32_t accumulator, const uint8_t *scale, const fml_range *range) {
    const requantize_channel channel = {0, requantize_factor(fml_read_u16(scale), scale[2])};
    int8_t result;
    const requantize_work work = {.range = {(int16_t)range->zero_point, powers[range->left_shift & 15],
                                            (int16_t)range->low, (int16_t)range->high, 0},
                                  .sums = (const int32_t *)&accumulator,
                                  .channels = &channel,
                                  .to = &result,
                                  .count = 1};
    requantize(&work);
    return result;
}
