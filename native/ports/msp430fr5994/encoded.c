#include "encoded.h"

#include "blocks.h"
#include "kernels/encoded.h"
#include "weights.h"

#define CHANNELS 8         /* whose sums are kept at a time */
#define PAIR_ENTRIES 255   /* with each tap at most once, or not: 255 products stay below 2^22 */
#define OPENED_PIXELS 8    /* for which lists are opened, at least */
#define BLOCKS_ENTRIES 128 /* for which blocks are opened, at least */
#define DENSE_4_STEP 2
#define FOLDED_ZERO_POINT 0x4000        /* outputs.inc */
#define SAME_CONSTANTS UINT16_C(0xfff8) /* outputs.inc: takes the place of a scale, which has one bit */
#define NEXT_CONSTANTS 0

#define CHOOSE(which, even, odd)                                                                                       \
    if (encoding_is(encoding, FML_WEIGHT_ENCODING_##which)) {                                                          \
        work->loops[0] = encoded_##even;                                                                               \
        work->loops[1] = encoded_##odd;                                                                                \
    }

static void choose_loops(encoded_work *work, uint8_t encoding) {
    CHOOSE(BLOCK_SPARSE_8, block_8_one, block_8_one)
    CHOOSE(BLOCK_SPARSE_4, block_low_one, block_high_one)
    CHOOSE(DENSE_4, dense_low_one, dense_high_one)
}

/* Whether the constants are those of encoded_unpack. */
static bool unpack(const fml_op *op, requantize_channel *constants, const uint8_t *stored, uint16_t count) {
    const uint16_t rounded = (uint16_t)fml_round_up_4(count);
    const bool suits = !passes_sums(op) && !encoding_is(op->encoding, FML_WEIGHT_ENCODING_OFFSET_8);
    if (suits && encoded_unpack(constants, stored, rounded, count, op->left_shift)) {
        return true;
    }
    fml_channels_unpack((fml_channel *)(void *)constants, stored, rounded, 0, rounded);
    return false;
}

void encoded_begin(encoded_group *group, const fml_work *of, const uint8_t *stored, requantize_channel *constants,
                   uint16_t count) {
    const fml_op *op = of->op;
    const bool all_taps = encoding_is(op->encoding, FML_WEIGHT_ENCODING_DENSE_4) ||
                          encoding_is(op->encoding, FML_WEIGHT_ENCODING_OFFSET_8);
    encoded_work *const work = &group->work;
    const bool folded = unpack(op, constants, stored, count);
    stored += FML_CHANNEL_CONSTANTS_SIZE * fml_round_up_4(count);
    work->range = requantize_range_of(op);
    if (folded) {
        work->range.zero_point -= FOLDED_ZERO_POINT;
        work->range.scale = SAME_CONSTANTS;
    }
    work->range.pools = fml_op_pools(op);
    if (all_taps) {
        work->taps = (uint16_t)fml_op_taps(op);
    }
    work->first = !all_taps;
    work->step = all_taps ? DENSE_4_STEP : (uint16_t)fml_weights_entry_size(op->encoding);
    work->codes = (uint16_t)fml_weights_codebook_size(op->encoding);
    group->of = of;
    group->constants = constants;
    group->channels = count;
    stored += work->codes;
    group->counts = all_taps ? NULL : stored;
    group->entries = stored + FML_COUNT_SIZE * fml_weights_lists(op->encoding, count);
}

static bool folds(const encoded_group *group) {
    const uint16_t scale = group->work.range.scale;
    return scale == SAME_CONSTANTS || scale == NEXT_CONSTANTS;
}

/* Entries of all lists; 0 where one has more than `most`. */
static uint16_t short_entries(const encoded_group *group, uint16_t most) {
    uint16_t entries = 0;
    for (const uint8_t *at = group->counts; at != group->entries; at += FML_COUNT_SIZE) {
        const uint16_t count = fml_read_u16(at);
        if (count > most) {
            return 0;
        }
        entries += count;
    }
    return entries;
}

bool encoded_suits_pairs(const encoded_group *group, uint16_t pixels) {
    return folds(group) &&
           (group->counts == NULL || (pixels >= OPENED_PIXELS && short_entries(group, PAIR_ENTRIES) != 0));
}

static const int8_t *codebook_of(const encoded_group *group) {
    return (const int8_t *)(group->counts == NULL ? group->entries : group->counts) - group->work.codes;
}

static void open_codebook(const encoded_group *group) {
    if (group->work.codes != 0) {
        encoded_open_codebook(codebook_of(group));
    }
}

void encoded_begin_singles(encoded_group *group) {
    const uint8_t encoding = group->of->op->encoding;
    group->run_blocks = NULL;
    if (has_code_operands && encoding_is(encoding, FML_WEIGHT_ENCODING_BLOCK_SPARSE_4) && folds(group) &&
        short_entries(group, PAIR_ENTRIES) >= BLOCKS_ENTRIES) {
        blocks_open(codebook_of(group));
        group->run_blocks = blocks_4;
        group->work.range.scale = NEXT_CONSTANTS;
        return;
    }
    if (encoding_is(encoding, FML_WEIGHT_ENCODING_BLOCK_SPARSE_8) && folds(group) && opened_lists_size > BLOCKS_SPARE &&
        short_entries(group, (uint16_t)(opened_lists_size - BLOCKS_SPARE)) != 0) {
        group->run_blocks = blocks_8;
    }
    open_codebook(group);
}

void encoded_begin_pairs(encoded_group *group) {
    group->run_blocks = NULL;
    open_codebook(group);
}

static void begin_pixels(encoded_group *group, const void *values) {
    encoded_work *const work = &group->work;
    work->entries = group->entries;
    work->counts = group->counts;
    work->constants = group->constants;
    work->values = values;
    work->channels = group->channels;
}

/* All channels of a pixel, or those of `work`. last NULL: outputs, with folded constants. */
static void run(encoded_group *group, encoded_part *last) {
    encoded_work *const work = &group->work;
    const uint8_t encoding = group->of->op->encoding;
    work->finish = last;
    if (last == NULL && group->run_blocks != NULL) {
        group->run_blocks(work);
    } else if (encoding_is(encoding, FML_WEIGHT_ENCODING_SPARSE_8)) {
        encoded_lists_8(work);
    } else if (encoding_is(encoding, FML_WEIGHT_ENCODING_SPARSE_4)) {
        encoded_lists_4(work);
    } else if (encoding_has_fours(encoding)) {
        choose_loops(work, encoding);
        if (last == NULL) {
            work->finish = encoded_finish_one;
        }
        encoded_fours(work);
    }
}

/* An operator that passes sums on, or takes some. */
static FML_APART void sums(encoded_group *group, int8_t *to) {
    encoded_work *const work = &group->work;
    const requantize_channel *constants = work->constants;
    int32_t kept[CHANNELS];
    for (uint16_t left = group->channels, count; left != 0; left -= count, to += count, constants += count) {
        count = left < CHANNELS ? left : CHANNELS;
        work->channels = count;
        work->to[1] = (int8_t *)kept;
        run(group, encoded_keep_sum);
        finish(group->of, to, kept, constants, count);
    }
}

/* The same of weights with an offset, which are for other cores: in C, as there. */
static FML_APART void with_offset(const encoded_group *group, const int8_t *values, int8_t *to) {
    const requantize_channel *constants = group->constants;
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
    if (encoding_is(group->of->op->encoding, FML_WEIGHT_ENCODING_OFFSET_8)) {
        with_offset(group, values, to);
        return;
    }
    encoded_work *const work = &group->work;
    begin_pixels(group, values);
    if (passes_sums(group->of->op)) {
        sums(group, to);
        return;
    }
    work->to[0] = to;
    run(group, folds(group) ? NULL : encoded_finish_any);
}

static void dense_pair(encoded_group *group, const uint32_t *pairs, int8_t *const *to) {
    encoded_work *const work = &group->work;
    begin_pixels(group, pairs);
    work->loops[0] = encoded_dense_low_pair;
    work->loops[1] = encoded_dense_high_pair;
    work->finish = encoded_finish_pair;
    work->to[0] = to[0];
    work->to[1] = to[1];
    encoded_fours(work);
}

void encoded_pair(encoded_group *group, const uint32_t *pairs, int8_t *const *to) {
    if (encoding_is_of_pairs(FML_WEIGHT_ENCODING_DENSE_4) && group->of->op->encoding == FML_WEIGHT_ENCODING_DENSE_4) {
        dense_pair(group, pairs, to);
    } else if (any_lists_are_opened()) {
        group->opened->to[0] = to[0];
        group->opened->to[1] = to[1];
        opened_pairs(group->opened);
    }
}

bool encoded_opens(const encoded_group *group) {
    return any_lists_are_opened() && group->counts != NULL;
}

opened_source encoded_source(const encoded_group *group, const uint32_t *pairs, uint16_t left) {
    const opened_source source = {group->counts, group->entries, pairs, left, group->of->op->encoding};
    return source;
}

uint16_t encoded_open(encoded_group *group, opened_work *opened, opened_source *source) {
    opened->range = group->work.range;
    opened->constants = group->constants;
    group->opened = opened;
    group->channels = opened_next(opened, source);
    return group->channels;
}

void encoded_go_on(encoded_group *group, const opened_source *source) {
    group->constants += group->channels;
    group->counts = source->counts;
    group->entries = source->entries;
}
