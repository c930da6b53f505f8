/* CONV_2D with the inner loops of dot.S: two pixels' values go into one operand of the multiplier, once for all output
 * channels. */
#include "dot.h"
#include "encoded.h"
#include "gather.h"

/* Words of memory for pairs of values; 0: not multiplied in pairs. */
static uint16_t pair_taps(const fml_op *op, uint16_t taps) {
    const bool has_pairs = op->tile_rows > 1 || op->tile_columns > 1 || fml_op_pools(op);
    const bool is_linked = (encodings_of_pairs >> op->encoding & 1) != 0;
    return is_linked && has_pairs && !passes_sums(op) && taps <= DOT_PAIR_TAPS ? taps : 0;
}

/* Some output channels of a tile, those of a group or all. */
typedef struct group {
    union {
        dot_work dot;
        encoded_group encoded;
    } of;
    const window_of *window;
    dot_rows rows; /* the values of pairs in the input, where rows_are_pieces */
    bool in_pairs, in_place;
    uint16_t taps;
    uint32_t zeros; /* a pair of zero points */
    uint16_t first; /* output channel */
} group;

/* Packs two windows of a row whose columns lie in the input. Rows may lie above or below it. */
static FML_APART void pack_rows(const group *g, const window_at *a, const window_at *b) {
    const fml_window *window = &g->window->work->op->window;
    const uint16_t height = g->window->work->op->input.shape.height, dilation = window->dilation_height;
    dot_rows rows = g->rows;
    uint32_t *to = rows.pairs, *const end = to + g->taps;
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
    int8_t *const values = (int8_t *)g->rows.pairs + 2 * g->taps;
    gather_window(g->window, a->top, a->left, values, 2);
    gather_window(g->window, b->top, b->left, values + 1, 2);
    dot_pack_turns(g->rows.pairs, values, g->taps);
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
    int8_t *const to[2] = {a->to + g->first, b->to + g->first};
    if (fml_op_encoded(g->window->work->op)) {
        encoded_pair(&g->of.encoded, g->rows.pairs, to);
    } else {
        dot_work *const dot = &g->of.dot;
        dot->values = g->rows.pairs;
        dot->to[0] = to[0];
        dot->to[1] = to[1];
        dot_pairs(dot);
    }
}

/* One pixel of an operator that passes sums on, or takes some. */
static FML_APART void sums(const fml_work *work, dot_work *dot, int8_t *to) {
    int32_t of_four[4];
    const int8_t *weights = dot->weights;
    for (uint16_t c = 0; c < dot->channels; c += 4, weights += 4 * dot->taps) {
        const uint16_t count = dot->channels - c < 4 ? dot->channels - c : 4;
        dot->channel = weights;
        for (uint16_t i = 0; i < count; i++) {
            of_four[i] = dot_sum(dot);
        }
        finish(work, to + c, of_four, dot->constants + c, count);
    }
}

static void single(group *g, const window_at *at) {
    const fml_work *work = g->window->work;
    const int8_t *const values = window_values(g->window, at);
    int8_t *const to = at->to + g->first;
    if (fml_op_encoded(g->window->work->op)) {
        encoded_single(&g->of.encoded, values, to);
        return;
    }
    dot_work *const dot = &g->of.dot;
    dot->values = values;
    dot->to[0] = to;
    if (passes_sums(work->op)) {
        sums(work, dot, to);
    } else {
        dot_single(dot);
    }
}

static void pixels(group *g, scan *s) {
    while (s->rows != 0) {
        const window_at first = s->at;
        scan_next(s);
        if (g->in_pairs && s->rows != 0) {
            pair(g, &first, &s->at);
            scan_next(s);
        } else {
            single(g, &first);
        }
    }
}

static void begin(group *g, const fml_op *op) {
    g->taps = g->window->channels * op->window.kernel_width * op->window.kernel_height;
    g->in_pairs = pair_taps(op, g->taps) != 0;
    g->in_place = rows_are_pieces(op);
    g->rows.pairs = (uint32_t *)(void *)g->window->buffer;
    g->rows.bytes = g->window->channels * op->window.kernel_width;
    g->rows.rows = op->window.kernel_height;
    g->rows.step = (uint16_t)fml_window_steps(op).row;
    g->zeros = (uint32_t)op->input.zero_point + ((uint32_t)op->input.zero_point << 23);
}

