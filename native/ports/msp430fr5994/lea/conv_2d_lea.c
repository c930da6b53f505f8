/* CONV_2D on the LEA, bit for bit what the CPU computes. The values of some windows are widened to 16 bits in the LEA's
 * memory; then each output channel's weights are, and multiplied with all these windows. Weights that are encoded, sums
 * in parts, and windows that are too large for that memory are left to the CPU (conv_2d.c). */
#include "kernels/kernels.h"
#include "lea.h"
#include "requantize.h"

#define VALUES 1880 /* int16, weights and windows */
#define WINDOWS_MAX 12

static int16_t values[VALUES] LEA_RAM;

/* conv_2d.c, with its functions called so. */
void cpu_conv_2d(const fml_work *work);
uint32_t cpu_conv_2d_scratch(const fml_op *op);

typedef struct chunk {
    const fml_work *work;
    const uint8_t *group;          /* constants and weights of its output channels */
    requantize_channel *constants; /* in scratch */
    fml_index first_input, inputs;
    uint16_t first, channels, stored; /* output channels; stored in fours */
    uint16_t taps, even;              /* of a window; rounded up to an even number */
    uint8_t capacity, count;          /* windows */
    int8_t *to[WINDOWS_MAX];          /* their output pixels */
} chunk;

static uint16_t even_taps(const fml_op *op) {
    return (uint16_t)((fml_op_taps(op) + 1) & ~UINT32_C(1));
}

static bool suits(const fml_op *op) {
    return !fml_op_encoded(op) && (op->flags & (FML_OP_FLAG_SUMS_OUT | FML_OP_FLAG_SUMS_IN)) == 0 &&
           fml_op_taps(op) <= VALUES / 2 - 1;
}

static void gather(const chunk *c, fml_index row, fml_index column, int16_t *to) {
    const fml_op *op = c->work->op;
    const fml_window *window = &op->window;
    fml_index y = (fml_index)fml_window_row(op, row);
    for (uint16_t ky = 0; ky < window->kernel_height; ky++, y += window->dilation_height) {
        fml_index x = (fml_index)fml_window_column(op, column);
        for (uint16_t kx = 0; kx < window->kernel_width; kx++, x += window->dilation_width) {
            const bool inside = y < op->input.shape.height && x < op->input.shape.width;
            const int8_t *from = c->work->input;
            if (inside) {
                from += fml_element(&op->input.shape, y, x, c->first_input);
            }
            for (fml_index i = 0; i < c->inputs; i++) {
                *to++ = inside ? from[i] : op->input.zero_point;
            }
        }
    }
    if (c->even != c->taps) {
        *to = 0;
    }
}

/* The sums of an output channel of all windows: sums[i][place]. */
static void multiply_channel(const chunk *c, const int8_t *weights, int32_t (*sums)[4], uint8_t place) {
    const int16_t *window = values + c->even;
    lea_widen(values, weights, c->taps);
    if (c->even != c->taps) {
        values[c->taps] = 0;
    }
    for (uint8_t i = 0; i < c->count; i++, window += c->even) {
        sums[i][place] = lea_multiply_accumulate(window, values, c->even);
    }
}

/* All output channels of the windows that have been gathered. */
static void multiply(chunk *c) {
    const fml_op *op = c->work->op;
    const int8_t *weights = (const int8_t *)c->group + FML_CHANNEL_CONSTANTS_SIZE * c->stored;
    int32_t sums[WINDOWS_MAX][4];
    requantize_work outputs = {.range = requantize_range_of(op), .channels = c->constants};
    outputs.range.pools = fml_op_pools(op);
    for (uint16_t first = 0; first < c->channels; first += 4, weights += 4 * c->taps, outputs.channels += 4) {
        outputs.count = c->channels - first < 4 ? c->channels - first : 4;
        for (uint8_t place = 0; place < outputs.count; place++) {
            multiply_channel(c, weights + place, sums, place);
        }
        for (uint8_t i = 0; i < c->count; i++) {
            outputs.sums = sums[i];
            outputs.to = c->to[i] + c->first + first;
            requantize(&outputs);
        }
    }
    c->count = 0;
}

/* One pixel of the convolution, before it is pooled. */
static void add(chunk *c, fml_index row, fml_index column, int8_t *to) {
    gather(c, row, column, values + (uint16_t)(c->count + 1) * c->even);
    c->to[c->count++] = to;
    if (c->count == c->capacity) {
        multiply(c);
    }
}

static void run(chunk *c) {
    const fml_op *op = c->work->op;
    const fml_tile *tile = &c->work->tile;
    const uint16_t high = op->window.pool_height, wide = op->window.pool_width;
    for (uint16_t row = tile->row_begin; row < tile->row_end; row++) {
        for (uint16_t column = tile->column_begin; column < tile->column_end; column++) {
            int8_t *to = c->work->output + fml_element(&op->output.shape, row, column, 0);
            for (uint16_t i = 0; i < high * wide; i++) {
                add(c, row * high + i / wide, column * wide + i % wide, to);
            }
        }
    }
    multiply(c);
}

void fml_kernel_conv_2d(const fml_work *work) {
    const fml_op *op = work->op;
    if (!suits(op)) {
        cpu_conv_2d(work);
        return;
    }
    const uint16_t begin = work->tile.channel_begin, end = work->tile.channel_end, count = end - begin;
    const uint16_t whole = (uint16_t)fml_op_group_channels(op), each = whole < count ? whole : count;
    chunk c = {.work = work, .group = work->params, .taps = (uint16_t)fml_op_taps(op), .even = even_taps(op)};
    const uint16_t most = VALUES / c.even - 1;
    c.capacity = (uint8_t)(most < WINDOWS_MAX ? most : WINDOWS_MAX);
    c.inputs = op->window.channels / op->window.groups;
    c.channels = each;
    c.stored = (uint16_t)fml_round_up_4(each);
    c.constants = (requantize_channel *)(void *)work->scratch;
    lea_init();
    if (fml_op_pools(op)) {
        fml_fill_tile(work, op->activation_min);
    }
    for (c.first = begin; c.first < end; c.first += each, c.group += fml_op_group_size(op, each)) {
        const uint32_t index = (uint32_t)c.first * op->window.groups / op->space.channels;
        fml_channels_unpack((fml_channel *)(void *)c.constants, c.group, c.stored, 0, c.stored);
        c.first_input = (fml_index)(op->window.first_channel + index * c.inputs);
        run(&c);
    }
}

uint32_t fml_kernel_conv_2d_scratch(const fml_op *op) {
    return cpu_conv_2d_scratch(op);
}
