#include "kernels.h"

int32_t fml_window_row(const fml_op *op, uint32_t row) {
    return (int32_t)(row * op->window.stride_height) - op->window.pad_top;
}

int32_t fml_window_column(const fml_op *op, uint32_t column) {
    return (int32_t)(column * op->window.stride_width) - op->window.pad_left;
}

fml_steps fml_window_steps(const fml_op *op) {
    fml_steps steps;
    steps.row = (uint32_t)op->input.shape.width * op->input.shape.channels * op->window.dilation_height;
    steps.column = (uint32_t)op->input.shape.channels * op->window.dilation_width;
    return steps;
}
