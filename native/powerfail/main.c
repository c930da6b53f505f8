/* Cuts the power of models on media, everywhere. docs/powerfail.md
 *
 *     powerfail [--samples N] [--stride N] [--seed N] [--stop] CASE...   prints a line of JSON per model and medium
 *     powerfail --replay MODEL/MEDIUM/KIND/CUT/NUMBER CASE...            one trial, told at length
 *
 * Exit status 0: every device came through; 1: not; 2: bad arguments. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kept.h"
#include "trial.h"

#define MISMATCHES_SHOWN 10
#define SAMPLE_STRIDE 8 /* of the bytes of a sample that the cut of a start ends at, times options.stride */

typedef struct options {
    uint32_t samples; /* random faults for each event; 100 times as many double cuts and the like */
    uint32_t stride;  /* of the bytes of a step's output that a prefix ends at */
    uint32_t seed;
    bool stop; /* at the first mismatch */
    const char *replay;
} options;

typedef struct campaign {
    const options *how;
    world *in;
    uint64_t trials[TRIAL_COUNT];
    uint64_t mismatches;
    time_t shown;
} campaign;

static void show_progress(campaign *what) {
    time_t now = time(NULL);
    if (now != what->shown && isatty(STDERR_FILENO)) {
        uint64_t all = 0;
        for (int kind = 0; kind < TRIAL_COUNT; kind++) {
            all += what->trials[kind];
        }
        what->shown = now;
        fprintf(stderr, "\r\033[K%s on %s: %llu trials, %llu mismatches", what->in->what->name, what->in->kind->name,
                (unsigned long long)all, (unsigned long long)what->mismatches);
    }
}

/* false: stop here. */
static bool try(campaign *what, trial kind, uint32_t cut, uint32_t number) {
    const char *wrong = trial_run(what->in, kind, cut, number);
    what->trials[kind]++;
    if (wrong != NULL && what->mismatches++ < MISMATCHES_SHOWN) {
        fprintf(stderr, "%s/%s/%s/%u/%u: %s\n", what->in->what->name, what->in->kind->name, trial_names[kind], cut,
                number, wrong);
    }
    return wrong == NULL || !what->how->stop;
}

/* Every place inside a write where it can tear. */
static bool try_places(campaign *what, trial kind, uint32_t cut) {
    const event *now = &what->in->undisturbed.events[cut];
    const uint32_t atom = what->in->kind->atom;
    const uint32_t stride = now->size == FML_RECORD_SIZE ? 1 : what->how->stride;
    for (uint32_t number = 0; number == 0 || number < now->size; number++) {
        bool chosen = number == 0 || (number + cut) % stride == 0;
        if (chosen && (number == 0 || (now->offset + number) % atom == 0) && !try(what, kind, cut, number)) {
            return false;
        }
    }
    return true;
}

static bool try_events(campaign *what) {
    const world *in = what->in;
    for (uint32_t cut = 0; cut < in->undisturbed.count; cut++) {
        show_progress(what);
        const bool sync = in->undisturbed.events[cut].size == 0;
        for (uint32_t kind = 0; kind < FAULT_COUNT; kind++) {
            if ((in->kind->faults >> kind & 1) == 0 || (sync && (kind == FAULT_SUFFIX || kind == FAULT_GARBAGE))) {
                continue;
            }
            if (kind <= FAULT_GARBAGE) {
                if (!try_places(what, (trial)kind, cut)) {
                    return false;
                }
                continue;
            }
            for (uint32_t i = 0; i < what->how->samples; i++) {
                if (!try(what, (trial)kind, cut, what->how->seed + i)) {
                    return false;
                }
            }
        }
    }
    return true;
}

/* Cuts the events first..end-1 of in->earlier: a recovery, or how an exit is taken. */
static bool try_earlier(campaign *what, trial trial_kind, uint32_t base, uint32_t first, uint32_t end) {
    const world *in = what->in;
    for (uint32_t cut = first; cut < end; cut++) {
        const uint32_t size = in->earlier.events[cut].size;
        for (uint32_t kind = 0; kind < FAULT_COUNT; kind++) {
            const bool placed = kind <= FAULT_GARBAGE;
            const uint32_t count = placed ? (size > 0 ? size : 1) : what->how->samples;
            const uint32_t step = size == FML_RECORD_SIZE || !placed ? 1 : SAMPLE_STRIDE * what->how->stride;
            for (uint32_t own = 0; (in->kind->faults >> kind & 1) != 0 && own < count; own += step) {
                if (placed && own % in->kind->atom != 0) {
                    continue;
                }
                if (!try(what, trial_kind, base, RECOVER_NUMBER(cut - first, kind, own))) {
                    return false;
                }
            }
        }
    }
    return true;
}

