/* DEPTHWISE_CONV_2D: two pixels at a time share the weights; channels in chunks, so that gathered patches stay small.
 */
#include "kernels.h"

#define CHUNK 32 /* output channels */

/* Some output channels of a block, for the pixels of a tile. */
typedef struct chunk {
    fml_patches patches;
    fml_index count, multiplier, offset; /* channels; output channels per input channel; first channel % multiplier */
    const int8_t *weights;               /* [count][taps] */
    int32_t *sums;                       /* [2][CHUNK] */
} chunk;

#define TAP_1X2(i, at)                                                                                                 \
    do {                                                                                                               \
        const int v = w[i];                                                                                            \
        a += x0[at] * v;                                                                                               \
        b += x1[at] * v;                                                                                               \
    } while (0)

#define ROW_1X2(i)                                                                                                     \
    do {                                                                                                               \
        TAP_1X2(i, 0);                                                                                                 \
        TAP_1X2((i) + 1, column);                                                                                      \
        TAP_1X2((i) + 2, 2 * column);                                                                                  \
    } while (0)

/* Sums of the taps of all channels for two pixels; without loops for the window that nearly all networks have. */
static FML_APART void dot(const chunk *c) {
    const fml_window *window = &c->patches.work->op->window;
    const fml_index column = c->patches.steps.column, row = c->patches.steps.row;
    const bool is_3x3 = (FML_FAST || UINTPTR_MAX <= 0xffff) && window->kernel_height == 3 && window->kernel_width == 3;
    const int8_t *w = c->weights, *x0 = c->patches.source[0], *x1 = c->patches.source[1];
    int32_t *sums = c->sums;
    fml_index used = c->offset;
    for (fml_index left = c->count; left != 0; --left, ++sums) {
        int32_t a = 0, b = 0;
        if (is_3x3) {
            ROW_1X2(0);
            x0 += row;
            x1 += row;
            ROW_1X2(3);
            x0 += row;
            x1 += row;
            ROW_1X2(6);
            x0 -= 2 * row;
            x1 -= 2 * row;
            w += 9;
        } else {
            fml_index line = 0;
            for (fml_index i = window->kernel_height; i != 0; --i, line += row) {
                fml_index at = line;
                for (fml_index j = window->kernel_width; j != 0; --j, ++w, at += column) {
                    TAP_1X2(0, at);
                }
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

static fml_index channel_multiplier(const fml_op *op) {
    return (fml_index)op->output.shape.channels / op->input.shape.channels;
}

static void run_chunk(const fml_work *work, fml_index begin, fml_index end) {
    const fml_op *op = work->op;
    const fml_index block = work->tile.channel_begin, total = work->tile.channel_end - block, skipped = begin - block;
    fml_channel *const channels = (fml_channel *)(void *)work->scratch;
    chunk c;
    c.count = end - begin;
    c.multiplier = channel_multiplier(op);
    c.offset = begin % c.multiplier;
    c.weights =
        (const int8_t *)work->params + FML_CHANNEL_CONSTANTS_SIZE * total + skipped * (fml_index)fml_op_taps(op);
    c.sums = (int32_t *)(void *)(channels + CHUNK);
    const fml_index first = begin / c.multiplier;
    fml_patches_begin(&c.patches, work, first, (end - 1) / c.multiplier - first + 1);
    c.patches.buffer = (int8_t *)(c.sums + 2 * CHUNK);
    c.patches.in_place = true;
    fml_channels_unpack(channels, work->params, total, skipped, end - block);
    while (fml_patches_next(&c.patches)) {
        dot(&c);
        fml_finish_pair(&c.patches, begin, c.sums, CHUNK, channels, c.count);
    }
}

void fml_kernel_depthwise_conv_2d(const fml_work *work) {
    const fml_index end = work->tile.channel_end;
    fml_index begin = work->tile.channel_begin;
    while (begin < end) {
        const fml_index stop = end - begin > CHUNK ? begin + CHUNK : end;
        run_chunk(work, begin, stop);
        begin = stop;
    }
}

uint32_t fml_kernel_depthwise_conv_2d_scratch(const fml_op *op) {
    const fml_index in = op->input.shape.channels;
    const fml_index most = (fml_index)fml_op_group_channels(op), count = most < CHUNK ? most : CHUNK;
    const fml_index multiplier = channel_multiplier(op);
    /* A chunk that begins inside a multiplier's run touches one input channel more. */
    const fml_index wanted = multiplier == 1 ? count : (count + multiplier - 2) / multiplier + 1;
    return CHUNK * (uint32_t)(sizeof(fml_channel) + 2 * sizeof(int32_t)) +
           fml_patches_size(op, wanted < in ? wanted : in, true);
}
