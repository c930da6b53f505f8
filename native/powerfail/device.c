#include "device.h"

#include <string.h>

#include "interp.h"
#include "model.h"

#define BIT(kind) (UINT32_C(1) << FAULT_##kind)

const medium media[] = {
    {"fram1", true, false, true, 0x00, 1, BIT(PREFIX) | BIT(GARBAGE) | BIT(SUBSET),
     "FRAM in the address space, byte by byte"},
    {"fram2", true, false, true, 0xa5, 2, BIT(PREFIX) | BIT(GARBAGE) | BIT(SUBSET),
     "FRAM in the address space, words of two bytes"},
    {"spi", false, false, true, 0x00, 1, BIT(PREFIX) | BIT(GARBAGE), "FRAM behind SPI or I2C, bytes in order"},
    {"file", false, true, false, 0x00, 1, BIT(PREFIX) | BIT(SUFFIX) | BIT(LOST) | BIT(SECTOR),
     "file: what is not synced is lost, kept or torn, in any order; weights streamed"},
    {"flash", false, false, false, 0xff, 1, BIT(PREFIX) | BIT(SUFFIX) | BIT(PAGE),
     "flash: pages with torn writes are anything"},
};
const uint32_t media_count = sizeof media / sizeof *media;

/* --- Memories -------------------------------------------------------------------------------------------------- */

static int read_blob(void *context, uint32_t offset, void *to, uint32_t size) {
    memcpy(to, (const uint8_t *)context + offset, size);
    return 0;
}

static int read_nvm(void *context, uint32_t offset, void *to, uint32_t size) {
    const device *what = context;
    memcpy(to, what->nvm + offset, size);
    return 0;
}

static int write_nvm(void *context, uint32_t offset, const void *from, uint32_t size) {
    device *what = context;
    if (offset > what->model.nvm_size || size > what->model.nvm_size - offset) {
        what->wild = true;
        return -1;
    }
    memcpy(what->nvm + offset, from, size);
    if (what->recording) {
        trace_write(&what->record, offset, from, size);
    }
    return 0;
}

static int sync_nvm(void *context) {
    device *what = context;
    if (what->recording) {
        trace_sync(&what->record);
    }
    return 0;
}

/* --- Mapped memory: what the core wrote since the last sync ----------------------------------------------------- */

static void note(device *what, uint32_t offset, uint32_t size) {
    trace_write(&what->record, offset, what->nvm + offset, size);
    memcpy(what->shadow + offset, what->nvm + offset, size);
}

static bool changed(const device *what, uint32_t offset, uint32_t size) {
    return memcmp(what->shadow + offset, what->nvm + offset, size) != 0;
}

/* Steps are noted before they run; what else has changed is the sample or a record. */
static int sync_mapped(void *context) {
    device *what = context;
    const uint32_t sample = FML_NVM_ARENA_OFFSET + what->model.sample_offset;
    if (changed(what, sample, what->model.sample_size)) {
        note(what, sample, what->model.sample_size);
    }
    for (uint32_t slot = 0; slot < FML_NVM_SLOT_COUNT; slot++) {
        if (changed(what, slot * FML_NVM_SLOT_SIZE, FML_RECORD_SIZE)) {
            note(what, slot * FML_NVM_SLOT_SIZE, FML_RECORD_SIZE);
        }
    }
    what->wild = what->wild || changed(what, 0, what->model.nvm_size);
    trace_sync(&what->record);
    return 0;
}

/* Runs the next step on two copies of the arena that differ in every byte of its output: what the step writes is equal
 * afterwards, everything else is not. Notes it, as runs of bytes. */