static bool try_commits(campaign *what) {
    static const struct {
        trial kind;
        uint32_t count;
    } each[] = {{TRIAL_ROT, ROT_DAMAGES}, {TRIAL_RUIN, RUIN_DAMAGES}, {TRIAL_FOREIGN, FOREIGN_RECORDS}};
    for (uint32_t cut = 0; cut < what->in->commit_count; cut++) {
        show_progress(what);
        for (uint32_t i = 0; i < sizeof each / sizeof *each; i++) {
            for (uint32_t number = 0; number < each[i].count; number++) {
                if (!try(what, each[i].kind, cut, number)) {
                    return false;
                }
            }
        }
        const place *at = &what->in->commits[cut].at;
        const bool starts = at->phase == FML_PHASE_RUNNING && at->op == 0 && at->tile == 0;
        const uint32_t first = cut * RECOVER_BASES, bases = starts ? RECOVER_BASES : RECOVER_BASES_AFTER_START;
        for (uint32_t base = first; base < first + bases; base++) {
            const char *wrong = trial_recover_base(what->in, base);
            if (wrong == NULL && !try_earlier(what, TRIAL_RECOVER, base, 0, what->in->begun)) {
                return false;
            }
            if (wrong != NULL && !try(what, TRIAL_RECOVER, base, 0)) {
                return false;
            }
        }
    }
    return true;
}

static bool try_seals(campaign *what) {
    const bool kept = what->in->kind->mapped || what->in->kind->streamed; /* else the same again */
    const uint32_t count = kept ? (uint32_t)KEPT_BYTES + 50 * what->how->samples : 0;
    for (uint32_t base = 0; base < KEPT_BASES; base++) {
        show_progress(what);
        for (uint32_t number = 0; number < count; number++) {
            if (!try(what, TRIAL_SEAL, base, number)) {
                return false;
            }
        }
    }
    return true;
}

/* An exit is taken after every step, and power fails at every place of that; and after every cut. */
static bool try_exits(campaign *what) {
    world *in = what->in;
    for (uint32_t steps = 0; in->what->exit_count > 0 && steps <= in->step_count; steps++) {
        show_progress(what);
        if (!try(what, TRIAL_EXIT, steps, RECOVER_NUMBER(UINT16_MAX, 0, 0)) ||
            !try_earlier(what, TRIAL_EXIT, steps, in->taken, in->earlier.count)) {
            return false;
        }
    }
    for (uint32_t cut = 0; in->what->exit_count > 0 && cut < in->undisturbed.count; cut++) {
        show_progress(what);
        for (uint32_t i = 0; i < what->how->samples; i++) {
            if (!try(what, TRIAL_LEAVE, cut, what->how->seed + i)) {
                return false;
            }
        }
    }
    return true;
}

static bool try_random(campaign *what) {
    static const trial kinds[] = {TRIAL_DOUBLE, TRIAL_TRIPLE, TRIAL_DECAY, TRIAL_STORM};
    for (uint32_t i = 0; i < 100 * what->how->samples; i++) {
        show_progress(what);
        for (uint32_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            if ((kinds[k] != TRIAL_STORM || i % 10 == 0) && !try(what, kinds[k], i, what->how->seed)) {
                return false;
            }
        }
    }
    return true;
}

static void print_result(const campaign *what, double seconds) {
    const world *in = what->in;
    printf("{\"model\": \"%s\", \"medium\": \"%s\", \"events\": %u, \"commits\": %u, \"nvm_bytes\": %u, \"seconds\": "
           "%.2f, "
           "\"mismatches\": %llu, \"trials\": {",
           in->what->name, in->kind->name, in->undisturbed.count, in->commit_count, in->life.model.nvm_size, seconds,
           (unsigned long long)what->mismatches);
    const char *comma = "";
    for (int kind = 0; kind < TRIAL_COUNT; kind++) {
        if (what->trials[kind] > 0) {
            printf("%s\"%s\": %llu", comma, trial_names[kind], (unsigned long long)what->trials[kind]);
            comma = ", ";
        }
    }
    printf("}}\n");
    fflush(stdout);
}

static uint64_t run(world *in, const options *how, const char *wrong) {
    campaign what = {how, in, {0}, 0, 0};
    const clock_t began = clock();
    if (wrong != NULL) {
        fprintf(stderr, "%s on %s: %s\n", in->what->name, in->kind->name, wrong);
        what.mismatches = 1;
    } else {
        (void)(try_events(&what) && try_commits(&what) && try_seals(&what) && try_exits(&what) && try_random(&what));
    }
    print_result(&what, (double)(clock() - began) / CLOCKS_PER_SEC);
    return what.mismatches;
}

/* --- Replay --------------------------------------------------------------------------------------------------------
 */

static void tell_slots(const world *in) {
    static const char *const phases[] = {"IDLE", "RUNNING", "DONE"};
    for (uint32_t slot = 0; slot < FML_NVM_SLOT_COUNT; slot++) {
        record is;
        if (!record_read(image_slot(in->life.nvm, slot), &is)) {
            printf("  slot %u: not valid\n", slot);
            continue;
        }
        printf("  slot %u: %s, op %u, tile %u, tag %u, boots %u, sequence %u, model %08x\n", slot, phases[is.at.phase],
               is.at.op, is.at.tile, is.at.tag, is.boots, is.sequence, is.model_id);
    }
}

