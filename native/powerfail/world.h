/* A model on a medium: the run that no power cut disturbs, and how any other run is held to it. */
#ifndef POWERFAIL_WORLD_H
#define POWERFAIL_WORLD_H

#include "device.h"

/* A commit of the undisturbed run. */
typedef struct commit {
    place at;
    uint32_t write;   /* event that writes its first record */
    uint32_t durable; /* the sync after it */
    uint32_t rest;    /* first event after both slots are written */
    uint8_t *arena;   /* what NVM holds of it, arena_size bytes */
    uint8_t *needed; /* 0xff for each byte that later steps, or the application, read before they are written; else 0 */
} commit;

/* Which commits of the undisturbed run a device may stand at; -1: before the first one. high can be more than the last
 * life has reached: what an even earlier one was about to commit, when its torn record is made whole. */
typedef struct span {
    int32_t low, high;
} span;

#define EARLY_BASE (UINT32_C(1) << 31)

typedef struct world {
    const model_case *what;
    const medium *kind;
    device life;      /* the device that dies and boots again */
    uint8_t *initial; /* NVM before everything */
    trace undisturbed;
    bool skip; /* a device that finds nothing starts the second inference: another sample, another tag */
    commit *commits;
    uint32_t commit_count;
    uint32_t step_count; /* of one inference */
    /* NVM as it was at the last sync before event number `at`, and the first event after that sync. */
    uint8_t *image;
    uint32_t at, synced;
    /* The life before the last one, for second cuts: NVM when it began, what it did, and how much of that to boot. */
    uint8_t *earlier_image;
    trace earlier;
    uint32_t begun; /* events of the last life until it had recovered, or started an inference */
    span earlier_span;
    uint32_t recover_base; /* TRIAL_RECOVER: which life that is; TRIAL_EXIT: EARLY_BASE | steps; UINT32_MAX: another */
    uint32_t taken;        /* TRIAL_EXIT: its first event that belongs to the exit */
} world;

/* Runs the model undisturbed, LAPS inferences from initial memory. NULL, or a sentence when that goes wrong. */
const char *world_make(world *to, const model_case *what, const medium *kind);
void world_free(world *what);

/* Sets image, at, synced. */
void world_go_to(world *what, uint32_t cut);

/* Where a device may stand whose undisturbed run was cut during event `cut`. */
span world_undisturbed_span(const world *what, uint32_t cut);

/* Where a device may stand that was cut during event `cut` of `life`, which began at commit begin.low. */
span world_span(const world *what, const trace *life, span begin, uint32_t cut);

/* Boots what->life with the memory in what->life.nvm and runs it until it has to end like the undisturbed run: it
 * finishes, or stands at a commit with the same memory. *may: where it may stand at first; low is set to where it
 * stood. NULL: right. Else a sentence that says what is wrong. */
const char *world_check(world *what, bool recording, span *may);

/* A memory without a valid record of the model: nothing may be resumed, the next inference must be right. */
const char *world_check_refused(world *what, fml_journal_state found);

#endif
