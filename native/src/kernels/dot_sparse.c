/* Inner loops over the kept weights of one output channel. Zeros cost nothing: where the next tap is, its entry says.
 */
#include "kernels.h"

void fml_dot_sparse_8x1(fml_encoded *weights, uint32_t count, const int8_t *x0, ptrdiff_t second, int32_t *sums) {
    const uint8_t *e = weights->entries, *const end = e + 2 * count;
    int32_t a = 0;
    (void)second;
    while (e != end) {
        x0 += *e++;
        const int v = (int8_t)*e++;
        a += *x0 * v;
    }
    weights->entries = e;
    sums[0] = a;
}

void fml_dot_sparse_8x2(fml_encoded *weights, uint32_t count, const int8_t *x0, ptrdiff_t second, int32_t *sums) {
    const uint8_t *e = weights->entries, *const end = e + 2 * count;
    int32_t a = 0, b = 0;
    while (e != end) {
        x0 += *e++;
        const int v = (int8_t)*e++;
        a += *x0 * v;
        b += x0[second] * v;
    }
    weights->entries = e;
    sums[0] = a;
    sums[4] = b;
}

void fml_dot_sparse_4x1(fml_encoded *weights, uint32_t count, const int8_t *x0, ptrdiff_t second, int32_t *sums) {
    const uint8_t *e = weights->entries, *const end = e + count;
    const int8_t *const codebook = weights->codebook;
    int32_t a = 0;
    (void)second;
    while (e != end) {
        const uint8_t entry = *e++;
        x0 += entry & 15;
        a += *x0 * codebook[entry >> 4];
    }
    weights->entries = e;
    sums[0] = a;
}

void fml_dot_sparse_4x2(fml_encoded *weights, uint32_t count, const int8_t *x0, ptrdiff_t second, int32_t *sums) {
    const uint8_t *e = weights->entries, *const end = e + count;
    const int8_t *const codebook = weights->codebook;
    int32_t a = 0, b = 0;
    while (e != end) {
        const uint8_t entry = *e++;
        const int v = codebook[entry >> 4];
        x0 += entry & 15;
        a += *x0 * v;
        b += x0[second] * v;
    }
    weights->entries = e;
    sums[0] = a;
    sums[4] = b;
}
