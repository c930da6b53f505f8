/* CONV_2D with encoded weights: some pixels at a time, so that what it takes to decode a weight is shared by their
 * products. */
#include "../weights.h"
#include "kernels.h"

/* Bytes of scratch that windows of eight pixels may take; larger ones go in fours. */
#define EIGHT_WINDOWS_MAX 2048

/* By encoding, from DENSE_4 on; for one pixel, four, eight. BLOCK_SPARSE_8 takes two of the four at a time; where eight
 * are not better, NULL. */
static fml_dot_encoded *const dots[][3] = {
    {fml_dot_dense_4x1, fml_dot_dense_4x4, NULL},
#if FML_ENCODED_PIXELS == 8
    {fml_dot_sparse_8x1, fml_dot_sparse_8x4, fml_dot_sparse_8x8},
    {fml_dot_sparse_4x1, fml_dot_sparse_4x4, fml_dot_sparse_4x8},
#else
    {fml_dot_sparse_8x1, fml_dot_sparse_8x4, NULL}, {fml_dot_sparse_4x1, fml_dot_sparse_4x4, NULL},
#endif
    {fml_dot_block_8x1, fml_dot_block_8x2, NULL},
    {fml_dot_block_4x1, fml_dot_block_4x4, NULL},
};

/* How many pixels of so many go together. */
static uint32_t together(const fml_op *op, uint32_t pixels) {
    if (pixels > 4 && dots[op->encoding - 1][2] != NULL && 8 * fml_op_taps(op) <= EIGHT_WINDOWS_MAX) {
        return 8;
    }
    return pixels == 1 ? 1 : 4;
}

/* Pixels whose bytes stand in turn, of so many that go together. */
static uint32_t lanes(const fml_op *op, uint32_t pixels) {
    return pixels == 8 || (pixels == 4 && fml_weights_interleaved(op->encoding)) ? pixels : 1;
}

uint32_t fml_encoded_scratch(const fml_op *op, bool pieces) {
    const uint32_t area = fml_product(fml_product(op->space.height, op->space.width),
                                      (uint32_t)op->window.pool_height * op->window.pool_width);
    const uint32_t most = together(op, area), in_turn = lanes(op, most);
    return in_turn == 1 ? 2 * fml_patches_size(op, op->window.channels, pieces) : in_turn * fml_op_taps(op);
}

/* Pixels that go together. */
typedef struct group {
    uint32_t count;
    const int8_t *source[FML_ENCODED_PIXELS]; /* where there is no pixel, some other one's */
    int8_t *target[FML_ENCODED_PIXELS];
} group;

/* The next `most` pixels, in pairs; false: none are left. */
static bool next(fml_patches *patches, group *g, uint32_t most) {
    int8_t *const buffer = patches->buffer;
    g->count = 0;
    for (uint32_t i = 0; i < most; i += 2, patches->buffer += 2 * patches->pitch) {
        if (fml_patches_next(patches)) {
            g->count += patches->paired ? 2 : 1;
        }
        for (uint32_t j = 0; j < 2; ++j) {
            g->source[i + j] = patches->source[j];
            g->target[i + j] = patches->target[j];
        }
    }
    patches->buffer = buffer;
    return g->count != 0;
}

/* What all pixels have in common. */
typedef struct block {
    const fml_patches *patches;
    fml_dot_encoded *dot;
    bool halves;            /* dot takes two pixels of four */
    uint32_t list_channels; /* output channels of a list */
    const int8_t *codebook;
    const uint8_t *counts, *entries;
    const fml_channel *channels;
    uint32_t first, count, each; /* output channels; each: at a time */
    uint32_t taps;               /* 0 where lists have counts */
} block;

/* All channels of some pixels. */
static FML_APART void run(const block *b, const group *g) {
    const uint8_t *entries = b->entries, *counts = b->counts;
    for (uint32_t begin = 0; begin < b->count; begin += b->each) {
        const uint32_t left = b->count - begin, wanted = left < b->each ? left : b->each;
        int32_t sums[FML_ENCODED_PIXELS * FML_ENCODED_CHANNELS];
        for (uint32_t i = 0; i < wanted; i += b->list_channels) {
            uint32_t size = b->taps;
            if (size == 0) {
                size = fml_read_u16(counts);
                counts += FML_COUNT_SIZE;
            }
            if (b->halves && g->count > 2) {
                b->dot(entries, size, g->source + 2, b->codebook, sums + i + 2 * FML_ENCODED_CHANNELS);
            }
            entries = b->dot(entries, size, g->source, b->codebook, sums + i);
        }
        for (uint32_t i = 0; i < g->count; ++i) {
            fml_finish(b->patches, g->target[i] + b->first + begin, sums + FML_ENCODED_CHANNELS * i,
                       b->channels + begin, wanted);
        }
    }
}

void fml_encoded_run(fml_patches *patches, const uint8_t *stored, const fml_channel *channels, uint32_t first,
                     uint32_t count) {
    const fml_op *op = patches->work->op;
    const fml_pixels *const pixels = &patches->pixels;
    const uint32_t most = together(op, (uint32_t)(pixels->row_end - pixels->at.row) *
                                           (uint32_t)(pixels->column_end - pixels->column_begin));
    const uint32_t in_turn = lanes(op, most), lists = fml_weights_lists(op->encoding, count);
    block b;
    b.patches = patches;
    b.dot = dots[op->encoding - 1][most / 4];
    b.halves = b.dot == fml_dot_block_8x2;
    b.list_channels = fml_weights_list_channels(op->encoding);
    b.codebook = (const int8_t *)stored;
    b.counts = stored + fml_weights_codebook_size(op->encoding);
    b.entries = b.counts + FML_COUNT_SIZE * lists;
    b.channels = channels;
    b.first = first;
    b.count = count;
    /* One pixel's sums may be as many as otherwise those of all pixels are. */
    b.each = most == 1 ? FML_ENCODED_PIXELS * FML_ENCODED_CHANNELS : FML_ENCODED_CHANNELS;
    b.taps = lists != 0 ? 0 : fml_op_taps(op);
    if (in_turn != 1) {
        patches->step = in_turn;
        patches->pitch = 1;
        patches->in_place = false;
    }
    group g;
    while (next(patches, &g, most)) {
        run(&b, &g);
    }
}
