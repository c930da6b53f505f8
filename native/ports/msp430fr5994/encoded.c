#include "encoded.h"
#include "weights.h"

#define CHANNELS 8 /* between two requantizations */
#define TAKEN 64   /* values at a time */

/* What is left of a group's weights, for one pixel. */
typedef struct reader {
    encoded_lists at;
    uint8_t encoding;
    uint16_t taps;
} reader;

static void dot_four(const reader *r, const encoded_four *four) {
    if (fml_weights_codebook_size(r->encoding) != 0) {
        encoded_four_4(four);
    } else {
        encoded_four_8(four);
    }
}

/* Four channels that have all taps. */
static void all_taps(reader *r) {
    const encoded_four four = {r->at.entries, r->at.values, r->at.sums, r->taps, 2};
    dot_four(r, &four);
    r->at.entries += 2 * r->taps;
}

/* Four channels that have the taps of a list. */
static void shared_taps(reader *r) {
    int8_t taken[TAKEN];
    const uint16_t step = (uint16_t)fml_weights_entry_size(r->encoding);
    const int8_t *from = r->at.values;
    encoded_four four = {.values = taken, .sums = r->at.sums, .step = step};
    for (uint16_t left = fml_read_u16(r->at.counts); left != 0; left -= four.taps) {
        four.taps = left < TAKEN ? left : TAKEN;
        four.weights = r->at.entries + 1;
        from = encoded_take(r->at.entries, from, four.taps, step, taken);
        dot_four(r, &four);
        r->at.entries += four.taps * step;
    }
    r->at.counts += FML_COUNT_SIZE;
}

static void in_fours(reader *r, uint16_t channels) {
    for (uint16_t i = 0; i < CHANNELS; i++) {
        r->at.sums[i] = 0;
    }
    for (uint16_t c = 0; c < channels; c += 4, r->at.sums += 4) {
        if (r->encoding == FML_WEIGHT_ENCODING_DENSE_4) {
            all_taps(r);
        } else {
            shared_taps(r);
        }
    }
}

static void pixel(const encoded_group *g, reader *r, int8_t *to) {
    for (uint16_t c = 0; c < g->count; c += CHANNELS) {
        int32_t sums[CHANNELS];
        const uint16_t wanted = g->count - c < CHANNELS ? g->count - c : CHANNELS;
        r->at.sums = sums;
        r->at.lists = wanted;
        if (r->encoding == FML_WEIGHT_ENCODING_SPARSE_8) {
            encoded_sparse_8(&r->at);
        } else if (r->encoding == FML_WEIGHT_ENCODING_SPARSE_4) {
            encoded_sparse_4(&r->at);
        } else {
            in_fours(r, wanted);
        }
        finish(g->window->work, to + c, sums, g->channels + c, wanted);
    }
}

void encoded_pixels(const encoded_group *g) {
    const fml_op *op = g->window->work->op;
    const uint8_t encoding = op->encoding;
    const uint8_t *const counts = g->stored + fml_weights_codebook_size(encoding);
    reader r = {.encoding = encoding, .taps = (uint16_t)fml_op_taps(op)};
    if (fml_weights_codebook_size(encoding) != 0) {
        encoded_open_codebook((const int8_t *)g->stored);
    }
    scan pixels;
    scan_begin(&pixels, g->window->work, g->window->first_channel);
    for (; pixels.rows != 0; scan_next(&pixels)) {
        r.at.counts = counts;
        r.at.entries = counts + FML_COUNT_SIZE * fml_weights_lists(encoding, g->count);
        r.at.values = window_values(g->window, &pixels.at);
        pixel(g, &r, pixels.at.to + g->first);
    }
}
