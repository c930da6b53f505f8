#include "kernels.h"

void fml_channels_unpack(fml_channel *to, const uint8_t *group, uint32_t total, uint32_t begin, uint32_t end) {
    const uint8_t *multipliers = group + 4 * total, *shifts = multipliers + 2 * total;
    for (uint32_t i = begin; i < end; ++i, ++to) {
        to->bias = fml_read_u32(group + 4 * i);
        to->multiplier = fml_read_u16(multipliers + 2 * i);
        to->shift = shifts[i];
    }
}
