#include "kernels.h"

fml_steps fml_window_steps(const fml_op *op) {
    fml_steps steps;
    steps.row = (fml_index)op->input.shape.width * op->input.shape.channels * op->window.dilation_height;
    steps.column = (fml_index)op->input.shape.channels * op->window.dilation_width;
    return steps;
}
