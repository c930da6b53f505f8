/* A device: the real core on a simulated memory. One boot of it is a life. */
#ifndef POWERFAIL_DEVICE_H
#define POWERFAIL_DEVICE_H

#include "image.h"
#include "trace.h"

/* Samples and the answers to them; tags 1.. name them in this order. */
#define LAPS 2

/* What is inferred, from a file: u32 sizes of blob, sample and output, number of exits; blob; samples; outputs; for
 * each sample the outputs of all exits. */
typedef struct model_case {
    char name[64];
    uint8_t *blob, *samples[LAPS], *outputs[LAPS], *exits[LAPS];
    uint32_t blob_size, sample_size, output_size, exit_count;
} model_case;

void case_load(const char *path, model_case *to);
void case_free(model_case *what);

typedef struct medium {
    const char *name;
    bool mapped;     /* the core writes it directly */
    bool streamed;   /* the blob is not mapped */
    bool ordered;    /* a write is durable when the next one begins */
    uint8_t blank;   /* value of a byte never written */
    uint32_t atom;   /* bytes that cannot tear */
    uint32_t faults; /* bits 1 << fault */
    const char *what;
} medium;

extern const medium media[];
extern const uint32_t media_count;

typedef struct device {
    const medium *kind;
    fml_model model;
    uint8_t *metadata;
    uint8_t *nvm;   /* model.nvm_size bytes */
    uint8_t *arena; /* where the core has it: in nvm or in RAM */
    uint32_t *scratch;
    fml_session session;
    bool recording;
    trace record;    /* what this life did to nvm */
    uint8_t *shadow; /* nvm as the record has it; mapped only */
    uint8_t *trial;  /* two arenas, to find out which bytes a step writes; mapped only */
    bool wild;       /* a write that was not expected there */
} device;

/* Opens the blob. what: must outlive the device. */
void device_make(device *to, const model_case *what, const medium *kind);
void device_free(device *what);

/* Power comes: nothing is left but `nvm`. ram: the RAM arena's bytes, NULL: meaningless. Status of fml_session_open. */
int device_boot(device *what, bool recording, const uint8_t *ram);

/* As fml_session_start and fml_session_step with one step. */
int device_start(device *what, const uint8_t *sample, uint32_t size, uint32_t tag);
int device_step(device *what);

/* Where the session says that it stands. */
place device_place(const device *what);

#endif
