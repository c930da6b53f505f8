/* Opens each blob of a file of [size u32][blob], mapped and streamed, in memory of exactly the right sizes; runs those that
 * open. Prints the two statuses of each. Built with the address and undefined-behaviour sanitizers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "freeml.h"

#define MEMORY_MAX 4000000 /* bytes; larger models are opened but not run */
#define STEPS_MAX 3000

static int read_blob(void *context, uint32_t offset, void *to, uint32_t size) {
    memcpy(to, (const uint8_t *)context + offset, size);
    return 0;
}

static void run(const fml_model *model) {
    if (model->nvm_size > MEMORY_MAX || model->scratch_size > MEMORY_MAX) {
        return;
    }
    fml_nvm nvm = {calloc(1, model->nvm_size), NULL, NULL, NULL, NULL, model->nvm_size};
    void *scratch = malloc(model->scratch_size + 1);
    void *sample = calloc(1, model->sample_size);
    fml_session session;
    if (fml_session_open(&session, model, &nvm, NULL, 0, scratch, model->scratch_size) != FML_OK ||
        fml_session_start(&session, sample, model->sample_size, 1) != FML_OK ||
        fml_session_step(&session, STEPS_MAX) < 0) {
        abort();
    }
    free(nvm.mapped);
    free(scratch);
    free(sample);
}

static int open_and_run(const uint8_t *blob, uint32_t size, int streamed) {
    fml_model model;
    fml_source source = {streamed ? NULL : blob, read_blob, (void *)blob, size};
    uint8_t *metadata = NULL;
    uint8_t buffer[16];
    if (streamed) {
        int32_t metadata_size = fml_metadata_size(blob, size);
        if (metadata_size < 0) {
            return (int)metadata_size;
        }
        metadata = malloc((size_t)metadata_size);
        memcpy(metadata, blob, (size_t)metadata_size);
    }
    int status = fml_model_open(&model, &source, metadata, buffer, sizeof buffer);
    if (status == FML_OK) {
        run(&model);
    }
    free(metadata);
    return status;
}

int main(int argc, char **argv) {
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    uint8_t length[4];
    if (file == NULL) {
        return 2;
    }
    for (int index = 0; fread(length, 1, 4, file) == 4; index++) {
        uint32_t size = length[0] | length[1] << 8 | length[2] << 16 | (uint32_t)length[3] << 24;
        uint8_t *blob = malloc(size); /* exactly, so that a byte beyond it is seen */
        if (fread(blob, 1, size, file) != size) {
            return 2;
        }
        fprintf(stderr, "blob %d\n", index);
        printf("%d %d\n", open_and_run(blob, size, 0), open_and_run(blob, size, 1));
        free(blob);
    }
    fclose(file);
    return 0;
}
