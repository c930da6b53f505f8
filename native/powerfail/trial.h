/* One misfortune of a device, named by (kind, cut, number) so that it can be had again. */
#ifndef POWERFAIL_TRIAL_H
#define POWERFAIL_TRIAL_H

#include "world.h"

/* The first ones are a cut of the undisturbed run with the fault of the same number; cut: the event. */
typedef enum trial {
    TRIAL_RECOVER = FAULT_COUNT, /* a second cut, at every event of the recovery; cut: commit * RECOVER_BASES + base */
    TRIAL_DOUBLE,                /* 2 cuts anywhere; cut: any number, seeds it together with `number` */
    TRIAL_TRIPLE,                /* 3 cuts */
    TRIAL_STORM,                 /* 20 cuts, most of them soon after the boot */
    TRIAL_ROT,                   /* a slot decays at rest; cut: commit, number: which damage */
    TRIAL_DECAY,                 /* a cut, a life, a cut in it, and a slot decays */
    TRIAL_RUIN,                  /* both slots decay at rest */
    TRIAL_FOREIGN,               /* the records are another model's, or the newest one is */
    TRIAL_SEAL,  /* mapped, streamed: a cut while the model is verified and sealed; cut: base, number: kept.h */
    TRIAL_EXIT,  /* a cut while an exit is taken; cut: steps before that, number: as TRIAL_RECOVER's, of the exit's
                    events */
    TRIAL_LEAVE, /* a cut, some steps, an exit, another cut; cut: event, number: seed */
    TRIAL_COUNT
} trial;

extern const char *const trial_names[TRIAL_COUNT];

/* Kinds of memory that a recovery begins from: 0 at rest, 1 and 2 a slot decayed, 3 one slot written, 4 the first
 * slot's write cut in the middle, from 5 on its first bytes lacking (where writes are ordered: only they are there). */
#define RECOVER_BASES (4 + FML_RECORD_SIZE)
#define RECOVER_BASES_AFTER_START 6

/* number of TRIAL_RECOVER: event, fault, and the fault's own number. */
#define RECOVER_NUMBER(event, fault, own) ((uint32_t)(event) << 16 | (uint32_t)(fault) << 12 | (uint32_t)(own))

/* Damages that TRIAL_ROT knows: each bit, each byte, whole slots; for both slots. */
#define ROT_DAMAGES (2 * (8 * FML_RECORD_SIZE + FML_RECORD_SIZE + 3))

#define RUIN_DAMAGES 8
#define FOREIGN_RECORDS 2

/* NULL: the device came through. Else a sentence. */
const char *trial_run(world *in, trial kind, uint32_t cut, uint32_t number);

/* Lets what->earlier be the recovery that TRIAL_RECOVER `cut` cuts; NULL or a sentence. */
const char *trial_recover_base(world *in, uint32_t cut);

#endif
