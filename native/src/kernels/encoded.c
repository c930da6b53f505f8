/* CONV_2D with encoded weights: some pixels at a time, so that what it takes to decode a weight is shared by their
 * products (encoded_pairs.c), or one by one. */
#include "encoded.h"

/* Output channels between two requantizations. */
#define CHANNELS 32

/* By encoding, from DENSE_4 on. */
static fml_dot_encoded *const dots[] = {fml_dot_dense_4, fml_dot_sparse_8, fml_dot_sparse_4,
                                        fml_dot_block_8, fml_dot_block_4,  fml_dot_offset_8};

/* Whether windows inside the input are read where they lie. */
static FML_APART bool in_place(const fml_op *op) {
    return fml_in_pieces(op, true);
}

/* All channels of a pixel. */
static void run(const fml_encoded *b, const int8_t *source, int8_t *target) {
    const fml_op *op = b->patches->work->op;
    const uint32_t list_channels = fml_weights_list_channels(op->encoding);
    const uint8_t *entries = b->entries, *counts = b->counts;
    const bool offset = op->encoding == FML_WEIGHT_ENCODING_OFFSET_8;
    const uint32_t excess = offset ? fml_offset_sum(source, b->taps) : 0;
    for (uint32_t begin = 0; begin < b->count; begin += CHANNELS) {
        const uint32_t left = b->count - begin, wanted = left < CHANNELS ? left : CHANNELS;
        int32_t sums[CHANNELS];
        for (uint32_t i = 0; i < wanted; i += list_channels) {
            const uint32_t length = fml_encoded_length(b->taps, &counts);
            entries = dots[op->encoding - 1](entries, length, source, b->codebook, sums + i);
        }
        for (uint32_t i = 0; offset && i < wanted; ++i) {
            sums[i] = (int32_t)((uint32_t)sums[i] - excess);
        }
        fml_finish(b->patches, target + b->first + begin, sums, b->channels + begin, wanted);
    }
}

static void run_each(const fml_encoded *b) {
    fml_patches *const patches = b->patches;
    patches->in_place = in_place(patches->work->op);
    while (fml_patches_next(patches)) {
        run(b, patches->source[0], patches->target[0]);
        if (patches->paired) {
            run(b, patches->source[1], patches->target[1]);
        }
    }
}

void fml_encoded_run(fml_patches *patches, const uint8_t *stored, const fml_channel *channels, uint32_t first,
                     uint32_t count) {
    const fml_op *op = patches->work->op;
    const fml_pixels *const pixels = &patches->pixels;
    const uint32_t pairs = fml_encoded_pairs(op, (uint32_t)(pixels->row_end - pixels->at.row) *
                                                     (uint32_t)(pixels->column_end - pixels->column_begin));
    const uint32_t lists = fml_weights_lists(op->encoding, count);
    fml_encoded b;
    b.patches = patches;
    b.channels = channels;
    b.codebook = (const int8_t *)stored;
    b.counts = stored + fml_weights_codebook_size(op->encoding);
    b.entries = b.counts + FML_COUNT_SIZE * lists;
    b.first = first;
    b.count = count;
    b.taps = lists != 0 ? 0 : fml_op_taps(op);
    if (pairs != 0) {
        fml_encoded_run_pairs(&b, pairs);
    } else {
        run_each(&b);
    }
}

uint32_t fml_encoded_scratch(const fml_op *op) {
    const uint32_t area = fml_product(fml_product(op->space.height, op->space.width),
                                      (uint32_t)op->window.pool_height * op->window.pool_width);
    const uint32_t pairs = fml_encoded_pairs(op, area);
    return pairs != 0 ? fml_windows_size(op, pairs) : fml_patches_size(op, op->window.channels, in_place(op));
}