static void note_step(device *what) {
    const fml_session *session = &what->session;
    const uint32_t size = what->model.arena_size;
    uint8_t *same = what->trial, *other = what->trial + size;
    fml_op op;
    if (fml_model_op(&what->model, session->op, &op) != FML_OK) {
        what->wild = true;
        return;
    }
    const uint32_t begin = op.output.offset, end = begin + fml_shape_size(&op.output.shape);
    memcpy(same, what->arena, size);
    memcpy(other, what->arena, size);
    for (uint32_t at = begin; at < end; at++) {
        other[at] ^= 0xff;
    }
    (void)fml_interp_step(&what->model, &op, session->tile, same, (uint8_t *)what->scratch);
    (void)fml_interp_step(&what->model, &op, session->tile, other, (uint8_t *)what->scratch);
    for (uint32_t at = begin; at < end;) {
        uint32_t from = at;
        while (at < end && same[at] == other[at]) {
            at++;
        }
        if (at > from) {
            trace_write(&what->record, FML_NVM_ARENA_OFFSET + from, same + from, at - from);
            memcpy(what->shadow + FML_NVM_ARENA_OFFSET + from, same + from, at - from);
        } else {
            at++;
        }
    }
}

/* --- Life ----------------------------------------------------------------------------------------------------------
 */

void device_make(device *to, const model_case *what, const medium *kind) {
    memset(to, 0, sizeof *to);
    to->kind = kind;
    fml_source source = {kind->streamed ? NULL : what->blob, read_blob, what->blob, what->blob_size};
    uint8_t buffer[64];
    if (kind->streamed) {
        int32_t size = fml_metadata_size(what->blob, what->blob_size);
        to->metadata = allocate(size > 0 ? (size_t)size : 0);
        memcpy(to->metadata, what->blob, size > 0 ? (size_t)size : 0);
    }
    int status = fml_model_open(&to->model, &source, to->metadata, buffer, sizeof buffer);
    if (status != FML_OK) {
        stop("%s: %s", what->name, fml_status_text(status));
    }
    if (to->model.sample_size != what->sample_size || to->model.output_length != what->output_size) {
        stop("%s: its samples or answers are of another size", what->name);
    }
    to->nvm = allocate(to->model.nvm_size);
    to->arena = kind->mapped ? to->nvm + FML_NVM_ARENA_OFFSET : allocate(to->model.arena_size);
    to->scratch = allocate(to->model.scratch_size);
    to->shadow = allocate(to->model.nvm_size);
    to->trial = allocate((size_t)2 * to->model.arena_size);
}

void device_free(device *what) {
    if (!what->kind->mapped) {
        free(what->arena);
    }
    free(what->metadata);
    free(what->nvm);
    free(what->scratch);
    free(what->shadow);
    free(what->trial);
    trace_free(&what->record);
}

int device_boot(device *what, bool recording, const uint8_t *ram) {
    const bool mapped = what->kind->mapped;
    fml_nvm nvm = {NULL, read_nvm, write_nvm, sync_nvm, what, what->model.nvm_size};
    if (mapped) {
        nvm = (fml_nvm){what->nvm, NULL, NULL, recording ? sync_mapped : NULL, what, what->model.nvm_size};
    } else if (ram != NULL) {
        memcpy(what->arena, ram, what->model.arena_size);
    } else {
        memset(what->arena, 0x5a, what->model.arena_size);
    }
    memset(what->scratch, 0, what->model.scratch_size); /* the tag of the first operator */
    memset(&what->session, 0x5a, sizeof what->session);
    what->recording = recording;
    what->wild = false;
    trace_clear(&what->record);
    if (recording) {
        memcpy(what->shadow, what->nvm, what->model.nvm_size);
    }
    return fml_session_open(&what->session, &what->model, &nvm, mapped ? NULL : what->arena,
                            mapped ? 0 : what->model.arena_size, what->scratch, what->model.scratch_size);
}

int device_start(device *what, const uint8_t *sample, uint32_t size, uint32_t tag) {
    return fml_session_start(&what->session, sample, size, tag);
}

int device_step(device *what) {
    if (what->recording && what->kind->mapped && what->session.phase == FML_PHASE_RUNNING) {
        note_step(what);
    }
    return fml_session_step(&what->session, 1);
}

place device_place(const device *what) {
    const fml_session *session = &what->session;
    return (place){session->phase, session->exit, session->op, session->tile, session->tag};
}
