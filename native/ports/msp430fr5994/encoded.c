#include "encoded.h"
#include "kernels/encoded.h"

#define CHANNELS 8       /* whose sums are kept at a time */
#define PAIR_ENTRIES 255 /* with each tap at most once, or not: 255 products stay below 2^22 */
#define HALF_PAIR 2      /* bytes */
#define DENSE_4_STEP 2

/* Whether this is the encoding: never, for the linker, where no operator has it. */
static bool is(uint8_t encoding, uint8_t which) {
    return (encodings >> which & 1) != 0 && encoding == which;
}

#define CHOOSE(which, even, odd)                                                                                       \
    if (is(encoding, FML_WEIGHT_ENCODING_##which)) {                                                                   \
        group->loops[0][0] = encoded_##even##_one;                                                                     \
        group->loops[0][1] = encoded_##odd##_one;                                                                      \
        if ((encodings_of_pairs >> FML_WEIGHT_ENCODING_##which & 1) != 0) {                                            \
            group->loops[1][0] = encoded_##even##_pair;                                                                \
            group->loops[1][1] = encoded_##odd##_pair;                                                                 \
        }                                                                                                              \
    }

static void choose_loops(encoded_group *group, uint8_t encoding) {
    CHOOSE(SPARSE_8, sparse_8, sparse_8)
    CHOOSE(SPARSE_4, sparse_4, sparse_4)
    CHOOSE(BLOCK_SPARSE_8, block_8, block_8)
    CHOOSE(BLOCK_SPARSE_4, block_low, block_high)
    CHOOSE(DENSE_4, dense_low, dense_high)
}

void encoded_begin(encoded_group *group, const fml_work *of, const uint8_t *stored, const requantize_channel *constants,
                   uint16_t count) {
    const fml_op *op = of->op;
    const bool all_taps =
        is(op->encoding, FML_WEIGHT_ENCODING_DENSE_4) || is(op->encoding, FML_WEIGHT_ENCODING_OFFSET_8);
    encoded_work *const work = &group->work;
    work->range = requantize_range_of(op);
    work->range.pools = fml_op_pools(op);
    work->constants = constants;
    work->taps = (uint16_t)fml_op_taps(op);
    work->first = !all_taps;
    work->step = all_taps ? DENSE_4_STEP : (uint16_t)fml_weights_entry_size(op->encoding);
    work->codes = (uint16_t)fml_weights_codebook_size(op->encoding);
    group->of = of;
    group->channels = count;
    choose_loops(group, op->encoding);
    if (work->codes != 0) {
        encoded_open_codebook((const int8_t *)stored);
    }
    stored += work->codes;
    group->counts = all_taps ? NULL : stored;
    group->entries = stored + FML_COUNT_SIZE * fml_weights_lists(op->encoding, count);
}

bool encoded_suits_pairs(const encoded_group *group) {
    for (const uint8_t *at = group->counts; at != NULL && at != group->entries; at += FML_COUNT_SIZE) {
        if (fml_read_u16(at) > PAIR_ENTRIES) {
            return false;
        }
    }
    return true;
}

static void begin_pixels(encoded_group *group, const void *values, bool is_pair) {
    encoded_work *const work = &group->work;
    work->entries = group->entries;
    work->counts = group->counts;
    work->values = values;
    work->channels = group->channels;
    work->loops[0] = group->loops[is_pair][0];
    work->loops[1] = group->loops[is_pair][1];
}

static void run(encoded_group *group) {
    if (fml_weights_list_channels(group->of->op->encoding) == 1) {
        encoded_lists(&group->work);
    } else {
        encoded_fours(&group->work);
    }
}

/* An operator that passes sums on, or takes some. */
static FML_APART void sums(encoded_group *group, int8_t *to) {
    encoded_work *const work = &group->work;
    const requantize_channel *constants = work->constants;
    int32_t kept[CHANNELS];
    work->finish = encoded_keep_sum;
    for (uint16_t left = group->channels, count; left != 0; left -= count, to += count, constants += count) {
        count = left < CHANNELS ? left : CHANNELS;
        work->channels = count;
        work->to[1] = (int8_t *)kept;
        run(group);
        finish(group->of, to, kept, constants, count);
    }
}

/* The same of weights with an offset, which are for other cores: in C, as there. */
static FML_APART void with_offset(const encoded_group *group, const int8_t *values, int8_t *to) {
    const requantize_channel *constants = group->work.constants;
    const uint32_t excess = fml_offset_sum(values, group->work.taps);
    const uint8_t *at = group->entries;
    for (uint16_t left = group->channels, count; left != 0; left -= count, to += count, constants += count) {
        int32_t of_four[4];
        at = fml_dot_offset_8(at, group->work.taps, values, NULL, of_four);
        for (uint16_t i = 0; i < 4; i++) {
            of_four[i] = (int32_t)((uint32_t)of_four[i] - excess);
        }
        count = left < 4 ? left : 4;
        finish(group->of, to, of_four, constants, count);
    }
}

void encoded_single(encoded_group *group, const int8_t *values, int8_t *to) {
    if (is(group->of->op->encoding, FML_WEIGHT_ENCODING_OFFSET_8)) {
        with_offset(group, values, to);
        return;
    }
    begin_pixels(group, values, false);
    if (passes_sums(group->of->op)) {
        sums(group, to);
        return;
    }
    group->work.finish = encoded_finish_one;
    group->work.to[0] = to;
    run(group);
}

void encoded_pair(encoded_group *group, const uint32_t *pairs, int8_t *const *to) {
    begin_pixels(group, (const uint8_t *)pairs + HALF_PAIR * group->work.first, true);
    group->work.finish = dot_finish_pair;
    group->work.to[0] = to[0];
    group->work.to[1] = to[1];
    run(group);
}
