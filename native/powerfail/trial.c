#include "trial.h"

#include <string.h>

#include "early.h"
#include "kept.h"

#define STORM_CUTS 20

const char *const trial_names[TRIAL_COUNT] = {"prefix", "suffix",  "garbage", "subset", "lost",  "sector",
                                              "page",   "recover", "double",  "triple", "storm", "rot",
                                              "decay",  "ruin",    "foreign", "seal",   "exit",  "leave"};

/* --- Memories ------------------------------------------------------------------------------------------------------
 */

static void at_rest(world *in, uint32_t number) {
    world_go_to(in, in->commits[number].rest);
    memcpy(in->life.nvm, in->image, in->life.model.nvm_size);
}

static void cut_undisturbed(world *in, uint32_t cut, fault kind, uint32_t number) {
    world_go_to(in, cut);
    memcpy(in->life.nvm, in->image, in->life.model.nvm_size);
    trace_cut(&in->undisturbed, in->synced, cut, kind, number, in->kind->atom, in->life.nvm);
}

static void cut_earlier(world *in, uint32_t cut, fault kind, uint32_t number) {
    uint32_t synced = 0;
    memcpy(in->life.nvm, in->earlier_image, in->life.model.nvm_size);
    for (uint32_t i = 0; i < cut; i++) {
        if (in->earlier.events[i].size == 0) {
            for (; synced < i; synced++) {
                event_apply(&in->earlier, &in->earlier.events[synced], in->life.nvm);
            }
            synced++;
        }
    }
    trace_cut(&in->earlier, synced, cut, kind, number, in->kind->atom, in->life.nvm);
}

/* Runs the life that begins with life.nvm, to be cut afterwards. */
static const char *live(world *in, span *may) {
    memcpy(in->earlier_image, in->life.nvm, in->life.model.nvm_size);
    const char *wrong = world_check(in, true, may);
    const trace swapped = in->earlier;
    in->earlier = in->life.record;
    in->life.record = swapped;
    in->earlier_span = *may;
    in->recover_base = UINT32_MAX;
    return wrong;
}

static void damage(uint8_t *slot, uint32_t number) {
    rng random = rng_of(number, 0, 0);
    const uint32_t bits = 8 * FML_RECORD_SIZE;
    if (number < bits) {
        slot[number / 8] ^= (uint8_t)(1 << number % 8);
    } else if (number < bits + FML_RECORD_SIZE) {
        slot[number - bits] ^= (uint8_t)(1 + rng_below(&random, 255));
    } else {
        const uint32_t whole = number - bits - FML_RECORD_SIZE;
        for (uint32_t i = 0; i < FML_RECORD_SIZE; i++) {
            slot[i] = whole == 0 ? 0 : whole == 1 ? 0xff : (uint8_t)rng_next(&random);
        }
    }
}

/* --- Random cuts -----------------------------------------------------------------------------------------------------
 */

/* A fault that the medium has, and a number for it. */
static fault random_fault(const world *in, const trace *of, uint32_t cut, rng *random, uint32_t *number) {
    fault kind;
    do {
        kind = (fault)rng_below(random, FAULT_COUNT);
    } while ((in->kind->faults >> kind & 1) == 0);
    const event *last = &of->events[cut];
    *number = rng_next(random) >> 12;
    if (kind <= FAULT_GARBAGE) {
        *number = last->size > 0 ? *number % last->size : 0;
        *number -= (last->offset + *number) % in->kind->atom <= *number ? (last->offset + *number) % in->kind->atom : 0;
    }
    return kind;
}

static const char *many_cuts(world *in, uint32_t cuts, rng *random) {
    in->skip = rng_below(random, 2) != 0;
    uint32_t number, cut = rng_below(random, in->undisturbed.count);
    fault kind = random_fault(in, &in->undisturbed, cut, random, &number);
    span may = world_undisturbed_span(in, cut);
    cut_undisturbed(in, cut, kind, number);
    for (uint32_t i = 1; i < cuts; i++) {
        const char *wrong = live(in, &may);
        if (wrong != NULL || in->earlier.count == 0) {
            return wrong;
        }
        uint32_t end = in->earlier.count;
        if (cuts >= STORM_CUTS && in->begun > 0 && rng_below(random, 8) != 0) {
            end = in->begun;
        }
        cut = rng_below(random, end);
        kind = random_fault(in, &in->earlier, cut, random, &number);
        may = world_span(in, &in->earlier, may, cut);
        cut_earlier(in, cut, kind, number);
    }
    return world_check(in, false, &may);
}

/* --- Recovery
 * ---------------------------------------------------------------------------------------------------------- */

const char *trial_recover_base(world *in, uint32_t cut) {
    const uint32_t number = cut / RECOVER_BASES, base = cut % RECOVER_BASES;
    const commit *from = &in->commits[number];
    span may = {(int32_t)number, (int32_t)number};
    in->skip = base % 2 != 0;
    if (base < 3) {
        at_rest(in, number);
    } else if (base == 3) {
        may = world_undisturbed_span(in, from->durable + 1);
        cut_undisturbed(in, from->durable + 1, FAULT_PREFIX, 0);
    } else {
        const fault kind = in->kind->ordered || base == 4 ? FAULT_PREFIX : FAULT_SUFFIX;
        may = world_undisturbed_span(in, from->write);
        cut_undisturbed(in, from->write, kind, base == 4 ? FML_RECORD_SIZE / 2 : base - 4);
    }
    if (base == 1 || base == 2) {
        damage(image_slot(in->life.nvm, base - 1), ROT_DAMAGES / 2 - 1);
    }
    const char *wrong = live(in, &may);
    in->recover_base = cut;
    return wrong;
}

