#include "kernels.h"

int8_t fml_requantize_scaled(uint32_t accumulator, const uint8_t *scale, const fml_range *range) {
    return fml_requantize(accumulator, fml_read_u16(scale), fml_shift_of(scale[2]), range);
}
