/* DEPTHWISE_CONV_2D: two pixels at a time share the weights; channels in chunks, so that gathered patches stay small.
 */
#include "kernels.h"

#define CHUNK 32 /* output channels */

typedef struct pair {
    uint32_t a, b;
} pair;

/* Sums of the taps of one channel for two pixels. */
static pair dot(const fml_patches *patches, uint16_t channel, const int8_t *w, uint32_t bias) {
    const fml_window *window = &patches->work->op->window;
    const uint32_t step = patches->column_step;
    const int8_t *x0 = patches->source[0] + channel, *x1 = patches->source[1] + channel;
    pair sums = {bias, bias};
    for (uint16_t row = window->kernel_height; row != 0; --row) {
        uint32_t at = 0;
        for (uint16_t column = window->kernel_width; column != 0; --column, ++w, at += step) {
            sums.a += (uint32_t)(x0[at] * *w);
            sums.b += (uint32_t)(x1[at] * *w);
        }
        x0 += patches->row_step;
        x1 += patches->row_step;
    }
    return sums;
}

#define TAP_1X2(x_step, i)                                                                                             \
    do {                                                                                                               \
        const int v = w[i];                                                                                            \
        sums.a += (uint32_t)(x0[x_step] * v);                                                                          \
        sums.b += (uint32_t)(x1[x_step] * v);                                                                          \
    } while (0)

#define ROW_1X2(i)                                                                                                     \
    do {                                                                                                               \
        TAP_1X2(0, i);                                                                                                 \
        TAP_1X2(step, (i) + 1);                                                                                        \
        TAP_1X2(2 * step, (i) + 2);                                                                                    \
    } while (0)

/* The same for the window that nearly all networks have, without loops. */
static pair dot_3x3(const fml_patches *patches, uint16_t channel, const int8_t *w, uint32_t bias) {
    const uint32_t step = patches->column_step, row_step = patches->row_step;
    const int8_t *x0 = patches->source[0] + channel, *x1 = patches->source[1] + channel;
    pair sums = {bias, bias};
    ROW_1X2(0);
    x0 += row_step;
    x1 += row_step;
    ROW_1X2(3);
    x0 += row_step;
    x1 += row_step;
    ROW_1X2(6);
    return sums;
}

static uint16_t channel_multiplier(const fml_op *op) {
    return (uint16_t)(op->output.shape.channels / op->input.shape.channels);
}

/* Output channels begin..end, for all pixels of the tile. */
static void chunk_of_channels(const fml_work *work, uint16_t begin, uint16_t end) {
    const fml_op *op = work->op;
    const fml_range range = fml_output_range(op);
    const uint32_t taps = fml_op_taps(op);
    const uint16_t block = work->tile.channel_begin;
    const uint32_t total = (uint32_t)(work->tile.channel_end - block);
    const int8_t *const weights =
        (const int8_t *)work->params + FML_CHANNEL_CONSTANTS_SIZE * total + (uint32_t)(begin - block) * taps;
    const uint16_t multiplier = channel_multiplier(op);
    const bool is_3x3 = op->window.kernel_height == 3 && op->window.kernel_width == 3;
    fml_channel *const channels = (fml_channel *)(void *)work->scratch;
    fml_patches patches;
    patches.work = work;
    patches.first_channel = (uint16_t)(begin / multiplier);
    patches.channels = (uint16_t)((end - 1) / multiplier - patches.first_channel + 1);
    patches.buffer = (int8_t *)(channels + CHUNK);
    patches.in_place = true;
    patches.pixels = fml_pixels_of(&work->tile);
    fml_channels_unpack(channels, work->params, total, (uint32_t)(begin - block), (uint32_t)(end - block));
    while (fml_patches_next(&patches)) {
        const int8_t *w = weights;
        const fml_channel *channel = channels;
        uint16_t input = 0, used = (uint16_t)(begin % multiplier);
        for (uint16_t c = begin; c < end; ++c, w += taps, ++channel) {
            const pair sums =
                is_3x3 ? dot_3x3(&patches, input, w, channel->bias) : dot(&patches, input, w, channel->bias);
            patches.target[0][c] = fml_requantize(sums.a, channel->multiplier, channel->shift, &range);
            patches.target[1][c] = fml_requantize(sums.b, channel->multiplier, channel->shift, &range);
            if (++used == multiplier) {
                used = 0;
                ++input;
            }
        }
    }
}

void fml_kernel_depthwise_conv_2d(const fml_work *work) {
    const uint16_t end = work->tile.channel_end;
    uint16_t begin = work->tile.channel_begin;
    while (begin < end) {
        const uint16_t stop = end - begin > CHUNK ? (uint16_t)(begin + CHUNK) : end;
        chunk_of_channels(work, begin, stop);
        begin = stop;
    }
}

uint32_t fml_kernel_depthwise_conv_2d_scratch(const fml_op *op) {
    const uint16_t out = op->output.shape.channels;
    const uint16_t most = op->tile_channels < out ? op->tile_channels : out;
    const uint32_t chunk = most < CHUNK ? most : CHUNK, multiplier = channel_multiplier(op);
    /* A chunk that begins inside a multiplier's run touches one input channel more. */
    const uint32_t wanted = multiplier == 1 ? chunk : (chunk + multiplier - 2) / multiplier + 1;
    const uint32_t inputs = wanted < op->input.shape.channels ? wanted : op->input.shape.channels;
    return CHUNK * (uint32_t)sizeof(fml_channel) + fml_patches_size(op, (uint16_t)inputs, true);
}