static const char *recover(world *in, uint32_t base, uint32_t number) {
    const char *wrong = in->recover_base == base ? NULL : trial_recover_base(in, base);
    const uint32_t cut = number >> 16;
    if (wrong != NULL || cut >= in->earlier.count) {
        return wrong;
    }
    in->skip = false;
    span may = world_span(in, &in->earlier, in->earlier_span, cut);
    cut_earlier(in, cut, (fault)(number >> 12 & 15), number & 0xfff);
    return world_check(in, false, &may);
}

/* --- Exits
 * ------------------------------------------------------------------------------------------------------------- */

static const char *take_exit(world *in, uint32_t steps, uint32_t number) {
    const char *wrong = in->recover_base == (EARLY_BASE | steps) ? NULL : early_life(in, steps);
    const uint32_t cut = in->taken + (number >> 16);
    if (wrong != NULL || cut >= in->earlier.count) {
        return wrong;
    }
    return early_cut(in, cut, (fault)(number >> 12 & 15), number & 0xfff);
}

static const char *leave(world *in, uint32_t cut, uint32_t number) {
    rng random = rng_of(cut, number, TRIAL_LEAVE);
    uint32_t own;
    const fault kind = random_fault(in, &in->undisturbed, cut, &random, &own);
    cut_undisturbed(in, cut, kind, own);
    return early_after(in, rng_below(&random, 4));
}

/* --- Decay
 * --------------------------------------------------------------------------------------------------------------- */

/* Checks a memory that lost something besides power: one valid record is enough, without any it has to refuse. */
static const char *check_decayed(world *in, span may) {
    record newest;
    const fml_journal_state found = image_journal(in->life.nvm, in->life.model.model_id, &newest);
    return found == FML_JOURNAL_VALID ? world_check(in, false, &may) : world_check_refused(in, found);
}

static const char *rot(world *in, uint32_t cut, uint32_t number) {
    const span may = {(int32_t)cut, (int32_t)cut};
    at_rest(in, cut);
    damage(image_slot(in->life.nvm, number & 1), number >> 1);
    record newest;
    if (image_journal(in->life.nvm, in->life.model.model_id, &newest) != FML_JOURNAL_VALID) {
        return "a single slot was all there was";
    }
    return check_decayed(in, may);
}

static const char *ruin(world *in, uint32_t cut, uint32_t number) {
    rng random = rng_of(cut, number, TRIAL_RUIN);
    at_rest(in, cut);
    for (uint32_t slot = 0; slot < FML_NVM_SLOT_COUNT; slot++) {
        const uint32_t all = ROT_DAMAGES / 2;
        damage(image_slot(in->life.nvm, slot), number < 3 ? all - 3 + number : rng_below(&random, all));
    }
    return check_decayed(in, (span){-1, -1});
}

static const char *decay(world *in, rng *random) {
    in->skip = rng_below(random, 2) != 0;
    uint32_t number, cut = rng_below(random, in->undisturbed.count);
    fault kind = random_fault(in, &in->undisturbed, cut, random, &number);
    span may = world_undisturbed_span(in, cut);
    cut_undisturbed(in, cut, kind, number);
    const char *wrong = live(in, &may);
    if (wrong != NULL || in->earlier.count == 0) {
        return wrong;
    }
    cut = rng_below(random, in->earlier.count);
    kind = random_fault(in, &in->earlier, cut, random, &number);
    may = world_span(in, &in->earlier, may, cut);
    may.low -= may.low >= 0; /* the newest slot can be the one that decays */
    cut_earlier(in, cut, kind, number);
    damage(image_slot(in->life.nvm, rng_below(random, 2)), rng_below(random, ROT_DAMAGES / 2));
    return check_decayed(in, may);
}

static const char *foreign(world *in, uint32_t cut, uint32_t number) {
    at_rest(in, cut);
    for (uint32_t slot = number; slot < FML_NVM_SLOT_COUNT; slot++) {
        record theirs;
        if (record_read(image_slot(in->life.nvm, slot), &theirs)) {
            theirs.model_id ^= 1;
            theirs.sequence++;
            record_write(&theirs, image_slot(in->life.nvm, slot));
        }
    }
    return world_check_refused(in, FML_JOURNAL_FOREIGN);
}

const char *trial_run(world *in, trial kind, uint32_t cut, uint32_t number) {
    in->skip = false;
    rng random = rng_of(number, cut, kind);
    span may;
    switch (kind) {
    case TRIAL_RECOVER:
        return recover(in, cut, number);
    case TRIAL_DOUBLE:
        return many_cuts(in, 2, &random);
    case TRIAL_TRIPLE:
        return many_cuts(in, 3, &random);
    case TRIAL_STORM:
        return many_cuts(in, STORM_CUTS, &random);
    case TRIAL_ROT:
        return rot(in, cut, number);
    case TRIAL_DECAY:
        return decay(in, &random);
    case TRIAL_RUIN:
        return ruin(in, cut, number);
    case TRIAL_FOREIGN:
        return foreign(in, cut, number);
    case TRIAL_EXIT:
        return take_exit(in, cut, number);
    case TRIAL_LEAVE:
        return leave(in, cut, number);
    case TRIAL_SEAL:
        return kept_check(&in->life, in->what, cut, number);
    default:
        may = world_undisturbed_span(in, cut);
        cut_undisturbed(in, cut, (fault)kind, number);
        return world_check(in, false, &may);
    }
}
