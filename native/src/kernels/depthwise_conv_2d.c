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

#define TAP_1X2(i, column0, column1)                                                                                   \
    do {                                                                                                               \
        const int v = w[i];                                                                                            \
        a += x0[column0] * v;                                                                                          \
        b += x1[column1] * v;                                                                                          \
    } while (0)

#define ROW_1X2(i)                                                                                                     \
    do {                                                                                                               \
        TAP_1X2(i, 0, 0);                                                                                              \
        TAP_1X2((i) + 1, step0.column, step1.column);                                                                  \
        TAP_1X2((i) + 2, 2 * step0.column, 2 * step1.column);                                                          \
    } while (0)

/* Sums of the taps of all channels for two pixels: the window that nearly all networks have, without loops. */
static void dot_3x3(const chunk *c) {
    const fml_steps step0 = c->patches.patch[0].steps, step1 = c->patches.patch[1].steps;
    const int8_t *w = c->weights, *x0 = c->patches.patch[0].source, *x1 = c->patches.patch[1].source;
    int32_t *sums = c->sums;
    uint16_t used = c->offset;
    for (uint16_t left = c->count; left != 0; --left, ++sums, w += 9) {
        int32_t a = 0, b = 0;
        ROW_1X2(0);
        x0 += step0.row;
        x1 += step1.row;
        ROW_1X2(3);
        x0 += step0.row;
        x1 += step1.row;
        ROW_1X2(6);
        x0 -= 2 * step0.row;
        x1 -= 2 * step1.row;
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
    const fml_steps step0 = c->patches.patch[0].steps, step1 = c->patches.patch[1].steps;
    const int8_t *w = c->weights, *x0 = c->patches.patch[0].source, *x1 = c->patches.patch[1].source;
    int32_t *sums = c->sums;
    uint16_t used = c->offset;
    for (uint16_t left = c->count; left != 0; --left, ++sums) {
        int32_t a = 0, b = 0;
        uint32_t row0 = 0, row1 = 0;
        for (uint16_t i = window->kernel_height; i != 0; --i, row0 += step0.row, row1 += step1.row) {
            uint32_t at0 = row0, at1 = row1;
            for (uint16_t j = window->kernel_width; j != 0; --j, ++w, at0 += step0.column, at1 += step1.column) {
                a += x0[at0] * *w;
                b += x1[at1] * *w;
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
    const uint16_t first = (uint16_t)(begin / c.multiplier), last = (uint16_t)((end - 1) / c.multiplier);
    fml_patches_begin(&c.patches, work, first, (uint16_t)(last - first + 1));
    c.patches.buffer = (int8_t *)(c.sums + 2 * CHUNK);
    c.patches.in_place = true;
    fml_channels_unpack(channels, work->params, total, skipped, skipped + c.count);
    while (fml_patches_next(&c.patches)) {
        if (is_3x3) {
            dot_3x3(&c);
        } else {
            dot(&c);
        }
        fml_requantize_pair(c.patches.patch[0].target + begin, c.patches.patch[1].target + begin, c.sums, CHUNK,
                            channels, c.count, &range);
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
