#include "kernels.h"

fml_distance fml_window_row(const fml_op *op, fml_index row) {
    return (fml_distance)(row * op->window.stride_height) - op->window.pad_top;
}

fml_distance fml_window_column(const fml_op *op, fml_index column) {
    return (fml_distance)(column * op->window.stride_width) - op->window.pad_left;
}

fml_steps fml_window_steps(const fml_op *op) {
    fml_steps steps;
    steps.row = (fml_index)op->input.shape.width * op->input.shape.channels * op->window.dilation_height;
    steps.column = (fml_index)op->input.shape.channels * op->window.dilation_width;
    return steps;
}
