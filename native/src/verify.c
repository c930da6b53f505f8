#include "verify.h"

#include "bytes.h"
#include "model.h"
#include "model_layout.h"

static bool shape_size(const fml_shape *shape, uint32_t *size) {
    *size = shape->height;
    return fml_multiply(size, shape->width) && fml_multiply(size, shape->channels) && *size > 0;
}

int fml_verify_tensors(const fml_model *model) {
    fml_tensor tensor;
    for (uint32_t index = 0; fml_model_read(model, FML_TENSORS, index, &tensor); index++) {
        uint32_t size;
        if (!shape_size(&tensor.shape, &size) || tensor.offset > model->arena_size ||
            size > model->arena_size - tensor.offset || tensor.reserved != 0) {
            return FML_ERROR_BAD_TENSOR;
        }
    }
    return FML_OK;
}

int fml_verify_output(fml_model *model) {
    fml_tensor tensor;
    if (!fml_model_read(model, FML_TENSORS, model->output, &tensor)) {
        return FML_ERROR_BAD_TENSOR;
    }
    const uint32_t size = fml_tensor_size(&tensor);
    model->output_length = (uint16_t)size;
    if (size > UINT16_MAX) {
        return FML_ERROR_BAD_TENSOR;
    }
    return fml_model_writes(model, model->output, 0, model->op_count) ? FML_OK : FML_ERROR_BAD_OP;
}

static bool same_shape(const fml_shape *a, const fml_shape *b) {
    return a->height == b->height && a->width == b->width && a->channels == b->channels;
}

/* One axis of a window: the first and the last position touch the input, so all between them do. */
static bool axis_ok(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t dilation, uint32_t pad) {
    return kernel >= 1 && stride >= 1 && dilation >= 1 && pad <= (kernel - 1) * dilation &&
           (out - 1) * stride < in + pad;
}

static bool window_ok(const fml_op *op) {
    const fml_window *window = &op->window;
    if (op->kind == FML_OP_KIND_MAX_POOL_2D || op->kind == FML_OP_KIND_AVERAGE_POOL_2D) {
        if (window->groups != 1 || op->input.shape.channels != op->output.shape.channels) {
            return false;
        }
    }
    if (op->flags & FML_OP_FLAG_ADAPTIVE) {
        return true;
    }
    if (op->kind == FML_OP_KIND_AVERAGE_POOL_2D && (window->dilation_height != 1 || window->dilation_width != 1)) {
        return false; /* so that every window has a tap to divide by */
    }
    return axis_ok(op->input.shape.height, op->output.shape.height, window->kernel_height, window->stride_height,
                   window->dilation_height, window->pad_top) &&
           axis_ok(op->input.shape.width, op->output.shape.width, window->kernel_width, window->stride_width,
                   window->dilation_width, window->pad_left);
}

/* Extends the range low..high of reachable elements by an axis of `count` positions. */
static bool extend(uint32_t *low, uint32_t *high, uint32_t count, int32_t stride) {
    uint32_t reach = stride < 0 ? 0 - (uint32_t)stride : (uint32_t)stride;
    if (count == 1) {
        return true;
    }
    if (reach > FML_SIZE_MAX || !fml_multiply(&reach, count - 1)) {
        return false;
    }
    if (stride < 0) {
        *low -= reach;
        return *low <= FML_SIZE_MAX; /* it wraps around below zero */
    }
    *high += reach;
    return *high <= FML_SIZE_MAX;
}

static bool strides_ok(const fml_strides *strides, const fml_shape *space, uint32_t elements) {
    uint32_t low = strides->offset, high = strides->offset;
    return high < elements && extend(&low, &high, space->height, strides->row) &&
           extend(&low, &high, space->width, strides->column) && extend(&low, &high, space->channels, strides->depth) &&
           high < elements;
}

static bool view_ok(const fml_model *model, const fml_op *op) {
    const fml_view *view = &op->view;
    uint32_t source = fml_tensor_size(&op->input);
    uint32_t size;
    if (op->kind == FML_OP_KIND_QUANTIZE) {
        uint8_t wide = model->sample_type >= FML_SAMPLE_TYPE_UINT16;
        if (wide && model->sample_size % 2 != 0) {
            return false;
        }
        source = model->sample_size >> wide;
    }
    return view->reserved == 0 && shape_size(&view->space, &size) && strides_ok(&view->source, &view->space, source) &&
           strides_ok(&view->destination, &view->space, fml_tensor_size(&op->output));
}

static bool shapes_ok(const fml_model *model, const fml_op *op) {
    switch (op->kind) {
    case FML_OP_KIND_QUANTIZE:
    case FML_OP_KIND_COPY:
        return view_ok(model, op);
    case FML_OP_KIND_ADD:
        return same_shape(&op->input.shape, &op->output.shape) && same_shape(&op->input2.shape, &op->output.shape);
    case FML_OP_KIND_MULTIPLY: {
        const fml_shape row = {1, 1, op->output.shape.channels};
        return same_shape(&op->input.shape, &op->output.shape) &&
               (same_shape(&op->input2.shape, &op->output.shape) || same_shape(&op->input2.shape, &row));
    }
    case FML_OP_KIND_FILL:
        return true;
    default:
        return window_ok(op);
    }
}

static bool shifts_left(uint8_t kind) {
    return kind == FML_OP_KIND_CONV_2D || kind == FML_OP_KIND_DEPTHWISE_CONV_2D || kind == FML_OP_KIND_MULTIPLY ||
           kind == FML_OP_KIND_AVERAGE_POOL_2D;
}

static bool numbers_ok(const fml_op *op) {
    return (op->flags & ~(FML_OP_FLAG_COMMIT_LAST | FML_OP_FLAG_HAS_LOOKUP | FML_OP_FLAG_ADAPTIVE)) == 0 &&
           (!(op->flags & FML_OP_FLAG_ADAPTIVE) || op->kind == FML_OP_KIND_AVERAGE_POOL_2D) &&
           op->activation_min <= op->activation_max && op->left_shift <= (shifts_left(op->kind) ? 15 : 0) &&
           op->reserved == 0 && op->reserved2 == 0 && op->tile_rows >= 1 && op->tile_columns >= 1 &&
           op->tile_channels >= 1;
}

/* Is the input written by an earlier operator, and apart from the output? */
static bool input_ok(const fml_model *model, const fml_op *op, uint32_t input_index, const fml_tensor *input) {
    if (input_index == FML_NO_INDEX) {
        return true;
    }
    return fml_model_writes(model, input_index, 0, op->index) &&
           !fml_overlap(input->offset, fml_tensor_size(input), op->output.offset, fml_tensor_size(&op->output));
}

int fml_verify_op(const fml_model *model, const fml_op *op) {
    bool ok = numbers_ok(op) && shapes_ok(model, op) && fml_op_tile_count(op) <= UINT16_MAX &&
              input_ok(model, op, op->input_index, &op->input) && input_ok(model, op, op->input2_index, &op->input2);
    if (ok && op->kind == FML_OP_KIND_QUANTIZE) {
        ok = !fml_overlap(model->sample_offset, model->sample_size, op->output.offset, fml_tensor_size(&op->output));
    }
    return ok ? FML_OK : FML_ERROR_BAD_OP;
}
