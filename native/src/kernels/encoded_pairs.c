/* Encoded weights times pairs of pixels: a weight is decoded once, and one multiply is two products. */
#include "encoded.h"

/* Taps of windows, at most, of which four pairs go together (in 2,304 bytes), or two (in 8 KB). */
#define FOUR_PAIRS_TAPS 144
#define TWO_PAIRS_TAPS 1024

/* By encoding, from DENSE_4 on: what two pairs take for a list's first channels, and for the others; where one function
 * can do four pairs, that. */
static fml_dot_entries *const dots[][3] = {
    {fml_dot_dense_4_low, fml_dot_dense_4_high, NULL},
#if FML_ENCODED_PAIRS == 4
    {fml_dot_sparse_8x2, NULL, fml_dot_sparse_8x4},    {fml_dot_sparse_4x2, NULL, fml_dot_sparse_4x4},
#else
    {fml_dot_sparse_8x2, NULL, NULL},
    {fml_dot_sparse_4x2, NULL, NULL},
#endif
    {fml_dot_block_8_low, fml_dot_block_8_high, NULL}, {fml_dot_block_4_low, fml_dot_block_4_high, NULL},
};

/* There are no pairs of weights with an offset: their sums of two products would not fit 16 bits. */
uint32_t fml_encoded_pairs(const fml_op *op, uint32_t pixels) {
    if (op->encoding == FML_WEIGHT_ENCODING_OFFSET_8) {
        return 0;
    }
    fml_dot_entries *const *const dot = dots[op->encoding - 1];
    const uint32_t taps = fml_op_taps(op);
    const bool better = fml_weights_entry_size(op->encoding) != 0 && (dot[1] != NULL || dot[2] != NULL);
    if (better && pixels > 4 && taps <= FOUR_PAIRS_TAPS) {
        return 4;
    }
    return pixels > 1 && taps <= TWO_PAIRS_TAPS ? 2 : 0;
}

/* Pixels that go together, and what all of them have in common. */
typedef struct group {
    fml_entries entries;
    fml_pair_out out[2 * FML_OUT]; /* of an output channel, and of the one behind it */
    fml_windows windows;
    uint32_t pairs; /* how many */
    const fml_encoded *encoded;
    uint32_t parts;      /* output channels that an inner loop does */
    uint32_t entry_size; /* bytes */
    uint32_t too_long;   /* so many entries, or more, are multiplied in pieces */
    fml_range range;
    bool plain, pools; /* plain: outputs are all that an int8 can be, and nothing is pooled */
} group;

/* index / pool, without a division (many cores have none) where nothing is pooled. */
static fml_index share(fml_index index, fml_index pool) {
    return pool == 1 ? index : index / pool;
}

/* The next pixels; false: none are left. The last one stands for those that are missing. */
static bool next(group *g) {
    fml_pixels *const pixels = &g->encoded->patches->pixels;
    const fml_work *work = g->windows.work;
    const fml_op *op = work->op;
    const uint32_t most = g->windows.pairs;
    uint32_t count = 0;
    int8_t *to = NULL;
    for (uint32_t i = 0; i < 2 * most; ++i) {
        if (fml_pixels_left(pixels)) {
            const fml_pixel at = pixels->at;
            to = work->output + fml_element(&op->space, share(at.row, op->window.pool_height),
                                            share(at.column, op->window.pool_width), 0);
            fml_windows_set(&g->windows, i, &at);
            fml_pixels_advance(pixels);
            ++count;
        } else if (count != 0) {
            g->windows.origins[i] = g->windows.origins[count - 1];
        }
        g->out[i / 2].to[i % 2] = g->out[i / 2 + FML_OUT].to[i % 2] = to;
    }
    g->pairs = (count + 1) / 2;
    return count != 0;
}

/* An output. */
#define PUT(sum, to)                                                                                                   \
    do {                                                                                                               \
        const uint32_t a = ((uint32_t)(sum) + bias) << left_shift;                                                     \
        int32_t value = fml_shift_add(fml_scale(a, multiplier), shift, zero_point);                                    \
        if (plain) {                                                                                                   \
            value = fml_saturate_8(value);                                                                             \
        } else {                                                                                                       \
            value = value < low ? low : value;                                                                         \
            value = value > high ? high : value;                                                                       \
        }                                                                                                              \
        if (plain || !g->pools || value > (to)[at]) {                                                                  \
            (to)[at] = (int8_t)value;                                                                                  \
        }                                                                                                              \
    } while (0)

static FML_INLINED void requantize(const group *g, const fml_channel *channel, uint32_t at, const fml_pair_out *out,
                                   bool plain) {
    const uint32_t bias = channel->bias, multiplier = channel->multiplier, shift = channel->shift + UINT32_C(1);
    const uint32_t left_shift = g->range.left_shift;
    const int32_t zero_point = g->range.zero_point, low = g->range.low, high = g->range.high;
    const fml_pair_out *const end = out + g->pairs;
    do {
        const fml_pair_sum sums = out->sums;
        const int32_t second = fml_second_sum(sums);
        PUT(fml_first_sum(sums), out->to[0]);
        PUT(second, out->to[1]);
    } while (++out != end);
}

