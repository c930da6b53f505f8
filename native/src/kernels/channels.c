#include "../intrinsics.h"
#include "kernels.h"

void fml_channels_unpack(fml_channel *to, const uint8_t *group, uint32_t total, uint32_t begin, uint32_t end) {
    const uint8_t *multipliers = group + 4 * total, *shifts = multipliers + 2 * total;
    for (uint32_t i = begin; i < end; ++i, ++to) {
        to->bias = fml_read_u32(group + 4 * i);
        to->multiplier = fml_read_u16(multipliers + 2 * i);
        to->shift = fml_shift_of(shifts[i]);
    }
}

/* Outputs to..end. full: their range is all that an int8 can be. */
static FML_INLINED void requantize(int8_t *to, const int8_t *end, const int32_t *sums, const fml_channel *channels,
                                   const fml_range *range, bool full, bool pools) {
    int32_t low = range->low;
    const int32_t high = range->high;
    const uint32_t left_shift = range->left_shift;
    int32_t rounding = fml_rounding(range->zero_point);
    FML_KEEP(rounding);
    do {
        const uint32_t sum = (uint32_t)*sums++ + channels->bias;
        const uint32_t multiplier = channels->multiplier, shift = channels->shift;
        ++channels;
        FML_KEEP(channels);
        int32_t value = fml_shift_round(fml_scale(sum << left_shift, multiplier), shift, rounding);
        if (full) {
            value = fml_saturate_8(value);
            value = pools && value < *to ? *to : value;
        } else {
            low = pools ? *to : low;
            value = value < low ? low : value;
            value = value > high ? high : value;
        }
        *to++ = (int8_t)value;
    } while (to != end);
}

void fml_finish(const fml_patches *patches, int8_t *to, int32_t *sums, const fml_channel *channels, uint32_t count) {
    const fml_work *work = patches->work;
    const bool pools = patches->pools;
    const fml_range range = fml_output_range(work->op);
    if (work->op->flags & (FML_OP_FLAG_SUMS_OUT | FML_OP_FLAG_SUMS_IN)) {
        fml_pass_sums(work, to, sums, channels, count);
        if (fml_op_sums_out(work->op)) {
            return;
        }
    }
    const int8_t *const end = to + count;
    const bool full = FML_FAST && range.high - range.low == UINT8_MAX;
    if (full && pools) {
        requantize(to, end, sums, channels, &range, true, true);
    } else if (full) {
        requantize(to, end, sums, channels, &range, true, false);
    } else if (FML_FAST && !pools) {
        requantize(to, end, sums, channels, &range, false, false);
    } else {
        requantize(to, end, sums, channels, &range, false, pools);
    }
}

void fml_finish_pair(const fml_patches *patches, uint32_t channel, int32_t *sums, uint32_t step,
                     const fml_channel *channels, uint32_t count) {
    /* Requantization keeps the order: the larger sum of two pixels of a pool is the larger output. */
    const bool together = FML_FAST && patches->pools && patches->paired && patches->target[0] == patches->target[1];
    for (uint32_t i = 0; together && i < count; ++i) {
        const int32_t other = sums[step + i];
        sums[i] = other > sums[i] ? other : sums[i];
    }
    fml_finish(patches, patches->target[0] + channel, sums, channels, count);
    if (patches->paired && !together) {
        fml_finish(patches, patches->target[1] + channel, sums + step, channels, count);
    }
}
