/* CONV_2D: 4 output channels x 2 pixels at a time, where there are two. */
#include "../weights.h"
#include "kernels.h"

/* Taps that are multiplied in pairs at a time. Few for single pixels, which only have pairs where code must be small:
 * the scratch memory that is kept for them is the same in all builds, so that a packer can tell it. */
static uint32_t paired_taps(const fml_op *op) {
    const uint32_t taps = fml_op_taps(op);
    const bool alone = (uint32_t)op->tile_rows * op->tile_columns == 1 && !fml_op_pools(op);
    const uint32_t most = alone ? FML_PAIR_TAPS / 8 : FML_PAIR_TAPS;
    return taps < most ? taps : most;
}

/* Some output channels of the group. */
typedef struct block {
    const int8_t *weights; /* [channels / 4][taps][4] */
    uint32_t *pairs;
    uint32_t taps, paired, channels; /* paired: taps for which there is room in pairs */
} block;

/* Sums of both windows from tap `tap` on, for the next `count` taps, whose pairs are there. */
static void multiply_pairs(const block *b, uint32_t tap, uint32_t count, int32_t *sums) {
    int32_t more[FML_DENSE_CHANNELS + 4];
    for (uint32_t c = 0; c < b->channels; c += 4, sums += 4) {
        const uint32_t left = b->channels - c;
        const int8_t *const w = b->weights + c * b->taps + 4 * tap;
        fml_dot_pairs(w, b->pairs, count, left < 4 ? left : 4, tap == 0 ? sums : more);
        for (uint32_t i = 0; tap != 0 && i < 4; ++i) {
            sums[i] += more[i];
            sums[FML_DENSE_CHANNELS + i] += more[FML_DENSE_CHANNELS + i];
        }
    }
}

/* sums[0..] = weights times the first window's bytes, sums[FML_DENSE_CHANNELS..] times the second one's. lines: of
 * patches; pairs: already theirs, unless `fresh` or more than there is room for. */
static void multiply(const block *b, const fml_lines *lines, bool paired, bool fresh, int32_t *sums) {
    if (FML_FAST && !paired) {
        for (uint32_t c = 0; c < b->channels; c += 4) {
            fml_dot_4x1(b->weights + c * b->taps, lines, sums + c);
        }
        return;
    }
    fml_lines left = *lines;
    uint32_t count = b->paired;
    for (uint32_t tap = 0; tap < b->taps; tap += count) {
        count = b->taps - tap < count ? b->taps - tap : count;
        if (fresh || count != b->taps) {
            fml_pair(&left, b->pairs, count);
        }
        multiply_pairs(b, tap, count, sums);
    }
}

/* The same as group_of_channels, if the tile is one for squares. */
static bool run_squares(fml_patches *patches, const block *b, const uint8_t *weights, const fml_channel *channels,
                        uint32_t first, uint32_t count) {
    const fml_op *op = patches->work->op;
    const fml_pixels *const pixels = &patches->pixels;
    const uint32_t words = b->paired + fml_patches_size(op, patches->channels, patches->in_place) / 4;
    if (!fml_in_pieces(op, false) || pixels->row_end - pixels->at.row < 2 ||
        pixels->column_end - pixels->at.column < 2) {
        return false;
    }
    const fml_index rows = fml_squares_rows(op, (fml_index)count, words);
    if (rows != 0) {
        fml_squares_run(patches, (const int8_t *)weights, channels, (fml_index)first, (fml_index)count, b->pairs, rows);
    }
    return rows != 0;
}

/* `count` output channels of the group, from channel `first`, for all pixels of the tile. Pixels outside, channels
 * inside: each pair is gathered once, and its bytes and the sums stay near while the weights stream by. */
static void group_of_channels(const fml_work *work, const uint8_t *group, uint32_t first, uint32_t count,
                              uint32_t index) {
    const fml_op *op = work->op;
    const uint32_t stored = fml_round_up_4(count);
    const uint8_t *const weights = group + FML_CHANNEL_CONSTANTS_SIZE * stored;
    fml_channel *const channels = (fml_channel *)(void *)work->scratch;
    const uint32_t inputs = fml_op_group_share(op, op->window.channels);
    fml_patches patches;
    fml_patches_begin(&patches, work, (fml_index)(op->window.first_channel + index * inputs), (fml_index)inputs);
    patches.in_place = fml_in_pieces(op, false);
    fml_channels_unpack(channels, group, stored, 0, stored);
    if (fml_op_encoded(op)) {
        patches.buffer = (int8_t *)(channels + stored);
        fml_encoded_run(&patches, weights, channels, first, count);
        return;
    }
    block b;
    b.taps = fml_op_taps(op);
    b.pairs = (uint32_t *)(void *)(channels + stored);
    b.paired = paired_taps(op);
    patches.buffer = (int8_t *)(b.pairs + b.paired);
    if (FML_FAST && run_squares(&patches, &b, weights, channels, first, count)) {
        return;
    }
    while (fml_patches_next(&patches)) {
        const fml_lines lines = fml_lines_of(&patches);
        for (uint32_t begin = 0; begin < count; begin += FML_DENSE_CHANNELS) {
            const uint32_t left = count - begin;
            int32_t sums[2 * FML_DENSE_CHANNELS];
            b.channels = left < FML_DENSE_CHANNELS ? left : FML_DENSE_CHANNELS;
            b.weights = (const int8_t *)weights + begin * b.taps;
            multiply(&b, &lines, patches.paired, begin == 0, sums);
            fml_finish_pair(&patches, first + begin, sums, FML_DENSE_CHANNELS, channels + begin, b.channels);
        }
    }
}

/* The group of an output channel. */
static uint32_t group_of(const fml_op *op, uint32_t channel) {
    return FML_FAST && op->window.groups <= 1 ? 0 : channel * op->window.groups / op->space.channels;
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
        group_of_channels(work, group, first, each, group_of(op, first));
    }
}

uint32_t fml_kernel_conv_2d_scratch(const fml_op *op) {
    const uint32_t inputs = fml_op_group_share(op, op->window.channels);
    const uint32_t channels = fml_round_up_4(fml_op_group_channels(op)) * (uint32_t)sizeof(fml_channel);
    if (fml_op_encoded(op)) {
        return channels + fml_encoded_scratch(op);
    }
    return channels + 4 * paired_taps(op) + fml_patches_size(op, inputs, fml_in_pieces(op, false));
}
