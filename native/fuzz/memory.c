#include <string.h>

#include "fuzz.h"

#define PAGE 32 /* bytes that FUZZ_KEEP_PAGES keeps or loses together, as a journal's slot */

uint32_t fuzz_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

uint32_t fuzz_below(uint32_t *state, uint32_t below) {
    return below > 0 ? fuzz_random(state) % below : 0;
}

void fuzz_noise(uint32_t *state, uint8_t *to, size_t size) {
    for (size_t i = 0; i < size; i++) {
        to[i] = (uint8_t)(fuzz_random(state) >> 8);
    }
}

void *fuzz_allocate(uint32_t *state, size_t size) {
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    CHECK(bytes != NULL);
    fuzz_noise(state, bytes, size);
    return bytes;
}

void fuzz_memory_make(fuzz_memory *memory, uint32_t size, bool mapped, uint32_t random) {
    memset(memory, 0, sizeof *memory);
    memory->size = size;
    memory->mapped = mapped;
    memory->random = random;
    memory->durable = calloc(1, size);
    memory->visible = calloc(1, size);
    memory->written = calloc(1, size);
    CHECK(memory->durable != NULL && memory->visible != NULL && memory->written != NULL);
    fuzz_memory_reset(memory);
}

void fuzz_memory_free(fuzz_memory *memory) {
    free(memory->durable);
    free(memory->visible);
    free(memory->written);
}

void fuzz_memory_reset(fuzz_memory *memory) {
    memory->accesses = 0;
    memory->fail_at = FUZZ_NEVER;
    memory->failed = memory->powerless = false;
}

static bool is_pending(const fuzz_memory *memory, uint32_t at) {
    return memory->mapped ? memory->visible[at] != memory->durable[at] : memory->written[at] != 0;
}

bool fuzz_memory_pending(const fuzz_memory *memory) {
    for (uint32_t at = 0; at < memory->size; at++) {
        if (is_pending(memory, at)) {
            return true;
        }
    }
    return false;
}

static uint8_t survivor(fuzz_memory *memory, uint32_t at, uint32_t kept_pages) {
    uint32_t dice = fuzz_random(&memory->random) >> 4;
    switch (memory->keep) {
    case FUZZ_KEEP_NOTHING:
        return memory->durable[at];
    case FUZZ_KEEP_EVERYTHING:
        return memory->visible[at];
    case FUZZ_KEEP_PAGES:
        return kept_pages >> at / PAGE % 32 & 1 ? memory->visible[at] : memory->durable[at];
    case FUZZ_KEEP_GARBAGE:
        if (dice % 3 == 0) {
            return (uint8_t)(dice >> 8);
        }
    }
    return dice & 1 ? memory->visible[at] : memory->durable[at];
}

void fuzz_memory_cut(fuzz_memory *memory) {
    const uint32_t kept_pages = fuzz_random(&memory->random);
    for (uint32_t at = 0; at < memory->size; at++) {
        if (is_pending(memory, at)) {
            memory->durable[at] = survivor(memory, at, kept_pages);
        }
    }
    memcpy(memory->visible, memory->durable, memory->size);
    memset(memory->written, 0, memory->size);
    memory->powerless = true;
}

static int access_fails(fuzz_memory *memory) {
    if (memory->accesses++ != memory->fail_at) {
        return 0;
    }
    memory->failed = true;
    if (memory->failure == FUZZ_CUT || memory->failure == FUZZ_CUT_ESCAPE) {
        fuzz_memory_cut(memory);
    }
    if (memory->failure == FUZZ_CUT_ESCAPE || memory->failure == FUZZ_ERROR_ESCAPE) {
        longjmp(memory->escape, 1);
    }
    return -1;
}

static int read_nvm(void *context, uint32_t offset, void *to, uint32_t size) {
    fuzz_memory *memory = context;
    CHECK(offset <= memory->size && size <= memory->size - offset);
    memcpy(to, memory->visible + offset, size);
    return access_fails(memory);
}

static int write_nvm(void *context, uint32_t offset, const void *from, uint32_t size) {
    fuzz_memory *memory = context;
    CHECK(offset <= memory->size && size <= memory->size - offset);
    CHECK(!memory->failed); /* no record after data that may be missing */
    bool torn = memory->accesses == memory->fail_at;
    memcpy(memory->visible + offset, from, torn ? fuzz_below(&memory->random, size + 1) : size);
    memset(memory->written + offset, 1, size);
    return access_fails(memory);
}

static int sync_nvm(void *context) {
    fuzz_memory *memory = context;
    CHECK(!memory->failed);
    int status = access_fails(memory);
    if (status == 0) {
        memcpy(memory->durable, memory->visible, memory->size);
        memset(memory->written, 0, memory->size);
    }
    return status;
}

fml_nvm fuzz_memory_nvm(fuzz_memory *memory, uint32_t size) {
    return (fml_nvm){memory->mapped ? memory->visible : NULL, read_nvm, write_nvm, sync_nvm, memory, size};
}

int fuzz_stream_read(void *context, uint32_t offset, void *to, uint32_t size) {
    const fuzz_stream *stream = context;
    CHECK(offset <= stream->size && size <= stream->size - offset);
    memcpy(to, stream->blob + offset, size);
    return stream->memory != NULL ? access_fails(stream->memory) : 0;
}
