/* CONV_2D with the inner loops of dot.S: two pixels' values go into one operand of the multiplier, once for all output
 * channels. */
#include "dot.h"
#include "encoded.h"
#include "gather.h"

static bool passes_sums(const fml_op *op) {
    return has_sums && (op->flags & (FML_OP_FLAG_SUMS_OUT | FML_OP_FLAG_SUMS_IN)) != 0;
}

/* Words of memory for pairs of values; 0: not multiplied in pairs. */
static uint16_t pair_taps(const fml_op *op, uint16_t taps) {
    const bool has_pairs = op->tile_rows > 1 || op->tile_columns > 1 || fml_op_pools(op);
    return has_pairs && !fml_op_encoded(op) && !passes_sums(op) && taps <= DOT_PAIR_TAPS ? taps : 0;
}

/* Some output channels of a tile, those of a group or all. */
typedef struct group {
    dot_work dot;
    const window_of *window;
    dot_rows rows; /* the values of pairs in the input, where rows_are_pieces */
    bool in_pairs, in_place;
    uint32_t zeros; /* a pair of zero points */
    uint16_t first; /* output channel */
} group;

/* Packs two windows of a row whose columns lie in the input. Rows may lie above or below it. */
static FML_APART void pack_rows(const group *g, const window_at *a, const window_at *b) {
    const fml_window *window = &g->window->work->op->window;
    const uint16_t height = g->window->work->op->input.shape.height, dilation = window->dilation_height;
    dot_rows rows = g->rows;
    uint32_t *to = rows.pairs, *const end = to + g->dot.taps;
    uint16_t row = (uint16_t)a->top, skipped = 0; /* above the input: more than any height */
    for (; row >= height; row += dilation, skipped += rows.step) {
        for (uint16_t i = rows.bytes; i != 0; i--) {
            *to++ = g->zeros;
        }
    }
    rows.pairs = to;
    rows.from[0] = a->from + skipped;
    rows.from[1] = b->from + skipped;
    for (rows.rows = 0; to != end && row < height; row += dilation, to += rows.bytes) {
        rows.rows++;
    }
    dot_pack(&rows);
    while (to != end) {
        *to++ = g->zeros;
    }
}

/* Gathers values into the second half of the pairs, from where packing takes them. */
static FML_APART void pack_gathered(const group *g, const window_at *a, const window_at *b) {
    int8_t *const values = (int8_t *)g->rows.pairs + 2 * g->dot.taps;
    gather_window(g->window, a->top, a->left, values, 2);
    gather_window(g->window, b->top, b->left, values + 1, 2);
    dot_pack_turns(g->rows.pairs, values, g->dot.taps);
}

static void pair(group *g, const window_at *a, const window_at *b) {
    if (g->in_place && a->inside && b->inside) {
        g->rows.from[0] = a->from;
        g->rows.from[1] = b->from;
        dot_pack(&g->rows);
    } else if (g->in_place && a->beside && b->beside && a->top == b->top) {
        pack_rows(g, a, b);
    } else {
        pack_gathered(g, a, b);
    }
    g->dot.to[0] = a->to + g->first;
    g->dot.to[1] = b->to + g->first;
    dot_pairs(&g->dot);
}

/* One pixel of an operator that passes sums on, or takes some. */
static FML_APART void sums(group *g, int8_t *to) {
    int32_t of_four[4];
    const int8_t *weights = g->dot.weights;
    for (uint16_t c = 0; c < g->dot.channels; c += 4, weights += 4 * g->dot.taps) {
        const uint16_t count = g->dot.channels - c < 4 ? g->dot.channels - c : 4;
        g->dot.channel = weights;
        for (uint16_t i = 0; i < count; i++) {
            of_four[i] = dot_sum(&g->dot);
        }
        finish(g->window->work, to + c, of_four, g->dot.constants + c, count);
    }
}

static void single(group *g, const window_at *at) {
    g->dot.values = window_values(g->window, at);
    g->dot.to[0] = at->to + g->first;
    if (passes_sums(g->window->work->op)) {
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
            g->dot.values = g->rows.pairs;
            pair(g, &first, &s->at);
            scan_next(s);
        } else {
            single(g, &first);
        }
    }
}

static void begin_dense(group *g, const fml_op *op) {
    const uint16_t taps = g->window->channels * op->window.kernel_width * op->window.kernel_height;
    g->dot.range = requantize_range_of(op);
    g->dot.range.pools = fml_op_pools(op);
    g->dot.taps = taps;
    g->in_pairs = pair_taps(op, taps) != 0;
    g->in_place = rows_are_pieces(op);
    g->rows.pairs = (uint32_t *)(void *)g->window->buffer;
    g->rows.bytes = g->window->channels * op->window.kernel_width;
    g->rows.rows = op->window.kernel_height;
    g->rows.step = (uint16_t)fml_window_steps(op).row;
    g->zeros = (uint32_t)op->input.zero_point + ((uint32_t)op->input.zero_point << 23);
    dot_prepare(&g->dot);
}

static FML_APART void run_dense(const window_of *window, const uint8_t *weights, const requantize_channel *channels,
                                uint16_t first, uint16_t count) {
    group g;
    scan s;
    g.window = window;
    g.first = first;
    g.dot.weights = (const int8_t *)weights;
    g.dot.channels = count;
    g.dot.constants = channels;
    begin_dense(&g, window->work->op);
    scan_begin(&s, window->work, window->first_channel);
    dense(&g, &s);
}

/* Scratch: [constants of the channels][pairs, or gathered bytes]. */
static void run_group(window_of *window, const uint8_t *stored, uint16_t first, uint16_t count) {
    const fml_work *work = window->work;
    const uint16_t rounded = (uint16_t)fml_round_up_4(count);
    requantize_channel *const channels = (requantize_channel *)(void *)work->scratch;
    const uint8_t *weights = stored + FML_CHANNEL_CONSTANTS_SIZE * rounded;
    window->buffer = (int8_t *)(channels + rounded);
    fml_channels_unpack((fml_channel *)(void *)channels, stored, rounded, 0, rounded);
    if (fml_op_encoded(work->op)) {
        const encoded_group g = {window, weights, channels, first, count};
        encoded_pixels(&g);
    } else {
        run_dense(window, weights, channels, first, count);
    }
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
        run_group(&window, stored, first, each);
    }
}

uint32_t fml_kernel_conv_2d_scratch(const fml_op *op) {
    const uint32_t taps = fml_op_taps(op);
    const uint32_t channels = fml_round_up_4(fml_op_group_channels(op)) * (uint32_t)sizeof(fml_channel);
    const uint16_t pairs = taps <= DOT_PAIR_TAPS ? pair_taps(op, (uint16_t)taps) : 0;
    if (pairs != 0) {
        return channels + 4 * pairs;
    }
    return channels + (windows_are_gathered(op) ? taps : 0);
}
