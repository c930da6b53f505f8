/* DEPTHWISE_CONV_2D: two pixels at a time share the weights; channels in chunks, so that gathered patches stay small.
 */
#include "kernels.h"

#define CHUNK 32 /* output channels */

/* Output channels begin..end of a block, for the pixels of a tile. */
typedef struct chunk {
    fml_patches patches;
    uint16_t count, multiplier, offset; /* channels; output channels per input channel; begin % multiplier */
    const int8_t *weights;              /* [count][taps] */
    int32_t *sums;                      /* [2][CHUNK] */
} chunk;

#define TAP_1X2(x_step, i)                                                                                             \
    do {                                                                                                               \
        const int v = w[i];                                                                                            \
        a += x0[x_step] * v;                                                                                           \
        b += x1[x_step] * v;                                                                                           \
    } while (0)

#define ROW_1X2(i)                                                                                                     \
    do {                                                                                                               \
        TAP_1X2(0, i);                                                                                                 \
        TAP_1X2(step, (i) + 1);                                                                                        \
        TAP_1X2(2 * step, (i) + 2);                                                                                    \
    } while (0)

/* Sums of the taps of all channels for two pixels: the window that nearly all networks have, without loops. */
static void dot_3x3(const chunk *c) {
    const int8_t *w = c->weights, *x0 = c->patches.source[0], *x1 = c->patches.source[1];
    const uint32_t step = c->patches.column_step, row_step = c->patches.row_step;
    int32_t *sums = c->sums;
    uint16_t used = c->offset;
    for (uint16_t left = c->count; left != 0; --left, ++sums, w += 9) {
        int32_t a = 0, b = 0;
        ROW_1X2(0);
        x0 += row_step;
        x1 += row_step;
        ROW_1X2(3);
        x0 += row_step;
        x1 += row_step;
        ROW_1X2(6);
        x0 -= 2 * row_step;
        x1 -= 2 * row_step;
        sums[0] = a;
        sums[CHUNK] = b;
        if (++used == c->multiplier) {
            used = 0;
            ++x0;
            ++x1;
        }
    }
}

/* The same for any window. */
static void dot(const chunk *c) {
    const fml_window *window = &c->patches.work->op->window;
    const int8_t *w = c->weights, *x0 = c->patches.source[0], *x1 = c->patches.source[1];
    const uint32_t step = c->patches.column_step, row_step = c->patches.row_step;
    int32_t *sums = c->sums;
    uint16_t used = c->offset;
    for (uint16_t left = c->count; left != 0; --left, ++sums) {
        int32_t a = 0, b = 0;
        uint32_t row = 0;
        for (uint16_t i = window->kernel_height; i != 0; --i, row += row_step) {
            uint32_t at = row;
            for (uint16_t j = window->kernel_width; j != 0; --j, ++w, at += step) {
                a += x0[at] * *w;
                b += x1[at] * *w;
            }
        }
        sums[0] = a;
        sums[CHUNK] = b;
        if (++used == c->multiplier) {
            used = 0;
            ++x0;
            ++x1;
        }
    }
}

static uint16_t channel_multiplier(const fml_op *op) {
    return (uint16_t)(op->output.shape.channels / op->input.shape.channels);
}

static void run_chunk(const fml_work *work, uint16_t begin, uint16_t end) {
    const fml_op *op = work->op;
    const fml_range range = fml_output_range(op);
    const uint16_t block = work->tile.channel_begin;
    const uint32_t total = (uint32_t)(work->tile.channel_end - block), skipped = (uint32_t)(begin - block);
    const bool is_3x3 = op->window.kernel_height == 3 && op->window.kernel_width == 3;
    fml_channel *const channels = (fml_channel *)(void *)work->scratch;
    chunk c;
    c.count = (uint16_t)(end - begin);
    c.multiplier = channel_multiplier(op);
    c.offset = (uint16_t)(begin % c.multiplier);
    c.weights = (const int8_t *)work->params + FML_CHANNEL_CONSTANTS_SIZE * total + skipped * fml_op_taps(op);
    c.sums = (int32_t *)(void *)(channels + CHUNK);
    c.patches.work = work;
    c.patches.first_channel = (uint16_t)(begin / c.multiplier);
    c.patches.channels = (uint16_t)((end - 1) / c.multiplier - c.patches.first_channel + 1);
    c.patches.buffer = (int8_t *)(c.sums + 2 * CHUNK);
    c.patches.in_place = true;
    c.patches.pixels = fml_pixels_of(&work->tile);
    fml_channels_unpack(channels, work->params, total, skipped, skipped + c.count);
    while (fml_patches_next(&c.patches)) {
        if (is_3x3) {
            dot_3x3(&c);
        } else {
            dot(&c);
        }
        fml_requantize_pair(c.patches.target[0] + begin, c.patches.target[1] + begin, c.sums, CHUNK, channels, c.count,
                            &range);
    }
}

void fml_kernel_depthwise_conv_2d(const fml_work *work) {
    const uint16_t end = work->tile.channel_end;
    uint16_t begin = work->tile.channel_begin;
    while (begin < end) {
        const uint16_t stop = end - begin > CHUNK ? (uint16_t)(begin + CHUNK) : end;
        run_chunk(work, begin, stop);
        begin = stop;
    }
}

uint32_t fml_kernel_depthwise_conv_2d_scratch(const fml_op *op) {
    const uint16_t out = op->output.shape.channels;
    const uint16_t most = op->tile_channels < out ? op->tile_channels : out;
    const uint32_t count = most < CHUNK ? most : CHUNK, multiplier = channel_multiplier(op);
    /* A chunk that begins inside a multiplier's run touches one input channel more. */
    const uint32_t wanted = multiplier == 1 ? count : (count + multiplier - 2) / multiplier + 1;
    const uint32_t inputs = wanted < op->input.shape.channels ? wanted : op->input.shape.channels;
    return CHUNK * (uint32_t)(sizeof(fml_channel) + 2 * sizeof(int32_t)) + fml_patches_size(op, (uint16_t)inputs, true);
}
