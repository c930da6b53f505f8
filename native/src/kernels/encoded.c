/* Encoded weights of a block, four output channels at a time. */
#include "../weights.h"
#include "kernels.h"

/* By encoding, from DENSE_4 on; for one pixel, for two. */
static fml_dot_encoded *const dots[][2] = {
    {fml_dot_dense_4x1, fml_dot_dense_4x2},   {fml_dot_sparse_8x1, fml_dot_sparse_8x2},
    {fml_dot_sparse_4x1, fml_dot_sparse_4x2}, {fml_dot_block_8x1, fml_dot_block_8x2},
    {fml_dot_block_4x1, fml_dot_block_4x2},
};

void fml_encoded_begin(fml_encoded *weights, uint8_t encoding, const uint8_t *stored, uint32_t channels,
                       uint32_t taps) {
    weights->encoding = encoding;
    weights->taps = taps;
    weights->codebook = (const int8_t *)stored;
    weights->counts = stored + fml_weights_codebook_size(encoding);
    weights->entries = weights->counts + FML_COUNT_SIZE * fml_weights_lists(encoding, channels);
}

void fml_encoded_dot(fml_encoded *weights, uint32_t wanted, const fml_patches *patches, int32_t *sums) {
    fml_dot_encoded *const dot = dots[weights->encoding - 1][patches->paired];
    const int8_t *const x0 = patches->source[0];
    const ptrdiff_t second = patches->source[1] - x0;
    uint32_t lists = fml_weights_lists(weights->encoding, wanted), count = weights->taps;
    do {
        if (lists != 0) {
            count = fml_read_u16(weights->counts);
            weights->counts += FML_COUNT_SIZE;
        }
        weights->entries = dot(weights->entries, count, x0, second, weights->codebook, sums++);
    } while (lists-- > 1);
}
