/* CONV_2D with the inner loops of dot.S: two pixels' values go into one operand of the multiplier, once for all output
 * channels. */
#include "dot.h"
#include "kernels/kernels.h"
#include "weights.h"

/* Whether a window inside the input is one piece of memory: then it needs no gathering. */
static bool windows_are_pieces(const fml_op *op) {
    const fml_window *window = &op->window;
    const uint16_t tap = window->channels / window->groups, line = (uint16_t)(tap * window->kernel_width);
    const fml_steps steps = fml_window_steps(op);
    return (window->kernel_width == 1 || (uint16_t)steps.column == tap) &&
           (window->kernel_height == 1 || (uint16_t)steps.row == line);
}

/* Words of memory for pairs of values; 0: not multiplied in pairs. */
static uint16_t pair_taps(const fml_op *op) {
    const uint32_t taps = fml_op_taps(op);
    const bool has_pairs = op->tile_rows > 1 || op->tile_columns > 1 || fml_op_pools(op);
    return has_pairs && !fml_op_encoded(op) && taps <= DOT_PAIR_TAPS ? (uint16_t)taps : 0;
}

/* What all pixels of a group of output channels have in common. */
typedef struct group {
    const int8_t *weights;
    uint16_t taps, channels, first; /* output channels, the first one's number */
    uint32_t *pairs;                /* NULL: single pixels only */
    const fml_channel *constants;
} group;

static void dense(const group *g, const fml_patches *patches) {
    const bool in_pairs = patches->paired && g->pairs != NULL;
    const int8_t *w = g->weights;
    int32_t sums[8];
    if (in_pairs) {
        dot_pack(g->pairs, patches->source[0], patches->source[1], g->taps);
    }
    for (uint16_t c = 0; c < g->channels; c += 4, w += 4 * g->taps) {
        const uint16_t wanted = g->channels - c < 4 ? g->channels - c : 4;
        if (in_pairs) {
            dot_pairs(w, g->pairs, g->taps, wanted, sums);
        } else {
            dot_single(w, patches->source[0], g->taps, wanted, sums);
            if (patches->paired) {
                dot_single(w, patches->source[1], g->taps, wanted, sums + 4);
            }
        }
        fml_finish_pair(patches, g->first + c, sums, 4, g->constants + c, wanted);
    }
}

/* Scratch: [constants of the channels][pairs, gathered bytes]. Packing goes from the first tap to the last and reads
 * bytes that stand 3 * taps further on than they are written, so it writes to none that it has still to read. */
static void run_group(const fml_work *work, const uint8_t *stored, uint16_t first, uint16_t count, uint16_t index) {
    const fml_op *op = work->op;
    const uint16_t rounded = (uint16_t)fml_round_up_4(count), inputs = op->window.channels / op->window.groups;
    fml_channel *const channels = (fml_channel *)(void *)work->scratch;
    uint8_t *const buffer = (uint8_t *)(channels + rounded);
    const uint16_t pairs = pair_taps(op);
    const group g = {.weights = (const int8_t *)stored + FML_CHANNEL_CONSTANTS_SIZE * rounded,
                     .taps = (uint16_t)fml_op_taps(op),
                     .channels = count,
                     .first = first,
                     .pairs = pairs != 0 ? (uint32_t *)(void *)buffer : NULL,
                     .constants = channels};
    fml_patches patches;
    fml_patches_begin(&patches, work, op->window.first_channel + index * inputs, inputs);
    patches.buffer = (int8_t *)buffer + 3 * pairs;
    patches.in_place = windows_are_pieces(op);
    fml_channels_unpack(channels, stored, rounded, 0, rounded);
    if (fml_op_encoded(op)) {
        fml_encoded_run(&patches, (const uint8_t *)g.weights, channels, first, count);
        return;
    }
    while (fml_patches_next(&patches)) {
        dense(&g, &patches);
    }
}

void fml_kernel_conv_2d(const fml_work *work) {
    const fml_op *op = work->op;
    const uint16_t begin = work->tile.channel_begin, end = work->tile.channel_end, count = end - begin;
    const uint16_t whole = (uint16_t)fml_op_group_channels(op), each = whole < count ? whole : count;
    const uint16_t size = (uint16_t)fml_op_group_size(op, each);
    const uint8_t *stored = work->params;
    uint16_t index = op->window.groups > 1 ? begin / whole : 0;
    if (fml_op_pools(op)) {
        fml_fill_tile(work, op->activation_min);
    }
    for (uint16_t first = begin; first < end; first += each, stored += size, ++index) {
        run_group(work, stored, first, each, index);
    }
}

uint32_t fml_kernel_conv_2d_scratch(const fml_op *op) {
    const uint16_t inputs = op->window.channels / op->window.groups;
    const uint32_t channels = fml_round_up_4(fml_op_group_channels(op)) * (uint32_t)sizeof(fml_channel);
    const bool pieces = windows_are_pieces(op);
    if (fml_op_encoded(op)) {
        const bool alone = op->space.height == 1 && op->space.width == 1 && !fml_op_pools(op);
        const bool in_place = pieces && (alone || !fml_weights_interleaved(op->encoding));
        return channels + FML_ENCODED_PIXELS / 2 * fml_patches_size(op, inputs, in_place);
    }
    const uint32_t pairs = pair_taps(op), gathered = fml_patches_size(op, inputs, pieces);
    return channels + (gathered != 0 ? 3 : 4) * pairs + gathered;
}
