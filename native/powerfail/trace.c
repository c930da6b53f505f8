#include "trace.h"

#include <string.h>

void trace_clear(trace *what) {
    what->count = what->used = 0;
}

void trace_free(trace *what) {
    free(what->events);
    free(what->bytes);
    memset(what, 0, sizeof *what);
}

static void append(trace *what, uint32_t offset, uint32_t size) {
    if (what->count == what->capacity) {
        what->capacity = 2 * what->capacity + 64;
        what->events = resize(what->events, what->capacity * sizeof *what->events);
    }
    what->events[what->count++] = (event){offset, size, what->used};
}

void trace_write(trace *what, uint32_t offset, const uint8_t *from, uint32_t size) {
    append(what, offset, size);
    if (what->room - what->used < size) {
        what->room = 2 * what->room + size;
        what->bytes = resize(what->bytes, what->room);
    }
    memcpy(what->bytes + what->used, from, size);
    what->used += size;
}

void trace_sync(trace *what) {
    append(what, 0, 0);
}

void event_apply(const trace *of, const event *what, uint8_t *image) {
    if (what->size > 0) {
        memcpy(image + what->offset, event_bytes(of, what), what->size);
    }
}

/* The writes that a cut leaves in doubt: `count` events from `first`, the last of them in flight. */
typedef struct doubt {
    const trace *of;
    const event *first;
    uint32_t count;
    uint8_t *image;
    rng random;
} doubt;

/* All writes but the last one, and of that the bytes from..to. */
static void most(const doubt *what, uint32_t from, uint32_t to) {
    for (uint32_t i = 0; i + 1 < what->count; i++) {
        event_apply(what->of, &what->first[i], what->image);
    }
    const event *last = &what->first[what->count - 1];
    if (from < to) {
        memcpy(what->image + last->offset + from, event_bytes(what->of, last) + from, to - from);
    }
}

/* Random bytes from byte `number` of the last write to the end of its atom. */
static void garbage(doubt *what, uint32_t number, uint32_t atom) {
    const event *last = &what->first[what->count - 1];
    for (uint32_t at = last->offset + number; at < last->offset + last->size; at++) {
        what->image[at] = (uint8_t)rng_next(&what->random);
        if ((at + 1) % atom == 0) {
            break;
        }
    }
}

static void subset(doubt *what) {
    for (uint32_t i = 0; i < what->count; i++) {
        const event *write = &what->first[i];
        const uint8_t *bytes = event_bytes(what->of, write);
        for (uint32_t k = 0; k < write->size; k++) {
            uint32_t dice = rng_next(&what->random);
            if (dice >> 30 != 0) {
                what->image[write->offset + k] = dice >> 31 != 0 ? bytes[k] : (uint8_t)dice;
            }
        }
    }
}

static void lose(doubt *what, const event *write) {
    const uint8_t *bytes = event_bytes(what->of, write);
    uint32_t from = 0, to = write->size;
    switch (rng_below(&what->random, 4)) {
    case 0:
        return;
    case 1:
        to = rng_below(&what->random, write->size + 1);
        break;
    case 2:
        from = rng_below(&what->random, write->size + 1);
        break;
    default:
        break;
    }
    memcpy(what->image + write->offset + from, bytes + from, to - from);
}

static void lost(doubt *what) {
    uint32_t *order = allocate(what->count * sizeof *order);
    for (uint32_t i = 0; i < what->count; i++) {
        uint32_t j = rng_below(&what->random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (uint32_t i = 0; i < what->count; i++) {
        lose(what, &what->first[order[i]]);
    }
    free(order);
}

/* Pieces of memory of `size` bytes, each with a random number of its own, below `below`. */
typedef struct pieces {
    uint64_t key;
    uint32_t size, below, at, fate;
} pieces;

static pieces pieces_of(doubt *what, uint32_t size, uint32_t below) {
    pieces all = {(uint64_t)rng_next(&what->random) << 32, size, below, UINT32_MAX, 0};
    return all;
}

static uint32_t fate(pieces *all, uint32_t address) {
    if (address / all->size != all->at) {
        all->at = address / all->size;
        rng own = rng_of(all->key, all->at, 0);
        all->fate = rng_below(&own, all->below);
    }
    return all->fate;
}

static void sector(doubt *what) {
    pieces all = pieces_of(what, UINT32_C(8) << 2 * rng_below(&what->random, 4), what->count + 1);
    for (uint32_t i = 0; i < what->count; i++) {
        const event *write = &what->first[i];
        const uint8_t *bytes = event_bytes(what->of, write);
        for (uint32_t k = 0; k < write->size; k++) {
            if (i < fate(&all, write->offset + k)) {
                what->image[write->offset + k] = bytes[k];
            }
        }
    }
}

static void page(doubt *what) {
    pieces all = pieces_of(what, UINT32_C(16) << 2 * rng_below(&what->random, 3), 4);
    for (uint32_t i = 0; i < what->count; i++) {
        const event *write = &what->first[i];
        const uint8_t *bytes = event_bytes(what->of, write);
        for (uint32_t k = 0; k < write->size; k++) {
            uint32_t dice = rng_next(&what->random), choice = fate(&all, write->offset + k);
            choice = choice == 3 ? dice >> 24 & 3 : choice;
            if (choice != 0) {
                what->image[write->offset + k] = choice == 1 ? bytes[k] : (uint8_t)dice;
            }
        }
    }
}

void trace_cut(const trace *of, uint32_t synced, uint32_t cut, fault kind, uint32_t number, uint32_t atom,
               uint8_t *image) {
    doubt what = {of, of->events + synced, cut + 1 - synced, image, rng_of(cut, kind, number)};
    switch (kind) {
    case FAULT_PREFIX:
        most(&what, 0, number);
        break;
    case FAULT_SUFFIX:
        most(&what, number, of->events[cut].size);
        break;
    case FAULT_GARBAGE:
        most(&what, 0, number);
        garbage(&what, number, atom);
        break;
    case FAULT_SUBSET:
        subset(&what);
        break;
    case FAULT_LOST:
        lost(&what);
        break;
    case FAULT_SECTOR:
        sector(&what);
        break;
    default:
        page(&what);
        break;
    }
}
