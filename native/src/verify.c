#include "verify.h"

#include "bytes.h"
#include "model.h"

#define SUMS (FML_OP_FLAG_SUMS_OUT | FML_OP_FLAG_SUMS_IN)

int fml_verify_tensors(const fml_model *model) {
    fml_tensor tensor;
    for (uint32_t index = 0; fml_model_read(model, FML_TENSORS, index, &tensor); index++) {
        const uint32_t size = fml_shape_size(&tensor.shape);
        if (size == 0 || tensor.offset > model->arena_size || size > model->arena_size - tensor.offset ||
            tensor.reserved != 0) {
            return FML_ERROR_BAD_TENSOR;
        }
    }
    return FML_OK;
}

int fml_verify_output(fml_model *model) {
    if (model->output >= model->vectors[FML_TENSORS].count) {
        return FML_ERROR_BAD_TENSOR;
    }
    const uint32_t size = fml_model_tensor(model, model->output).size;
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
static FML_APART bool axis_ok(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t dilation,
                              uint32_t pad) {
    return kernel * stride * dilation != 0 && pad <= (kernel - 1) * dilation && (out - 1) * stride < in + pad;
}

/* Input channels that a convolution reads; other kinds name none. */
static bool channels_ok(const fml_op *op) {
    const fml_window *window = &op->window;
    const bool convolves = op->kind == FML_OP_KIND_CONV_2D;
    return (window->channels != 0) == convolves &&
           (uint32_t)window->first_channel + window->channels <= (convolves ? op->input.shape.channels : 0);
}

/* Only a convolution whose output is final pools it on the way out. A pool of 0 pixels has no window (axis_ok). */
static bool pool_ok(const fml_op *op) {
    return op->window.pool_height * op->window.pool_width == 1 ||
           (op->kind == FML_OP_KIND_CONV_2D && (op->flags & (FML_OP_FLAG_HAS_LOOKUP | SUMS)) == 0);
}

static bool window_ok(const fml_op *op) {
    const fml_window *window = &op->window;
    if (!channels_ok(op) || !pool_ok(op)) {
        return false;
    }
    if (op->kind == FML_OP_KIND_MAX_POOL_2D || op->kind == FML_OP_KIND_AVERAGE_POOL_2D) {
        if (window->groups != 1 || op->input.shape.channels != op->output.shape.channels) {
            return false;
        }
    }
    if (op->kind == FML_OP_KIND_AVERAGE_POOL_2D && (window->dilation_height != 1 || window->dilation_width != 1)) {
        return false; /* every window has a tap to divide by, and ADAPTIVE its bounds */
    }
    if (op->flags & FML_OP_FLAG_ADAPTIVE) {
        return true;
    }
    return axis_ok(op->input.shape.height, (uint32_t)op->space.height * window->pool_height, window->kernel_height,
                   window->stride_height, window->dilation_height, window->pad_top) &&
           axis_ok(op->input.shape.width, (uint32_t)op->space.width * window->pool_width, window->kernel_width,
                   window->stride_width, window->dilation_width, window->pad_left);
}

/* Extends the range low..high of reachable elements by an axis of `count` positions. */
static bool extend(uint32_t *low, uint32_t *high, uint32_t count, int32_t stride) {
    if (stride < 0) {
        *low -= fml_product(0 - (uint32_t)stride, count - 1);
    } else {
        *high += fml_product((uint32_t)stride, count - 1);
    }
    return *low <= FML_SIZE_MAX && *high <= FML_SIZE_MAX; /* the low end wraps around below zero */
}

static bool strides_ok(const fml_strides *strides, const fml_shape *space, uint32_t elements) {
    uint32_t low = strides->offset, high = strides->offset;
    return high < elements && extend(&low, &high, space->height, strides->row) &&
           extend(&low, &high, space->width, strides->column) && extend(&low, &high, space->channels, strides->depth) &&
           high < elements;
}

static bool view_ok(const fml_model *model, const fml_op *op) {
    const fml_view *view = &op->view;
    uint32_t source = fml_shape_size(&op->input.shape);
    if (op->kind == FML_OP_KIND_QUANTIZE) {
        uint8_t wide = model->sample_type >= FML_SAMPLE_TYPE_UINT16;
        if (wide && model->sample_size % 2 != 0) {
            return false;
        }
        source = model->sample_size >> wide;
    }
    const uint32_t size = fml_shape_size(&view->space);
    return view->reserved == 0 && size != 0 && size < FML_SIZE_MAX && strides_ok(&view->source, &view->space, source) &&
           strides_ok(&view->destination, &view->space, fml_shape_size(&op->output.shape));
}

/* Whether the second input of MULTIPLY is one row of channels. */
static bool is_row(const fml_op *op) {
    const fml_shape row = {1, 1, op->output.shape.channels};
    return op->kind == FML_OP_KIND_MULTIPLY && same_shape(&op->input2.shape, &row);
}

/* Whether the tensors of sums have 4 bytes for each output. */
static bool sums_ok(const fml_op *op) {
    const uint32_t size = fml_product(fml_shape_size(&op->space), FML_SUM_SIZE);
    return (!fml_op_sums_out(op) || fml_shape_size(&op->output.shape) == size) &&
           (!(op->flags & FML_OP_FLAG_SUMS_IN) || fml_shape_size(&op->input2.shape) == size);
}

static bool shapes_ok(const fml_model *model, const fml_op *op) {
    if (fml_op_viewed(op)) {
        return view_ok(model, op);
    }
    if (op->kind == FML_OP_KIND_ADD || op->kind == FML_OP_KIND_MULTIPLY) {
        return same_shape(&op->input.shape, &op->output.shape) &&
               (same_shape(&op->input2.shape, &op->output.shape) || is_row(op));
    }
    return op->kind == FML_OP_KIND_FILL || (window_ok(op) && sums_ok(op));
}

static bool shifts_left(uint8_t kind) {
    const uint16_t do_so = 1 << FML_OP_KIND_CONV_2D | 1 << FML_OP_KIND_DEPTHWISE_CONV_2D | 1 << FML_OP_KIND_MULTIPLY |
                           1 << FML_OP_KIND_AVERAGE_POOL_2D;
    return do_so >> kind & 1;
}

/* Sums are not looked up: what they come to is. */
static bool flags_ok(const fml_op *op) {
    const uint8_t flags = op->flags;
    return flags < 2 * FML_OP_FLAG_SUMS_IN &&
           (!(flags & FML_OP_FLAG_ADAPTIVE) || op->kind == FML_OP_KIND_AVERAGE_POOL_2D) &&
           (!(flags & SUMS) || op->kind == FML_OP_KIND_CONV_2D) &&
           !((flags & FML_OP_FLAG_HAS_LOOKUP) && (flags & FML_OP_FLAG_SUMS_OUT));
}

static bool numbers_ok(const fml_op *op) {
    return flags_ok(op) && op->activation_min <= op->activation_max &&
           op->left_shift <= (shifts_left(op->kind) ? 15 : 0) &&
           op->encoding <= (op->kind == FML_OP_KIND_CONV_2D ? FML_ENCODINGS * FML_WEIGHT_ENCODING_OFFSET_8 : 0) &&
           op->reserved == 0 && op->tile_rows >= 1 && op->tile_columns >= 1 && op->tile_channels >= 1;
}

/* Are all inputs written by earlier operators, and apart from the output? */
static bool inputs_ok(const fml_model *model, const fml_op *op) {
    const fml_bytes output = fml_model_tensor(model, op->output_index);
    fml_bytes read;
    for (uint32_t input = 0; input < 2; input++) {
        if (fml_model_input(model, op, input, &read) &&
            (!fml_model_writes(model, read.tensor, 0, op->index) || fml_overlap(&read, &output))) {
            return false;
        }
    }
    return true;
}

int fml_verify_op(const fml_model *model, const fml_op *op) {
    const bool ok =
        numbers_ok(op) && shapes_ok(model, op) && fml_op_tile_count(op) <= UINT16_MAX && inputs_ok(model, op);
    return ok ? FML_OK : FML_ERROR_BAD_OP;
}
