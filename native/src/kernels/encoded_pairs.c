/* Encoded weights times pairs of pixels: a weight is decoded once, and one multiply is two products. */
#include "encoded.h"

/* Bytes that the windows of four pairs may take, and of two; larger ones go one by one. */
#define FOUR_PAIRS_MAX 2304
#define TWO_PAIRS_MAX 8192

/* By encoding, from DENSE_4 on: what two pairs take for a list's first channels, and for the others; where four pairs
 * are better, the same for them. */
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

uint32_t fml_encoded_pairs(const fml_op *op, uint32_t pixels) {
    const uint32_t taps = fml_op_taps(op);
    if (pixels > 4 && dots[op->encoding - 1][2] != NULL && 16 * taps <= FOUR_PAIRS_MAX) {
        return 4;
    }
    return pixels > 1 && 8 * taps <= TWO_PAIRS_MAX ? 2 : 0;
}

/* Pixels that go together, and what all of them have in common. */
typedef struct group {
    fml_entries entries; /* a list's; out: of one channel or, where `most` are two, from out[2] on of another one */
    fml_windows windows;
    uint32_t pairs; /* how many */
    const fml_encoded *encoded;
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
        g->entries.out[i / 2].to[i % 2] = g->entries.out[i / 2 + 4 - most].to[i % 2] = to;
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

/* Multiplies entries in pieces, for sums of pairs hold so many products only, and adds up the sums of each pixel. So
 * that what is rare is simple, sums in parts are made here, too. */
static FML_APART void run_pieces(group *g, fml_dot_entries *dot, uint32_t channel, uint32_t end) {
    const fml_encoded *const encoded = g->encoded;
    int32_t sums[8] = {0}, *sum = sums;
    for (uint32_t left = g->entries.count; left != 0; left -= g->entries.count) {
        g->entries.count = left < FML_PAIR_TAPS ? left : FML_PAIR_TAPS;
        dot(&g->entries);
        for (uint32_t i = 0; i < 4; ++i) {
            sums[2 * i] += fml_first_sum(g->entries.out[i].sums);
            sums[2 * i + 1] += fml_second_sum(g->entries.out[i].sums);
        }
    }
    for (; channel != end; ++channel, sum += 2 * (g->windows.pairs - g->pairs)) {
        for (uint32_t i = 0; i < 2 * g->pairs; ++i) {
            fml_finish(encoded->patches, g->entries.out[i / 2].to[i % 2] + encoded->first + channel, sum++,
                       encoded->channels + channel, 1);
        }
    }
}

/* All channels of a group, each with a list of its own. */
static FML_APART void run_each(group *g, fml_dot_entries *dot) {
    const fml_encoded *const encoded = g->encoded;
    const fml_channel *constants = encoded->channels, *const end = constants + encoded->count;
    const uint8_t *counts = encoded->counts;
    uint32_t at = encoded->first;
    for (g->entries.at = encoded->entries; constants != end; counts += FML_COUNT_SIZE, ++at, ++constants) {
        g->entries.count = fml_read_u16(counts);
        g->entries.pairs = g->windows.words;
        if (g->entries.count >= g->too_long) {
            run_pieces(g, dot, at - encoded->first, at - encoded->first + 1);
        } else {
            dot(&g->entries);
            finish(g, constants, at, g->entries.out);
        }
    }
}

/* All channels of a group, four with the same list, of which each of two functions does two. */
static FML_APART void run_fours(group *g, fml_dot_entries *const *dot) {
    const fml_encoded *const encoded = g->encoded;
    const uint8_t *counts = encoded->counts, *at = encoded->entries;
    uint32_t length = 0;
    for (uint32_t channel = 0; channel < encoded->count; channel += 2) {
        if (channel % 4 == 0) {
            at += g->entry_size * length;
            length = fml_encoded_length(encoded->taps, &counts);
        }
        const uint32_t left = encoded->count - channel;
        g->entries.at = at;
        g->entries.pairs = g->windows.words;
        g->entries.count = length;
        if (length >= g->too_long) {
            run_pieces(g, dot[channel / 2 % 2], channel, channel + (left < 2 ? left : 2));
            continue;
        }
        dot[channel / 2 % 2](&g->entries);
        finish(g, encoded->channels + channel, encoded->first + channel, g->entries.out);
        if (left != 1) {
            finish(g, encoded->channels + channel + 1, encoded->first + channel + 1, g->entries.out + 2);
        }
    }
}

void fml_encoded_run_pairs(const fml_encoded *encoded, uint32_t pairs) {
    fml_patches *const patches = encoded->patches;
    const fml_op *op = patches->work->op;
    fml_dot_entries *const *const dot = dots[op->encoding - 1];
    group g;
    g.entries.codebook = encoded->codebook;
    g.encoded = encoded;
    g.entry_size = encoded->taps != 0 ? 2 : fml_weights_entry_size(op->encoding);
    g.too_long = op->flags & (FML_OP_FLAG_SUMS_OUT | FML_OP_FLAG_SUMS_IN) ? 0 : FML_PAIR_TAPS + 1;
    g.range = fml_output_range(op);
    g.pools = patches->pools;
    g.plain = !g.pools && g.range.high - g.range.low == UINT8_MAX;
    fml_windows_begin(&g.windows, patches, pairs);
    while (next(&g)) {
        fml_windows_pack(&g.windows);
        if (dot[1] == NULL) {
            run_each(&g, dot[pairs == 4 ? 2 : 0]);
        } else {
            run_fours(&g, dot);
        }
    }
}
