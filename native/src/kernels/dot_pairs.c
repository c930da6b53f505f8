/* Inner loops of CONV_2D for two pixels, whose bytes x and y are one word y * 2^FML_PAIR_SHIFT + x (pairs.c): a
 * multiply with a weight is two products. Sums of words are sums of products, side by side, until the lower ones could
 * leave their bits. */
#include "pair_sum.h"

#if FML_LONG_MULTIPLY

static inline void split(fml_long sum, int32_t *sums) {
    sums[0] = fml_first_sum(sum);
    sums[FML_DENSE_CHANNELS] = fml_second_sum(sum);
}

/* A product, and only then the next weight's load: else compilers load several and lack registers for sums. */
#define PRODUCT(sum, i)                                                                                                \
    do {                                                                                                               \
        FML_ADD_PRODUCT(sum, pair, (int32_t)w[i]);                                                                     \
        FML_AFTER(w, fml_long_low(sum));                                                                               \
    } while (0)

#define TAP_2()                                                                                                        \
    do {                                                                                                               \
        const int32_t pair = (int32_t)*pairs++;                                                                        \
        FML_KEEP(pairs);                                                                                               \
        PRODUCT(b, 1);                                                                                                 \
        FML_ADD_PRODUCT(a, pair, (int32_t)*w);                                                                         \
        w += 4;                                                                                                        \
        FML_KEEP(w);                                                                                                   \
    } while (0)

#define TAP_4()                                                                                                        \
    do {                                                                                                               \
        const int32_t pair = (int32_t)*pairs++;                                                                        \
        FML_KEEP(pairs);                                                                                               \
        PRODUCT(b, 1);                                                                                                 \
        PRODUCT(c, 2);                                                                                                 \
        PRODUCT(d, 3);                                                                                                 \
        FML_ADD_PRODUCT(a, pair, (int32_t)*w);                                                                         \
        w += 4;                                                                                                        \
        FML_KEEP(w);                                                                                                   \
    } while (0)

/* All taps, one or more. Where that pays eight at a time, the first time what is left of eight. */
#define ALL_TAPS(TAP)                                                                                                  \
    do {                                                                                                               \
        const uint32_t *const end = pairs + taps;                                                                      \
        if (!FML_FAST) {                                                                                               \
            do {                                                                                                       \
                TAP();                                                                                                 \
            } while (pairs != end);                                                                                    \
            break;                                                                                                     \
        }                                                                                                              \
        FML_IN_EIGHTS(TAP, taps, pairs != end);                                                                        \
    } while (0)

static void dot_2(const int8_t *w, const uint32_t *pairs, uint32_t taps, int32_t *sums) {
    fml_long a = {0}, b = {0};
    ALL_TAPS(TAP_2);
    split(a, sums);
    split(b, sums + 1);
}

static void dot_4(const int8_t *w, const uint32_t *pairs, uint32_t taps, int32_t *sums) {
    fml_long a = {0}, b = {0}, c = {0}, d = {0};
    ALL_TAPS(TAP_4);
    split(a, sums);
    split(b, sums + 1);
    split(c, sums + 2);
    split(d, sums + 3);
}

void fml_dot_pairs(const int8_t *w, const uint32_t *pairs, uint32_t taps, uint32_t channels, int32_t *sums) {
    if (FML_FAST && channels <= 2) {
        dot_2(w, pairs, taps, sums);
    } else {
        dot_4(w, pairs, taps, sums);
    }
}

#if FML_FAST

#define TAP_SQUARE() FML_SQUARE_TAP(w, pairs, second, a, b, c, d)

static inline int32_t largest_of(fml_long upper, fml_long lower) {
    int32_t sums[1 + FML_DENSE_CHANNELS], others[1 + FML_DENSE_CHANNELS];
    split(upper, sums);
    split(lower, others);
    return fml_larger(fml_larger(sums[0], sums[FML_DENSE_CHANNELS]), fml_larger(others[0], others[FML_DENSE_CHANNELS]));
}

void fml_dot_squares(const int8_t *w, const uint32_t *pairs, uint32_t second, uint32_t taps, bool largest,
                     int32_t *sums) {
    const uint32_t *const end = pairs + taps;
    fml_long a = {0}, b = {0}, c = {0}, d = {0};
    FML_IN_EIGHTS(TAP_SQUARE, taps, pairs != end)
    if (largest) {
        sums[0] = largest_of(a, c);
        sums[1] = largest_of(b, d);
        return;
    }
    split(a, sums);
    split(b, sums + 1);
    split(c, sums + 2 * FML_DENSE_CHANNELS);
    split(d, sums + 2 * FML_DENSE_CHANNELS + 1);
}

