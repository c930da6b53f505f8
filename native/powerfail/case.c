#include "device.h"

#include <stdio.h>
#include <string.h>

static uint8_t *take(FILE *file, uint32_t size, const char *path) {
    uint8_t *bytes = allocate(size);
    if (fread(bytes, 1, size, file) != size) {
        stop("%s is too short", path);
    }
    return bytes;
}

static uint32_t take_number(FILE *file, const char *path) {
    uint8_t *bytes = take(file, 4, path);
    uint32_t number =
        (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    free(bytes);
    return number;
}

void case_load(const char *path, model_case *to) {
    const char *name = strrchr(path, '/');
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        stop("cannot open %s", path);
    }
    snprintf(to->name, sizeof to->name, "%s", name != NULL ? name + 1 : path);
    to->name[strcspn(to->name, ".")] = '\0';
    to->blob_size = take_number(file, path);
    to->sample_size = take_number(file, path);
    to->output_size = take_number(file, path);
    to->exit_count = take_number(file, path);
    to->blob = take(file, to->blob_size, path);
    for (int lap = 0; lap < LAPS; lap++) {
        to->samples[lap] = take(file, to->sample_size, path);
    }
    for (int lap = 0; lap < LAPS; lap++) {
        to->outputs[lap] = take(file, to->output_size, path);
    }
    for (int lap = 0; lap < LAPS; lap++) {
        to->exits[lap] = take(file, to->exit_count * to->output_size, path);
    }
    fclose(file);
}

void case_free(model_case *what) {
    free(what->blob);
    for (int lap = 0; lap < LAPS; lap++) {
        free(what->samples[lap]);
        free(what->outputs[lap]);
        free(what->exits[lap]);
    }
}
