/* Inner loops over taps that four output channels share: kept ones (BLOCK_SPARSE_8, BLOCK_SPARSE_4) or all (DENSE_4).
 */
#include "encoded.h"
#include "entries.h"

/* Weight i of four, from byte `first` of an entry on. */
#define BYTE(first, i) ((int8_t)e[(first) + (i)])
#define CODE(first, i) codebook[e[(first) + (i) / 2] >> 4 * ((i) % 2) & 15]

/* --- One pixel, four channels ---------------------------------------------------------------------------------------
 */

/* An entry of `size` bytes: x0 moves by `before` to its tap, then by `after`. */
#define ENTRY(size, before, after, WEIGHT, first)                                                                      \
    do {                                                                                                               \
        x0 += (before);                                                                                                \
        FML_KEEP(x0);                                                                                                  \
        const int x = *x0;                                                                                             \
        a0 += x * WEIGHT(first, 0);                                                                                    \
        a1 += x * WEIGHT(first, 1);                                                                                    \
        a2 += x * WEIGHT(first, 2);                                                                                    \
        a3 += x * WEIGHT(first, 3);                                                                                    \
        x0 += (after);                                                                                                 \
        e += (size);                                                                                                   \
        FML_KEEP(e);                                                                                                   \
    } while (0)

#define DOT(ENTRIES, size, before, after, WEIGHT, first)                                                               \
    do {                                                                                                               \
        const uint8_t *const end = e + (size)*count;                                                                   \
        int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;                                                                        \
        ENTRIES(ENTRY(size, before, after, WEIGHT, first));                                                            \
        sums[0] = a0;                                                                                                  \
        sums[1] = a1;                                                                                                  \
        sums[2] = a2;                                                                                                  \
        sums[3] = a3;                                                                                                  \
        return e;                                                                                                      \
    } while (0)

const uint8_t *fml_dot_block_8(const uint8_t *e, uint32_t count, const int8_t *x0, const int8_t *codebook,
                               int32_t *sums) {
    (void)codebook;
    DOT(FML_ENTRIES_IN_PAIRS, 5, e[0], 0, BYTE, 1);
}

const uint8_t *fml_dot_block_4(const uint8_t *e, uint32_t count, const int8_t *x0, const int8_t *codebook,
                               int32_t *sums) {
    DOT(FML_ENTRIES, 3, e[0], 0, CODE, 1);
}

const uint8_t *fml_dot_dense_4(const uint8_t *e, uint32_t count, const int8_t *x0, const int8_t *codebook,
                               int32_t *sums) {
    DOT(FML_EACH_ENTRY, 2, 0, 1, CODE, 0);
}

/* --- Two pairs of pixels, two channels ------------------------------------------------------------------------------
 */

/* The products with two weights, one after the other: so they share a register. */
#define PRODUCTS(first, second)                                                                                        \
    do {                                                                                                               \
        int32_t w = (first);                                                                                           \
        FML_ADD_PAIR(a, p, w);                                                                                         \
        FML_ADD_PAIR(b, q, w);                                                                                         \
        FML_KEEP(e);                                                                                                   \
        w = (second);                                                                                                  \
        FML_ADD_PAIR(c, p, w);                                                                                         \
        FML_ADD_PAIR(d, q, w);                                                                                         \
    } while (0)

/* An entry of `size` bytes, its distance first, of which weights `i` and `i` + 1 of the four are wanted. */
#define KEPT(size, WEIGHT, i)                                                                                          \
    do {                                                                                                               \
        uint32_t p, q;                                                                                                 \
        x += 2 * *e;                                                                                                   \
        e += (size);                                                                                                   \
        FML_KEEP(e);                                                                                                   \
        FML_LOAD_TWO(p, q, x);                                                                                         \
        PRODUCTS(WEIGHT(1 - (size), i), WEIGHT(1 - (size), (i) + 1));                                                  \
    } while (0)

/* The same of a tap that has no distance. */
#define EACH(size, WEIGHT, i)                                                                                          \
    do {                                                                                                               \
        uint32_t p, q;                                                                                                 \
        FML_TAKE_TWO(p, q, x);                                                                                         \
        PRODUCTS(WEIGHT(0, i), WEIGHT(0, (i) + 1));                                                                    \
        e += (size);                                                                                                   \
        FML_KEEP(e);                                                                                                   \
    } while (0)

#define DOT_X2(ENTRY, size, WEIGHT, i, qualifier)                                                                      \
    do {                                                                                                               \
        FML_BEGIN_ENTRIES(size, qualifier);                                                                            \
        FML_PAIR_SUM(a);                                                                                               \
        FML_PAIR_SUM(b);                                                                                               \
        FML_PAIR_SUM(c);                                                                                               \
        FML_PAIR_SUM(d);                                                                                               \
        FML_ENTRIES_IN_PAIRS(ENTRY(size, WEIGHT, i));                                                                  \
        FML_END_ENTRIES();                                                                                             \
        entries->out[0].sums = a;                                                                                      \
        entries->out[1].sums = b;                                                                                      \
        entries->out[FML_OUT].sums = c;                                                                                \
        entries->out[FML_OUT + 1].sums = d;                                                                            \
    } while (0)

void fml_dot_block_8_low(fml_entries *entries) {
    DOT_X2(KEPT, 5, BYTE, 0, );
}

void fml_dot_block_8_high(fml_entries *entries) {
    DOT_X2(KEPT, 5, BYTE, 2, );
}

void fml_dot_block_4_low(fml_entries *entries) {
    FML_CODEBOOK(entries);
    DOT_X2(KEPT, 3, CODE, 0, volatile);
}

void fml_dot_block_4_high(fml_entries *entries) {
    FML_CODEBOOK(entries);
    DOT_X2(KEPT, 3, CODE, 2, volatile);
}

void fml_dot_dense_4_low(fml_entries *entries) {
    FML_CODEBOOK(entries);
    DOT_X2(EACH, 2, CODE, 0, volatile);
}

void fml_dot_dense_4_high(fml_entries *entries) {
    ++entries->at;
    fml_dot_dense_4_low(entries);
    --entries->at;
}
