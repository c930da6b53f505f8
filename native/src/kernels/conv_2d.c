/* CONV_2D: 4 output channels x 2 pixels at a time. 6 loads feed 8 multiply-adds, and 8 accumulators are what a core
 * with 13 usable registers can hold beside its pointers. */
#include "../weights.h"
#include "kernels.h"

/* Whether a window inside the input is one piece of memory: then it needs no gathering. Longer pieces than a kernel row
 * are not worth a loop over pieces: gathering costs about one instruction per byte, once for all output channels. */
static bool windows_are_pieces(const fml_op *op) {
    const fml_window *window = &op->window;
    const uint32_t tap = (uint32_t)window->channels / window->groups;
    const uint32_t line = tap * window->kernel_width;
    const fml_steps steps = fml_window_steps(op);
    return (window->kernel_width == 1 || steps.column == tap) && (window->kernel_height == 1 || steps.row == line);
}

/* `count` output channels of the group, from channel `first`, for all pixels of the tile. Pixels outside, channels
 * inside: each pair is gathered once, and its bytes and the sums stay near while the weights stream by. */
static void group_of_channels(const fml_work *work, const uint8_t *group, uint32_t first, uint32_t count,
                              uint32_t index) {
    const fml_op *op = work->op;
    const uint32_t taps = fml_op_taps(op), stored = fml_round_up_4(count);
    const uint8_t *const weights = group + FML_CHANNEL_CONSTANTS_SIZE * stored;
    fml_channel *const channels = (fml_channel *)(void *)work->scratch;
    const uint32_t inputs = (uint32_t)op->window.channels / op->window.groups;
    fml_patches patches;
    fml_patches_begin(&patches, work, (fml_index)(op->window.first_channel + index * inputs), (fml_index)inputs);
    patches.buffer = (int8_t *)(channels + stored);
    patches.in_place = windows_are_pieces(op);
    fml_channels_unpack(channels, group, stored, 0, stored);
    if (fml_op_encoded(op)) {
        fml_encoded_run(&patches, weights, channels, first, count);
        return;
    }
    while (fml_patches_next(&patches)) {
        const int8_t *w = (const int8_t *)weights;
        for (uint32_t c = 0; c < count; c += 4, w += 4 * taps) {
            int32_t sums[8];
            if (patches.paired) {
                fml_dot_4x2(w, patches.source[0], patches.source[1] - patches.source[0], taps, sums);
            } else {
                fml_dot_4x1(w, patches.source[0], taps, sums);
            }
            fml_finish_pair(&patches, first + c, sums, 4, channels + c, count - c < 4 ? count - c : 4);
        }
    }
}

void fml_kernel_conv_2d(const fml_work *work) {
    const fml_op *op = work->op;
    const uint32_t begin = work->tile.channel_begin, end = work->tile.channel_end;
    const uint32_t stored = fml_op_group_channels(op), each = stored < end - begin ? stored : end - begin;
    const uint8_t *group = work->params;
    if (fml_op_pools(op)) {
        fml_fill_tile(work, op->activation_min);
    }
    for (uint32_t first = begin; first < end; first += each, group += fml_op_group_size(op, each)) {
        group_of_channels(work, group, first, each, first * op->window.groups / op->space.channels);
    }
}

uint32_t fml_kernel_conv_2d_scratch(const fml_op *op) {
    const uint32_t inputs = (uint32_t)op->window.channels / op->window.groups;
    const uint32_t channels = fml_round_up_4(fml_op_group_channels(op)) * (uint32_t)sizeof(fml_channel);
    const bool pieces = windows_are_pieces(op);
    if (fml_op_encoded(op)) {
        return channels + fml_encoded_scratch(op, pieces);
    }
    return channels + fml_patches_size(op, inputs, pieces);
}
