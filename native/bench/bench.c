/* Instructions that an inference takes on an emulated core: tools/instructions.py runs this in QEMU, with a clock that
 * counts instructions. From MEMORY on lie the sizes of a sample and of a blob, both, and then working memory; the blob
 * begins at an odd address, as it may in a file system. Prints for each operator "<index> <timer ticks>", all of its
 * steps together, then "all <ticks>" for an inference with its commits, and "crc <CRC-32 of the scores>". */
#include "board.h"
#include "bytes.h"
#include "interp.h"

#define SCRATCH (MEMORY + UINT32_C(0x400000))
#define ARENA (MEMORY + UINT32_C(0x500000))

/* Compilers call these for copies of structs. */
void *memcpy(void *to, const void *from, size_t size) {
    fml_copy(to, from, (uint32_t)size);
    return to;
}

void *memset(void *to, int value, size_t size) {
    for (size_t i = 0; i < size; i++) {
        ((uint8_t *)to)[i] = (uint8_t)value;
    }
    return to;
}

static void print(const char *text) {
    board_semihosting(4 /* SYS_WRITE0 */, text);
}

static void print_number(uint32_t value, char last) {
    char text[12];
    char *at = text + 11;
    *at = 0;
    *--at = last;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    print(at);
}

/* Steps of each operator, one operator after the other, without commits. */
static int run_operators(const fml_model *model, const uint8_t *sample) {
    fml_copy((uint8_t *)ARENA + model->sample_offset, sample, model->sample_size);
    for (uint16_t index = 0; index < model->op_count; index++) {
        fml_op op;
        const int status = fml_model_op(model, index, &op);
        if (status != FML_OK) {
            return status;
        }
        const uint32_t tiles = fml_op_tile_count(&op), before = board_ticks();
        for (uint32_t tile = 0; tile < tiles; tile++) {
            fml_interp_step(model, &op, tile, (uint8_t *)ARENA, (uint8_t *)SCRATCH);
        }
        const uint32_t ticks = board_ticks() - before;
        print_number(index, ' ');
        print_number(ticks, '\n');
    }
    return FML_OK;
}

/* The same as a device does it, from the sample to the scores; the arena is nonvolatile. */
static int run_session(const fml_model *model, const uint8_t *sample) {
    const fml_nvm nvm = {(uint8_t *)ARENA, NULL, NULL, NULL, NULL, model->nvm_size};
    fml_session session;
    int status = fml_session_open(&session, model, &nvm, NULL, 0, (void *)SCRATCH, model->scratch_size);
    if (status < 0) {
        return status;
    }
    const uint32_t before = board_ticks();
    status = fml_session_start(&session, sample, model->sample_size, 0);
    if (status == FML_OK) {
        status = fml_session_step(&session, 0);
    }
    const uint32_t ticks = board_ticks() - before;
    if (status != FML_DONE) {
        return status;
    }
    print("all ");
    print_number(ticks, '\n');
    print("crc ");
    print_number(fml_crc32(0, fml_session_output(&session), model->output_length), '\n');
    return FML_OK;
}

int main(void) {
    const uint32_t *const sizes = (const uint32_t *)MEMORY;
    const uint8_t *const sample = (const uint8_t *)(sizes + 2), *const blob = sample + sizes[0];
    const fml_source source = {blob, NULL, NULL, sizes[1]};
    fml_model model;
    board_start();
    int status = fml_model_open(&model, &source, NULL, NULL, 0);
    if (status == FML_OK) {
        status = run_operators(&model, sample);
    }
    if (status == FML_OK) {
        status = run_session(&model, sample);
    }
    if (status < 0) {
        print("error ");
        print_number((uint32_t)-status, '\n');
    }
    board_semihosting(0x18 /* SYS_EXIT */, (const void *)0x20026 /* ADP_Stopped_ApplicationExit */);
    for (;;) {
    }
}