#endif

#else

/* The lower sum of two products has 16 bits. So two are added up, and then the upper half alone; what the lower halves
 * come to is the difference to the whole. */
#define TAPS_2(whole, high, channel, i)                                                                                \
    do {                                                                                                               \
        uint32_t sum = pair * (uint32_t)(int32_t)w[4 * (i) + (channel)];                                               \
        sum += next * (uint32_t)(int32_t)w[4 * (i) + 4 + (channel)];                                                   \
        whole = FML_FAST ? fml_add_aside(whole, sum) : whole + sum;                                                    \
        FML_KEEP(whole);                                                                                               \
        high = fml_add_high(high, sum);                                                                                \
    } while (0)

#if FML_FAST

/* Two taps, two channels. */
#define TAPS_2X2(i)                                                                                                    \
    do {                                                                                                               \
        const uint32_t pair = pairs[i], next = pairs[(i) + 1];                                                         \
        TAPS_2(whole0, high0, 0, i);                                                                                   \
        FML_AFTER(w, high0);                                                                                           \
        TAPS_2(whole1, high1, 1, i);                                                                                   \
        FML_AFTER(w, high1);                                                                                           \
    } while (0)

static FML_INLINED void dot(const int8_t *w, const uint32_t *pairs, uint32_t taps, int32_t *sums) {
    uint32_t whole0 = 0, whole1 = 0;
    int32_t high0 = 0, high1 = 0;
    if (taps % 2 != 0) {
        const uint32_t pair = *pairs++;
        whole0 = pair * (uint32_t)(int32_t)w[0];
        high0 = fml_add_high(high0, whole0);
        whole1 = pair * (uint32_t)(int32_t)w[1];
        high1 = fml_add_high(high1, whole1);
        w += 4;
        --taps;
    }
    const uint32_t *end = pairs + taps;
    for (const uint32_t *odd = pairs + taps % 8; pairs != odd; pairs += 2, w += 8) {
        FML_ASIDE(odd);
        TAPS_2X2(0);
    }
    while (pairs != end) {
        FML_ASIDE(end);
        TAPS_2X2(0);
        TAPS_2X2(2);
        TAPS_2X2(4);
        TAPS_2X2(6);
        pairs += 8;
        w += 32;
        FML_KEEP(w);
    }
    sums[0] = (int32_t)(whole0 - ((uint32_t)high0 << 16));
    sums[1] = (int32_t)(whole1 - ((uint32_t)high1 << 16));
    sums[FML_DENSE_CHANNELS] = high0;
    sums[FML_DENSE_CHANNELS + 1] = high1;
}

#define CHANNELS 2

#else

/* One channel: code for two would spill registers. */
static FML_APART void dot(const int8_t *w, const uint32_t *pairs, uint32_t taps, int32_t *sums) {
    uint32_t whole = 0;
    int32_t high = 0;
    if (taps % 2 != 0) {
        whole = *pairs++ * (uint32_t)(int32_t)*w;
        high = fml_add_high(high, whole);
        w += 4;
        --taps;
    }
    for (const uint32_t *const end = pairs + taps; pairs != end; pairs += 2, w += 8) {
        const uint32_t pair = pairs[0], next = pairs[1];
        TAPS_2(whole, high, 0, 0);
    }
    sums[0] = (int32_t)(whole - ((uint32_t)high << 16));
    sums[FML_DENSE_CHANNELS] = high;
}

#define CHANNELS 1

#endif

void fml_dot_pairs(const int8_t *w, const uint32_t *pairs, uint32_t taps, uint32_t channels, int32_t *sums) {
    for (uint32_t channel = 0; channel < channels; channel += CHANNELS) {
        dot(w + channel, pairs, taps, sums + channel);
    }
}

#if FML_FAST

void fml_dot_squares(const int8_t *w, const uint32_t *pairs, uint32_t second, uint32_t taps, bool largest,
                     int32_t *sums) {
    for (int32_t *to = sums; to != sums + 4 * FML_DENSE_CHANNELS; to += 2 * FML_DENSE_CHANNELS, pairs += second) {
        dot(w, pairs, taps, to);
    }
    if (largest) {
        fml_largest_of_square(sums);
        fml_largest_of_square(sums + 1);
    }
}

#endif

#endif