static void tell_event(const trace *life, uint32_t number) {
    const event *what = &life->events[number];
    if (what->size == 0) {
        printf("  event %u of %u: sync\n", number, life->count);
    } else {
        printf("  event %u of %u: write %u bytes at %u\n", number, life->count, what->size, what->offset);
    }
}

static int replay(world *in, trial kind, uint32_t cut, uint32_t number) {
    if ((int)kind < FAULT_COUNT && cut < in->undisturbed.count) {
        printf("cut during\n");
        tell_event(&in->undisturbed, cut);
        world_go_to(in, cut);
        memcpy(in->life.nvm, in->image, in->life.model.nvm_size);
        trace_cut(&in->undisturbed, in->synced, cut, (fault)kind, number, in->kind->atom, in->life.nvm);
        printf("which leaves\n");
        tell_slots(in);
    }
    if (kind == TRIAL_RECOVER && cut < RECOVER_BASES * in->commit_count && trial_recover_base(in, cut) == NULL &&
        number >> 16 < in->earlier.count) {
        printf("commit %u, base %u; the recovery is cut during\n", cut / RECOVER_BASES, cut % RECOVER_BASES);
        tell_event(&in->earlier, number >> 16);
    }
    const char *wrong = trial_run(in, kind, cut, number);
    printf("the last device ended with\n");
    tell_slots(in);
    printf("%s\n", wrong == NULL ? "right" : wrong);
    return wrong != NULL;
}

/* Runs the trial that an id names, if it is one of these. -1: it is not. */
static int replay_id(const char *id, const model_case *what, const medium *kind) {
    char model[64], where[16], misfortune[16];
    uint32_t cut, number;
    if (sscanf(id, "%63[^/]/%15[^/]/%15[^/]/%u/%u", model, where, misfortune, &cut, &number) != 5) {
        stop("an id is MODEL/MEDIUM/KIND/CUT/NUMBER, not %s", id);
    }
    if (strcmp(model, what->name) != 0 || strcmp(where, kind->name) != 0) {
        return -1;
    }
    for (int i = 0; i < TRIAL_COUNT; i++) {
        if (strcmp(misfortune, trial_names[i]) == 0) {
            world in;
            const char *wrong = world_make(&in, what, kind);
            if (wrong != NULL) {
                stop("%s", wrong);
            }
            int status = replay(&in, (trial)i, cut, number);
            world_free(&in);
            return status;
        }
    }
    stop("no kind of trial is called %s", misfortune);
}

/* --- Arguments
 * --------------------------------------------------------------------------------------------------------- */

static uint32_t number_of(const char *text) {
    char *end = NULL;
    unsigned long number = text != NULL ? strtoul(text, &end, 10) : 0;
    if (text == NULL || *text == '\0' || *end != '\0' || number > UINT32_MAX) {
        stop("a number is missing");
    }
    return (uint32_t)number;
}

/* The number of the first argument that is not an option. */
static int parse(int count, char **arguments, options *to) {
    int i = 1;
    for (; i < count && strncmp(arguments[i], "--", 2) == 0; i++) {
        if (strcmp(arguments[i], "--stop") == 0) {
            to->stop = true;
        } else if (strcmp(arguments[i], "--replay") == 0 && i + 1 < count) {
            to->replay = arguments[++i];
        } else if (strcmp(arguments[i], "--samples") == 0) {
            to->samples = number_of(arguments[++i]);
        } else if (strcmp(arguments[i], "--stride") == 0) {
            to->stride = number_of(arguments[++i]);
        } else if (strcmp(arguments[i], "--seed") == 0) {
            to->seed = number_of(arguments[++i]);
        } else {
            stop("unknown option %s", arguments[i]);
        }
    }
    if (to->stride == 0 || i == count) {
        stop("usage: powerfail [--samples N] [--stride N] [--seed N] [--stop] [--replay ID] CASE...");
    }
    return i;
}

int main(int count, char **arguments) {
    options how = {8, 1, 0, false, NULL};
    const int first = parse(count, arguments, &how);
    int status = how.replay == NULL ? 0 : 2;
    for (int i = first; i < count; i++) {
        model_case what;
        case_load(arguments[i], &what);
        for (uint32_t kind = 0; kind < media_count && !(status == 1 && how.stop); kind++) {
            if (how.replay != NULL) {
                int one = replay_id(how.replay, &what, &media[kind]);
                status = one >= 0 ? one : status;
                continue;
            }
            world in;
            const char *wrong = world_make(&in, &what, &media[kind]);
            if (run(&in, &how, wrong) > 0) {
                status = 1;
            }
            world_free(&in);
        }
        case_free(&what);
    }
    if (status == 2) {
        stop("none of these models and media is that of the id");
    }
    return status;
}
