/* CONV_2D with the inner loops of dot.S: two pixels' values go into one operand of the multiplier, once for all output
 * channels. */
#include "dot.h"
#include "encoded.h"
#include "gather.h"

static bool passes_sums(const fml_op *op) {
    return (op->flags & (FML_OP_FLAG_SUMS_OUT | FML_OP_FLAG_SUMS_IN)) != 0;
}

/* Words of memory for pairs of values; 0: not multiplied in pairs. */
static uint16_t pair_taps(const fml_op *op, uint16_t taps) {
    const bool has_pairs = op->tile_rows > 1 || op->tile_columns > 1 || fml_op_pools(op);
    return has_pairs && !fml_op_encoded(op) && !passes_sums(op) && taps <= DOT_PAIR_TAPS ? taps : 0;
}

/* Some output channels of a tile, those of a group or all. */
typedef struct group {
    dot_work dot;
    window_of window;
    dot_rows inside, gathered; /* the values of pairs in the input, where rows_are_pieces, and in the buffer */
    bool in_pairs, in_place;
    uint16_t first; /* output channel */
} group;

static void pair(group *g, const window_at *a, const window_at *b) {
    dot_rows *rows = &g->inside;
    if (g->in_place && a->inside && b->inside) {
        rows->from[0] = a->from;
        rows->from[1] = b->from;
    } else {
        rows = &g->gathered;
        gather_window(&g->window, a->top, a->left, (int8_t *)rows->from[0]);
        gather_window(&g->window, b->top, b->left, (int8_t *)rows->from[1]);
    }
    dot_pack(rows);
    g->dot.to[0] = a->to + g->first;
    g->dot.to[1] = b->to + g->first;
    dot_pairs(&g->dot);
}

/* One pixel of an operator that passes sums on, or takes some. */
static void sums(group *g, int8_t *to) {
    int32_t of_four[4];
    const int8_t *weights = g->dot.weights;
    fml_patches patches;
    patches.work = g->window.work;
    patches.pools = false;
    for (uint16_t c = 0; c < g->dot.channels; c += 4, weights += 4 * g->dot.taps) {
        const uint16_t count = g->dot.channels - c < 4 ? g->dot.channels - c : 4;
        g->dot.channel = weights;
        for (uint16_t i = 0; i < count; i++) {
            of_four[i] = dot_sum(&g->dot);
        }
        fml_finish(&patches, to + c, of_four, (const fml_channel *)(const void *)g->dot.constants + c, count);
    }
}

static void single(group *g, const window_at *at) {
    g->dot.values = window_values(&g->window, at);
    g->dot.to[0] = at->to + g->first;
    if (passes_sums(g->window.work->op)) {
        sums(g, g->dot.to[0]);
    } else {
        dot_single(&g->dot);
    }
}

static void dense(group *g, scan *s) {
    while (s->rows != 0) {
        const window_at first = s->at;
        scan_next(s);
        if (g->in_pairs && s->rows != 0) {
            g->dot.values = g->inside.pairs;
            pair(g, &first, &s->at);
            scan_next(s);
        } else {
            single(g, &first);
        }
    }
}

/* memory: of pairs, then of gathered bytes. */
static void begin_dense(group *g, const fml_op *op, uint8_t *memory) {
    const uint16_t taps = g->window.channels * op->window.kernel_width * op->window.kernel_height;
    const uint16_t pairs = pair_taps(op, taps);
    uint32_t *const words = (uint32_t *)(void *)memory;
    int8_t *const buffer = (int8_t *)memory + 3 * pairs;
    const dot_rows gathered = {words, {buffer, buffer + taps}, taps, 1, 0};
    g->dot.range = requantize_range_of(op);
    g->dot.range.pools = fml_op_pools(op);
    g->dot.taps = taps;
    g->window.buffer = buffer;
    g->in_pairs = pairs != 0;
    g->in_place = rows_are_pieces(op);
    g->gathered = g->inside = gathered;
    if (!g->window.pieces) {
        g->inside.bytes = g->window.channels * op->window.kernel_width;
        g->inside.rows = op->window.kernel_height;
        g->inside.step = (uint16_t)fml_window_steps(op).row;
    }
    dot_prepare(&g->dot);
}

/* Scratch: [constants of the channels][pairs, gathered bytes]. Packing goes from the first tap to the last and reads
 * bytes that stand 3 * taps further on than they are written, so it writes to none that it has still to read. */
static void run_group(const fml_work *work, const uint8_t *stored, const window_of *window, uint16_t first,
                      uint16_t count) {
    const fml_op *op = work->op;
    const uint16_t rounded = (uint16_t)fml_round_up_4(count);
    fml_channel *const channels = (fml_channel *)(void *)work->scratch;
    uint8_t *const memory = (uint8_t *)(channels + rounded);
    const uint8_t *weights = stored + FML_CHANNEL_CONSTANTS_SIZE * rounded;
    scan s;
    scan_begin(&s, work, window->first_channel);
    fml_channels_unpack(channels, stored, rounded, 0, rounded);
    if (fml_op_encoded(op)) {
        encoded_group e = {*window, weights, channels, first, count};
        e.window.buffer = (int8_t *)memory;
        encoded_pixels(&e, &s);
        return;
    }
    group g;
    g.window = *window;
    g.first = first;
    g.dot.weights = (const int8_t *)weights;
    g.dot.channels = count;
    g.dot.constants = (const requantize_channel *)(const void *)channels;
    begin_dense(&g, op, memory);
    dense(&g, &s);
}

void fml_kernel_conv_2d(const fml_work *work) {
    const fml_op *op = work->op;
    const uint16_t begin = work->tile.channel_begin, end = work->tile.channel_end, count = end - begin;
    const uint16_t whole = (uint16_t)fml_op_group_channels(op), each = whole < count ? whole : count;
    const uint16_t size = (uint16_t)fml_op_group_size(op, each);
    const uint8_t *stored = work->params;
    window_of window = {work, op->window.first_channel, op->window.channels / op->window.groups, windows_are_pieces(op),
                        NULL};
    if (op->window.groups > 1) {
        window.first_channel += begin / whole * window.channels;
    }
    if (fml_op_pools(op)) {
        fml_fill_tile(work, op->activation_min);
    }
    for (uint16_t first = begin; first < end; first += each, stored += size, window.first_channel += window.channels) {
        run_group(work, stored, &window, first, each);
    }
}

uint32_t fml_kernel_conv_2d_scratch(const fml_op *op) {
    const uint32_t taps = fml_op_taps(op);
    const uint32_t channels = fml_round_up_4(fml_op_group_channels(op)) * (uint32_t)sizeof(fml_channel);
    const uint16_t pairs = taps <= DOT_PAIR_TAPS ? pair_taps(op, (uint16_t)taps) : 0;
    if (!windows_are_gathered(op)) {
        return channels + 4 * pairs;
    }
    return channels + (pairs != 0 ? 5 * pairs : taps);
}
