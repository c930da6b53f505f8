/* CONV_2D with encoded weights: four pixels at a time, so that what it takes to decode a weight is shared by four
 * products. */
#include "../weights.h"
#include "kernels.h"

/* By encoding, from DENSE_4 on; for one pixel, for more. */
static fml_dot_encoded *const dots[][2] = {
    {fml_dot_dense_4x1, fml_dot_dense_4x4},   {fml_dot_sparse_8x1, fml_dot_sparse_8x4},
    {fml_dot_sparse_4x1, fml_dot_sparse_4x4}, {fml_dot_block_8x1, fml_dot_block_8x2},
    {fml_dot_block_4x1, fml_dot_block_4x4},
};

typedef struct quad {
    uint32_t count;                           /* pixels */
    const int8_t *source[FML_ENCODED_PIXELS]; /* where there is no pixel, some other one's */
    int8_t *target[FML_ENCODED_PIXELS];
} quad;

/* The next pixels, in pairs; false: none are left. */
static bool next(fml_patches *patches, quad *q) {
    int8_t *const buffer = patches->buffer;
    q->count = 0;
    for (uint32_t i = 0; i < FML_ENCODED_PIXELS; i += 2, patches->buffer += 2 * patches->pitch) {
        if (fml_patches_next(patches)) {
            q->count += patches->paired ? 2 : 1;
        }
        for (uint32_t j = 0; j < 2; ++j) {
            q->source[i + j] = patches->source[j];
            q->target[i + j] = patches->target[j];
        }
    }
    patches->buffer = buffer;
    return q->count != 0;
}

/* Whether the tile is one pixel; where it is more, the patches become those that the encoding's inner loop wants. */
static FML_APART bool arrange(fml_patches *patches, uint8_t encoding) {
    const fml_pixels *const pixels = &patches->pixels;
    const bool alone = (pixels->row_end - pixels->at.row) * (pixels->column_end - pixels->column_begin) == 1;
    if (!alone && fml_weights_interleaved(encoding)) {
        patches->step = FML_ENCODED_PIXELS;
        patches->pitch = 1;
        patches->in_place = false;
    }
    return alone;
}

void fml_encoded_run(fml_patches *patches, const uint8_t *stored, const fml_channel *channels, uint32_t first,
                     uint32_t count) {
    const fml_op *op = patches->work->op;
    const uint32_t taps = fml_op_taps(op), codebook_size = fml_weights_codebook_size(op->encoding);
    const uint32_t lists = fml_weights_lists(op->encoding, count);
    const uint32_t step = fml_weights_list_channels(op->encoding);
    const bool alone = arrange(patches, op->encoding);
    quad q;
    while (next(patches, &q)) {
        fml_dot_encoded *const dot = dots[op->encoding - 1][!alone];
        const uint8_t *counts = stored + codebook_size;
        const uint8_t *entries = counts + FML_COUNT_SIZE * lists;
        for (uint32_t begin = 0; begin < count; begin += FML_ENCODED_CHANNELS) {
            const uint32_t left = count - begin, wanted = left < FML_ENCODED_CHANNELS ? left : FML_ENCODED_CHANNELS;
            int32_t sums[FML_ENCODED_PIXELS * FML_ENCODED_CHANNELS];
            for (uint32_t i = 0; i < wanted; i += step, counts += FML_COUNT_SIZE) {
                const uint32_t size = lists == 0 ? taps : fml_read_u16(counts);
                if (q.count > 2 && op->encoding == FML_WEIGHT_ENCODING_BLOCK_SPARSE_8) {
                    dot(entries, size, q.source + 2, (const int8_t *)stored, sums + i + 2 * FML_ENCODED_CHANNELS);
                }
                entries = dot(entries, size, q.source, (const int8_t *)stored, sums + i);
            }
            for (uint32_t i = 0; i < q.count; ++i) {
                fml_finish(patches, q.target[i] + first + begin, sums + FML_ENCODED_CHANNELS * i, channels + begin,
                           wanted);
            }
        }
    }
}
