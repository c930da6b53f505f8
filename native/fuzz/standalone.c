/* Runs a fuzz target without libFuzzer: files as they are, then seeded mutations of them.
 * usage: PROGRAM MUTATIONS SEED MAX_SIZE CRASH_FILE FILE...
 * The input that a sanitizer or a check stops at is left in CRASH_FILE. */
#include <signal.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) __attribute__((weak));
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak)); /* of the sanitizers' library */

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

static struct {
    uint32_t random;
    const char *crash_file;
    bytes input;
} state;

static void save_input(void) {
    FILE *file = fopen(state.crash_file, "wb");
    if (file != NULL) {
        fwrite(state.input.data, 1, state.input.size, file);
        fclose(file);
    }
}

static void save_on_abort(int signal_number) {
    save_input();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* Overwrites, drops, puts in, or repeats a few bytes. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) {
    uint32_t *random = &state.random;
    const uint32_t at = fuzz_below(random, (uint32_t)size);
    const size_t piece = 1 + fuzz_below(random, 8);
    switch (fuzz_below(random, 4)) {
    case 0:
        if (at + piece < size) {
            memmove(data + at, data + at + piece, size - at - piece);
            return size - piece;
        }
        break;
    case 1:
        if (size + piece <= max_size) {
            memmove(data + at + piece, data + at, size - at);
            fuzz_noise(random, data + at, piece);
            return size + piece;
        }
        break;
    case 2:
        if (at + piece <= size) {
            memmove(data + at, data + fuzz_below(random, (uint32_t)(size - piece + 1)), piece);
        }
        break;
    default:
        if (size > 0) {
            fuzz_noise(random, data + at, 1);
        }
    }
    return size;
}

/* A copy of exactly the right size, so that a byte beyond is seen. */
static void run_input(const uint8_t *data, size_t size) {
    state.input = (bytes){malloc(size > 0 ? size : 1), size};
    CHECK(state.input.data != NULL);
    memcpy(state.input.data, data, size);
    LLVMFuzzerTestOneInput(state.input.data, size);
    free(state.input.data);
}

static bytes read_file(const char *name) {
    FILE *file = fopen(name, "rb");
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    const long size = ftell(file);
    CHECK(size >= 0 && fseek(file, 0, SEEK_SET) == 0);
    const bytes read = {malloc((size_t)size + 1), (size_t)size};
    CHECK(read.data != NULL && fread(read.data, 1, read.size, file) == read.size);
    fclose(file);
    return read;
}

static void run_mutated(const bytes *seed, size_t max_size, uint8_t *buffer) {
    size_t size = seed->size < max_size ? seed->size : max_size;
    memcpy(buffer, seed->data, size);
    if (LLVMFuzzerCustomMutator != NULL) {
        size = LLVMFuzzerCustomMutator(buffer, size, max_size, fuzz_random(&state.random));
    } else {
        for (uint32_t left = 1 + fuzz_below(&state.random, 4); left > 0; left--) {
            size = LLVMFuzzerMutate(buffer, size, max_size);
        }
    }
    run_input(buffer, size);
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: %s MUTATIONS SEED MAX_SIZE CRASH_FILE FILE...\n", argv[0]);
        return 2;
    }
    const long mutations = strtol(argv[1], NULL, 10);
    const size_t max_size = (size_t)strtol(argv[3], NULL, 10), files = (size_t)(argc - 5);
    state.random = (uint32_t)strtol(argv[2], NULL, 10) * 2 + 1;
    state.crash_file = argv[4];
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(save_input);
    }
    signal(SIGABRT, save_on_abort);
    if (LLVMFuzzerInitialize != NULL) {
        LLVMFuzzerInitialize(&argc, &argv);
    }
    bytes *seeds = malloc(files * sizeof *seeds);
    uint8_t *buffer = malloc(max_size);
    CHECK(seeds != NULL && buffer != NULL);
    for (size_t i = 0; i < files; i++) {
        seeds[i] = read_file(argv[5 + i]);
        run_input(seeds[i].data, seeds[i].size);
    }
    for (long i = 0; i < mutations; i++) {
        run_mutated(&seeds[fuzz_below(&state.random, (uint32_t)files)], max_size, buffer);
    }
    for (size_t i = 0; i < files; i++) {
        free(seeds[i].data);
    }
    free(seeds);
    free(buffer);
    fuzz_report(stdout);
    return 0;
}
