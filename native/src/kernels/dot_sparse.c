/* Inner loops over the kept weights of one output channel. Zeros cost nothing: where the next tap is, its entry says.
 */
#include "encoded.h"
#include "entries.h"

/* --- One pixel: entry i from `e` on ----------------------------------------------------------------------------------
 */

#define TAP_8(i)                                                                                                       \
    do {                                                                                                               \
        x0 += e[2 * (i)];                                                                                              \
        FML_KEEP(x0);                                                                                                  \
        a += *x0 * (int8_t)e[2 * (i) + 1];                                                                             \
    } while (0)

#define TAP_4(i)                                                                                                       \
    do {                                                                                                               \
        const uint32_t entry = e[i];                                                                                   \
        x0 += entry & 15;                                                                                              \
        FML_KEEP(x0);                                                                                                  \
        a += *x0 * codebook[entry >> 4];                                                                               \
    } while (0)

/* Entries of `size` bytes, four at a time. */
#define DOT(size, TAP)                                                                                                 \
    do {                                                                                                               \
        const uint8_t *const end = e + (size)*count;                                                                   \
        int32_t a = 0;                                                                                                 \
        for (uint32_t odd = count % 4; odd != 0; --odd, e += (size)) {                                                 \
            TAP(0);                                                                                                    \
        }                                                                                                              \
        if (count >= 4) {                                                                                              \
            do {                                                                                                       \
                TAP(0);                                                                                                \
                TAP(1);                                                                                                \
                TAP(2);                                                                                                \
                TAP(3);                                                                                                \
                e += 4 * (size);                                                                                       \
                FML_KEEP(e);                                                                                           \
            } while (e != end);                                                                                        \
        }                                                                                                              \
        sums[0] = a;                                                                                                   \
        return e;                                                                                                      \
    } while (0)

const uint8_t *fml_dot_sparse_8(const uint8_t *e, uint32_t count, const int8_t *x0, const int8_t *codebook,
                                int32_t *sums) {
    (void)codebook;
    DOT(2, TAP_8);
}

const uint8_t *fml_dot_sparse_4(const uint8_t *e, uint32_t count, const int8_t *x0, const int8_t *codebook,
                                int32_t *sums) {
    DOT(1, TAP_4);
}

/* --- Pairs of pixels ------------------------------------------------------------------------------------------------
 */

/* Moves to the next entry's tap, whose weight is v. */
#define NEXT_8(pairs)                                                                                                  \
    x += (pairs) * *e++;                                                                                               \
    FML_KEEP(e);                                                                                                       \
    const int32_t v = (int8_t)*e++

#define NEXT_4(pairs)                                                                                                  \
    const uint32_t entry = *e++;                                                                                       \
    const int32_t v = codebook[entry >> 4];                                                                            \
    x += (pairs) * (entry & 15)

#define TAP_X2(NEXT)                                                                                                   \
    do {                                                                                                               \
        NEXT(2);                                                                                                       \
        FML_KEEP(e);                                                                                                   \
        uint32_t p, q;                                                                                                 \
        FML_LOAD_TWO(p, q, x);                                                                                         \
        FML_ADD_PAIR(a, p, v);                                                                                         \
        FML_ADD_PAIR(b, q, v);                                                                                         \
    } while (0)

#define TAP_X4(NEXT)                                                                                                   \
    do {                                                                                                               \
        NEXT(4);                                                                                                       \
        FML_KEEP(e);                                                                                                   \
        uint32_t p, q;                                                                                                 \
        FML_LOAD_TWO(p, q, x);                                                                                         \
        FML_ADD_PAIR(a, p, v);                                                                                         \
        FML_ADD_PAIR(b, q, v);                                                                                         \
        FML_LOAD_TWO(p, q, x + 2);                                                                                     \
        FML_ADD_PAIR(c, p, v);                                                                                         \
        FML_ADD_PAIR(d, q, v);                                                                                         \
    } while (0)

#define DOT_X2(size, NEXT, qualifier)                                                                                  \
    do {                                                                                                               \
        FML_BEGIN_ENTRIES(size, qualifier);                                                                            \
        FML_PAIR_SUM(a);                                                                                               \
        FML_PAIR_SUM(b);                                                                                               \
        FML_ENTRIES_IN_PAIRS(TAP_X2(NEXT));                                                                            \
        FML_END_ENTRIES();                                                                                             \
        entries->out[0].sums = a;                                                                                      \
        entries->out[1].sums = b;                                                                                      \
    } while (0)

#define DOT_X4(size, NEXT, qualifier)                                                                                  \
    do {                                                                                                               \
        FML_BEGIN_ENTRIES(size, qualifier);                                                                            \
        FML_PAIR_SUM(a);                                                                                               \
        FML_PAIR_SUM(b);                                                                                               \
        FML_PAIR_SUM(c);                                                                                               \
        FML_PAIR_SUM(d);                                                                                               \
        FML_ENTRIES_IN_PAIRS(TAP_X4(NEXT));                                                                            \
        FML_END_ENTRIES();                                                                                             \
        entries->out[0].sums = a;                                                                                      \
        entries->out[1].sums = b;                                                                                      \
        entries->out[2].sums = c;                                                                                      \
        entries->out[3].sums = d;                                                                                      \
    } while (0)

void fml_dot_sparse_8x2(fml_entries *entries) {
    DOT_X2(2, NEXT_8, );
}

void fml_dot_sparse_4x2(fml_entries *entries) {
    FML_CODEBOOK(entries);
    DOT_X2(1, NEXT_4, volatile);
}

#if FML_ENCODED_PAIRS == 4
void fml_dot_sparse_8x4(fml_entries *entries) {
    DOT_X4(2, NEXT_8, );
}

void fml_dot_sparse_4x4(fml_entries *entries) {
    FML_CODEBOOK(entries);
    DOT_X4(1, NEXT_4, volatile);
}
#endif
