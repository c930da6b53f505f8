/* What a life of the device did to its nonvolatile memory, and what a power cut leaves of it. */
#ifndef POWERFAIL_TRACE_H
#define POWERFAIL_TRACE_H

#include "host.h"

/* A write, or (size 0) a sync. */
typedef struct event {
    uint32_t offset, size; /* bytes of NVM */
    uint32_t data;         /* where in trace.bytes the written bytes are */
} event;

typedef struct trace {
    event *events;
    uint32_t count, capacity;
    uint8_t *bytes;
    uint32_t used, room;
} trace;

void trace_clear(trace *what);
void trace_free(trace *what);
void trace_write(trace *what, uint32_t offset, const uint8_t *from, uint32_t size);
void trace_sync(trace *what);

static inline const uint8_t *event_bytes(const trace *of, const event *what) {
    return of->bytes + what->data;
}

/* Does the event to its place in an image. */
void event_apply(const trace *of, const event *what, uint8_t *image);

/* What a power cut does to the writes since the last sync. In docs/powerfail.md. */
typedef enum fault {
    FAULT_PREFIX,  /* number: bytes of the last write that are in; all earlier writes are */
    FAULT_SUFFIX,  /* number: bytes of the last write that are not in; the rest and all earlier writes are */
    FAULT_GARBAGE, /* as PREFIX, and the atom after them is random */
    FAULT_SUBSET,  /* number: seed; each byte of each write is old, new or random */
    FAULT_LOST,    /* each write is in, not in, or in up to a byte, or from a byte on; in any order */
    FAULT_SECTOR,  /* pieces of 8 to 512 bytes, each as it was after another number of writes */
    FAULT_PAGE,    /* pages of 16 to 256 bytes, what was written of each is old, new, random or mixed */
    FAULT_COUNT
} fault;

/* Applies to `image` what a cut during event number `cut` leaves of the writes since `synced`, the number of the first
 * event after the last sync. image: as it was at that sync. atom: bytes that cannot tear. */
void trace_cut(const trace *of, uint32_t synced, uint32_t cut, fault kind, uint32_t number, uint32_t atom,
               uint8_t *image);

#endif
