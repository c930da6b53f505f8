#include "kernels.h"

void fml_channels_unpack(fml_channel *to, const uint8_t *group, uint32_t total, uint32_t begin, uint32_t end) {
    const uint8_t *multipliers = group + 4 * total, *shifts = multipliers + 2 * total;
    for (uint32_t i = begin; i < end; ++i, ++to) {
        to->bias = fml_read_u32(group + 4 * i);
        to->multiplier = fml_read_u16(multipliers + 2 * i);
        to->shift = fml_shift_of(shifts[i]);
    }
}

void fml_requantize_pair(int8_t *to0, int8_t *to1, const int32_t *sums, uint32_t step, const fml_channel *channels,
                         uint32_t count, const fml_range *range) {
    const fml_range r =
        *range; /* `to` may point to anything, for all that a compiler knows: registers are safe from it */
    for (const fml_channel *const end = channels + count; channels != end; ++channels, ++sums) {
        const uint32_t bias = channels->bias;
        const uint16_t multiplier = channels->multiplier;
        const uint8_t shift = channels->shift;
        *to0++ = fml_requantize((uint32_t)sums[0] + bias, multiplier, shift, &r);
        *to1++ = fml_requantize((uint32_t)sums[step] + bias, multiplier, shift, &r);
    }
}