/* The outputs of a channel whose place in a pixel is `at`, by its constants. */
static FML_APART void finish(const group *g, const fml_channel *channel, uint32_t at, const fml_pair_out *out) {
    if (g->plain) {
        requantize(g, channel, at, out, true);
    } else {
        requantize(g, channel, at, out, false);
    }
}

/* The list of `length` entries from `at` on, for pairs from `pair` on. */
static FML_INLINED void begin(group *g, const uint8_t *at, uint32_t length, uint32_t pair) {
    g->entries.at = at;
    g->entries.pairs = g->windows.words + pair * g->windows.taps;
    g->entries.count = length;
    g->entries.out = g->out + pair;
}

/* Sums of a list's first two channels, or of the others, in pieces, for sums of pairs hold so many products only;
 * outputs from `channel` on. So that what is rare is simple, sums in parts are made here, too. */
static FML_APART void run_pieces(group *g, fml_dot_entries *dot, const uint8_t *at, uint32_t length, uint32_t channel) {
    const fml_encoded *const encoded = g->encoded;
    int32_t sums[2 * FML_OUT][2] = {{0}};
    for (uint32_t pair = 0; pair < g->pairs; pair += g->windows.each) {
        uint32_t left = length;
        for (begin(g, at, left, pair); left != 0; left -= g->entries.count) {
            g->entries.count = left < FML_PAIR_TAPS ? left : FML_PAIR_TAPS;
            dot(&g->entries);
            for (uint32_t i = pair; i < pair + 4; ++i) {
                const uint32_t to = g->windows.each == 4 || i < pair + 2 ? i : i - 2 + FML_OUT;
                sums[to][0] += fml_first_sum(g->out[to].sums);
                sums[to][1] += fml_second_sum(g->out[to].sums);
            }
        }
    }
    for (uint32_t c = 0; c < g->parts && channel + c < encoded->count; ++c) {
        for (uint32_t i = 0; i < 2 * g->pairs; ++i) {
            fml_finish(encoded->patches, g->out[i / 2].to[i % 2] + encoded->first + channel + c,
                       &sums[FML_OUT * c + i / 2][i % 2], encoded->channels + channel + c, 1);
        }
    }
}

/* All channels of a group, each with a list of its own. */
static FML_APART void run_each(group *g, fml_dot_entries *dot) {
    const fml_encoded *const encoded = g->encoded;
    const fml_channel *channel = encoded->channels, *const end = channel + encoded->count;
    const uint8_t *counts = encoded->counts;
    uint32_t place = encoded->first;
    begin(g, encoded->entries, 0, 0);
    for (; channel != end; ++channel, ++place, counts += FML_COUNT_SIZE) {
        const uint32_t length = fml_read_u16(counts);
        if (length >= g->too_long) {
            run_pieces(g, dot, g->entries.at, length, place - encoded->first);
            continue;
        }
        g->entries.count = length;
        g->entries.pairs = g->windows.words;
        dot(&g->entries);
        finish(g, channel, place, g->out);
    }
}

/* All channels of a group, four with the same list, of which each of two functions does two. */
static FML_APART void run_fours(group *g, fml_dot_entries *const *dots_of_list) {
    const fml_encoded *const encoded = g->encoded;
    const uint8_t *counts = encoded->counts, *at = encoded->entries;
    uint32_t length = 0;
    for (uint32_t channel = 0; channel < encoded->count; channel += 2) {
        fml_dot_entries *const dot = dots_of_list[channel / 2 % 2];
        if (channel % 4 == 0) {
            at += g->entry_size * length;
            length = fml_encoded_length(encoded->taps, &counts);
        }
        if (length >= g->too_long) {
            run_pieces(g, dot, at, length, channel);
            continue;
        }
        for (uint32_t pair = 0; pair < g->pairs; pair += 2) {
            begin(g, at, length, pair);
            dot(&g->entries);
        }
        finish(g, encoded->channels + channel, encoded->first + channel, g->out);
        if (channel + 1 != encoded->count) {
            finish(g, encoded->channels + channel + 1, encoded->first + channel + 1, g->out + FML_OUT);
        }
    }
}

void fml_encoded_run_pairs(const fml_encoded *encoded, uint32_t pairs) {
    fml_patches *const patches = encoded->patches;
    const fml_op *op = patches->work->op;
    fml_dot_entries *const *const dot = dots[op->encoding - 1];
    fml_dot_entries *const all = pairs == 4 ? dot[2] : NULL;
    group g;
    g.entries.codebook = encoded->codebook;
    g.encoded = encoded;
    g.parts = dot[1] == NULL ? 1 : 2;
    g.entry_size = encoded->taps != 0 ? 2 : fml_weights_entry_size(op->encoding);
    g.too_long = op->flags & (FML_OP_FLAG_SUMS_OUT | FML_OP_FLAG_SUMS_IN) ? 0 : FML_PAIR_TAPS + 1;
    g.range = fml_output_range(op);
    g.pools = patches->pools;
    g.plain = !g.pools && g.range.high - g.range.low == UINT8_MAX;
    fml_windows_begin(&g.windows, patches, pairs, all != NULL ? 4 : 2);
    while (next(&g)) {
        fml_windows_pack(&g.windows);
        if (g.parts == 1) {
            run_each(&g, all != NULL ? all : dot[0]);
        } else {
            run_fours(&g, dot);
        }
    }
}
