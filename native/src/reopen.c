/* A verified model kept in nonvolatile memory, so that a power cut does not cost its verification. */
#include "bytes.h"
#include "model.h"

/* Never 0. */
static uint32_t seal_of(const fml_model *model) {
    return fml_crc32(0, model, sizeof *model) | 1;
}

static bool same_place(const fml_source *a, const fml_source *b) {
    return a->mapped == b->mapped && a->read == b->read && a->context == b->context && a->size == b->size;
}

static bool same_header(const uint8_t *a, const uint8_t *b) {
    uint8_t at = 0;
    while (at < FML_HEADER_SIZE && a[at] == b[at]) {
        at++;
    }
    return at == FML_HEADER_SIZE;
}

/* Was *kept made for a blob with this header, whose checksum covers the rest of the blob, at this place? */
static bool intact(const fml_kept *kept, const fml_source *source, const uint8_t *metadata, const uint8_t *header) {
    const fml_model *const model = &kept->model;
    return kept->seal == seal_of(model) && same_place(&model->source, source) && model->metadata == metadata &&
           fml_metadata_size(header, source->size) == (int32_t)model->metadata_size &&
           fml_read_u32(header + FML_METADATA_CRC32_AT) == model->model_id && same_header(header, metadata);
}

int fml_model_reopen(fml_kept *kept, const fml_source *source, const uint8_t *metadata, void *buffer,
                     uint32_t buffer_size) {
    uint8_t bytes[FML_HEADER_SIZE];
    const uint8_t *header = source->mapped;
    if (header != NULL) {
        metadata = header;
    } else {
        header = bytes;
        if (source->size > sizeof bytes && source->read(source->context, 0, bytes, sizeof bytes) < 0) {
            return FML_ERROR_IO;
        }
    }
    if (intact(kept, source, metadata, header)) {
        return FML_OK;
    }
    kept->seal = 0;
    FML_BARRIER(); /* a seal stands for the model that it was made for, whatever becomes of that one */
    const int status = fml_model_open(&kept->model, source, metadata, buffer, buffer_size);
    FML_BARRIER();
    if (status == FML_OK) {
        kept->seal = seal_of(&kept->model);
    }
    return status;
}
