/* What the fuzz targets share: checks, random numbers, and nonvolatile memory that fails on purpose. */
#ifndef FUZZ_H
#define FUZZ_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "freeml.h"

/* A wrong answer is a crash. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                                  \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The next number of a xorshift generator; *state must not be 0 and is changed. */
uint32_t fuzz_random(uint32_t *state);
/* 0..below-1; 0 where below is 0. */
uint32_t fuzz_below(uint32_t *state, uint32_t below);
void fuzz_noise(uint32_t *state, uint8_t *to, size_t size);

/* malloc of exactly `size` bytes of noise, so that a byte beyond is seen; never NULL, aligned to 4 and more. */
void *fuzz_allocate(uint32_t *state, size_t size);

/* --- Memory that fails (memory.c) --------------------------------------------------------------------------------- */

/* How an access fails: with the power or without, by its return value or by leaving the core by longjmp. */
enum { FUZZ_CUT, FUZZ_CUT_ESCAPE, FUZZ_ERROR, FUZZ_ERROR_ESCAPE, FUZZ_FAILURES };

/* What a power cut makes of the bytes written since the last sync. */
enum { FUZZ_KEEP_NOTHING, FUZZ_KEEP_EVERYTHING, FUZZ_KEEP_ANY, FUZZ_KEEP_PAGES, FUZZ_KEEP_GARBAGE, FUZZ_KEEPS };

#define FUZZ_NEVER UINT32_MAX

/* As freeml.h's fml_nvm promises nonvolatile memory to be, and no better. */
typedef struct fuzz_memory {
    uint32_t size;     /* bytes */
    uint8_t *durable;  /* survives a power cut */
    uint8_t *visible;  /* what reads give: durable, and what was written since the last sync */
    uint8_t *written;  /* not 0: written since the last sync. Mapped memory: bytes that differ count instead */
    bool mapped;       /* the core writes `visible` itself */
    uint32_t accesses; /* reads, writes, syncs, and reads of the blob */
    uint32_t fail_at;  /* this access fails; FUZZ_NEVER */
    uint8_t failure;   /* how */
    uint8_t keep;
    bool failed;    /* and has; nothing may be written then, until fuzz_memory_reset */
    bool powerless; /* the power is gone: RAM is lost */
    uint32_t random;
    jmp_buf escape; /* where the _ESCAPE failures go */
} fuzz_memory;

/* Blank. random: not 0. */
void fuzz_memory_make(fuzz_memory *memory, uint32_t size, bool mapped, uint32_t random);
void fuzz_memory_free(fuzz_memory *memory);

/* The core's view of it; mapped or by callbacks, as memory->mapped says. `size` of it, at most memory->size bytes. */
fml_nvm fuzz_memory_nvm(fuzz_memory *memory, uint32_t size);

/* Power fails now. */
void fuzz_memory_cut(fuzz_memory *memory);

/* Before the next life: no failure is due, accesses are allowed again. */
void fuzz_memory_reset(fuzz_memory *memory);

/* Is something not durable yet? */
bool fuzz_memory_pending(const fuzz_memory *memory);

/* A blob that is streamed; its reads are accesses of `memory`, which may be NULL. */
typedef struct fuzz_stream {
    const uint8_t *blob;
    uint32_t size;
    fuzz_memory *memory;
} fuzz_stream;

/* fml_source.read; context: fuzz_stream. Checks that the core reads inside the blob. */
int fuzz_stream_read(void *context, uint32_t offset, void *to, uint32_t size);

/* --- Blobs (seal.c) ----------------------------------------------------------------------------------------------- */

/* Sizes and checksums of a blob set right, as far as the places where they stand can be found. */
void fuzz_seal(uint8_t *blob, size_t size);

/* Position of the first element of a vector of the root table, and their number; 0 where there is none. Any bytes. */
size_t fuzz_vector(const uint8_t *blob, size_t size, uint16_t slot, size_t element_size, uint32_t *count);
/* Position of a field of the root table of `width` bytes; 0 where there is none. Any bytes. */
size_t fuzz_root_field(const uint8_t *blob, size_t size, uint16_t slot, size_t width);

/* --- libFuzzer's interface, which standalone.c provides, too --------------------------------------------------------
 */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* Prints what the inputs so far have exercised, as "name=count" words: a target that refuses everything shows. */
void fuzz_report(FILE *to);

#endif
