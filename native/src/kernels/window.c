#include "kernels.h"

fml_span fml_taps_inside(int32_t origin, uint16_t kernel, uint8_t dilation, uint16_t size) {
    fml_span span;
    uint16_t tap = 0;
    for (; tap < kernel && origin < 0; ++tap) {
        origin += dilation;
    }
    span.begin = tap;
    for (; tap < kernel && origin < size; ++tap) {
        origin += dilation;
    }
    span.end = tap;
    return span;
}

int32_t fml_window_row(const fml_op *op, uint16_t row) {
    return (int32_t)((uint32_t)row * op->window.stride_height) - op->window.pad_top;
}

int32_t fml_window_column(const fml_op *op, uint16_t column) {
    return (int32_t)((uint32_t)column * op->window.stride_width) - op->window.pad_left;
}

fml_steps fml_window_steps(const fml_op *op) {
    fml_steps steps;
    steps.row = (uint32_t)op->input.shape.width * op->input.shape.channels * op->window.dilation_height;
    steps.column = (uint32_t)op->input.shape.channels * op->window.dilation_width;
    return steps;
}