static void begin_dense(group *g, const fml_op *op, const uint8_t *weights, const requantize_channel *channels,
                        uint16_t count) {
    dot_work *const dot = &g->of.dot;
    dot->range = requantize_range_of(op);
    dot->range.pools = fml_op_pools(op);
    dot->weights = (const int8_t *)weights;
    dot->taps = g->taps;
    dot->channels = count;
    dot->constants = channels;
    dot_prepare(dot);
}

static void begin_and_run(group *g) {
    scan s;
    scan_begin(&s, g->window->work, g->window->first_channel);
    pixels(g, &s);
}

static uint16_t pixels_of(const fml_work *work) {
    const fml_tile *tile = &work->tile;
    const fml_window *window = &work->op->window;
    return (uint16_t)((tile->row_end - tile->row_begin) * window->pool_height) *
           (uint16_t)((tile->column_end - tile->column_begin) * window->pool_width);
}

/* Where lists are opened for pairs, all pixels of some channels after the other. */
static FML_APART void run_encoded(group *g, uint16_t count) {
    encoded_group *const encoded = &g->of.encoded;
    g->in_pairs = g->in_pairs && encoded_suits_pairs(encoded, pixels_of(g->window->work));
    (g->in_pairs ? encoded_begin_pairs : encoded_begin_singles)(encoded);
    if (!g->in_pairs || !encoded_opens(encoded)) {
        begin_and_run(g);
        return;
    }
    opened_work opened;
    opened_source source = encoded_source(encoded, g->rows.pairs, count);
    for (uint16_t left = count; left != 0; left -= encoded->channels, g->first += encoded->channels) {
        if (encoded_open(encoded, &opened, &source) == 0) {
            g->in_pairs = false;
            encoded->channels = left;
        }
        begin_and_run(g);
        encoded_go_on(encoded, &source);
    }
}

/* Scratch: [constants of the channels][pairs, or gathered bytes]. */
static FML_APART void run_group(window_of *window, const uint8_t *stored, uint16_t first, uint16_t count) {
    const fml_work *work = window->work;
    const uint16_t rounded = (uint16_t)fml_round_up_4(count);
    requantize_channel *const channels = (requantize_channel *)(void *)work->scratch;
    const uint8_t *weights = stored + FML_CHANNEL_CONSTANTS_SIZE * rounded;
    window->buffer = (int8_t *)(channels + rounded);
    group g;
    g.window = window;
    g.first = first;
    if (fml_op_encoded(work->op)) {
        encoded_begin(&g.of.encoded, work, stored, channels, count);
    } else {
        fml_channels_unpack((fml_channel *)(void *)channels, stored, rounded, 0, rounded);
    }
    begin(&g, work->op);
    if (fml_op_encoded(work->op)) {
        run_encoded(&g, count);
    } else {
        begin_dense(&g, work->op, weights, channels, count);
        begin_and_run(&g);
    }
}

void fml_kernel_conv_2d(const fml_work *work) {
    const fml_op *op = work->op;
    const uint16_t begin = work->tile.channel_begin, end = work->tile.channel_end, count = end - begin;
    const uint16_t whole = (uint16_t)fml_op_group_channels(op), each = whole < count ? whole : count;
    const uint8_t *stored = work->params;
    window_of window = {work, op->window.first_channel, op->window.channels / op->window.groups, windows_are_pieces(op),
                        NULL};
    if (op->window.groups > 1) {
        window.first_channel += begin / whole * window.channels;
    }
    if (fml_op_pools(op)) {
        fml_fill_tile(work, op->activation_min);
    }
    for (uint16_t first = begin;;) {
        run_group(&window, stored, first, each);
        first += each;
        if (first >= end) {
            break;
        }
        stored += (uint16_t)fml_op_group_size(op, each);
        window.first_channel += window.channels;
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
