/* Which kernel runs which operator kind. */
#include "kernels.h"

uint32_t fml_kernel_scratch(const fml_op *op) {
    switch (op->kind) {
    case FML_OP_KIND_CONV_2D:
        return fml_kernel_conv_2d_scratch(op);
    case FML_OP_KIND_DEPTHWISE_CONV_2D:
        return fml_kernel_depthwise_conv_2d_scratch(op);
    default:
        return 0;
    }
}

void fml_kernel_run(const fml_work *work) {
    switch (work->op->kind) {
    case FML_OP_KIND_CONV_2D:
        fml_kernel_conv_2d(work);
        break;
    case FML_OP_KIND_DEPTHWISE_CONV_2D:
        fml_kernel_depthwise_conv_2d(work);
        break;
    case FML_OP_KIND_MAX_POOL_2D:
    case FML_OP_KIND_AVERAGE_POOL_2D:
        fml_kernel_pool(work);
        break;
    case FML_OP_KIND_ADD:
    case FML_OP_KIND_MULTIPLY:
        fml_kernel_elementwise(work);
        break;
    case FML_OP_KIND_QUANTIZE:
    case FML_OP_KIND_COPY:
        fml_kernel_strided(work);
        break;
    case FML_OP_KIND_FILL:
        fml_kernel_fill(work);
        break;
    }
}
