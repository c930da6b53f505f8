/* Sums of products of weights with pairs (pairs.c): two pixels' sums in one. */
#ifndef FML_PAIR_SUM_H
#define FML_PAIR_SUM_H

#include "../intrinsics.h"
#include "kernels.h"

#if FML_LONG_MULTIPLY

/* One multiply and add for two products; FML_PAIR_TAPS at most. */
typedef fml_long fml_pair_sum;

/* A sum of none, in registers from here on, whatever the code behind begins with. */
#define FML_PAIR_SUM(sum)                                                                                              \
    fml_pair_sum sum = {0};                                                                                            \
    FML_KEEP_LONG(sum)

#define FML_ADD_PAIR(sum, pair, weight) FML_ADD_PRODUCT(sum, (int32_t)(pair), (int32_t)(weight))

static inline int32_t fml_first_sum(fml_pair_sum sum) {
    return (int32_t)(fml_long_low(sum) << (32 - FML_PAIR_SHIFT)) >> (32 - FML_PAIR_SHIFT);
}

/* The upper sum is one less where the lower one is negative: rounded, it is not. */
static inline int32_t fml_second_sum(fml_pair_sum sum) {
    return fml_long_rounded(sum, FML_PAIR_SHIFT);
}

#else

/* The upper half of each product is added up for itself, too; what the lower ones come to is the difference. */
typedef struct fml_pair_sum {
    uint32_t whole;
    int32_t high;
} fml_pair_sum;

#define FML_PAIR_SUM(sum) fml_pair_sum sum = {0, 0}

#define FML_ADD_PAIR(sum, pair, weight)                                                                                \
    do {                                                                                                               \
        const uint32_t product = (pair) * (uint32_t)(int32_t)(weight);                                                 \
        (sum).whole += product;                                                                                        \
        (sum).high = fml_add_high((sum).high, product);                                                                \
    } while (0)

static inline int32_t fml_first_sum(fml_pair_sum sum) {
    return (int32_t)(sum.whole - ((uint32_t)sum.high << 16));
}

static inline int32_t fml_second_sum(fml_pair_sum sum) {
    return sum.high;
}

#endif

#endif
