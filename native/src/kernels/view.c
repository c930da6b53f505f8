#include "kernels.h"

uint32_t fml_view_element(const fml_strides *strides, uint32_t row, uint32_t column, uint32_t depth) {
    return strides->offset + row * (uint32_t)strides->row + column * (uint32_t)strides->column +
           depth * (uint32_t)strides->depth;
}
