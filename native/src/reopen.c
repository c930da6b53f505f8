/* A verified model kept in nonvolatile memory, so that a power cut does not cost its verification. */
#include "bytes.h"
#include "model.h"

/* Never 0. */
static uint32_t seal_of(const fml_model *model) {
    return fml_crc32(0, model, sizeof *model) | 1;
}

/* Was *kept made for a blob with this header, whose checksum covers the rest of the blob, at this place? */
static bool intact(const fml_kept *kept, const uint8_t *blob, uint32_t size) {
    const fml_model *const model = &kept->model;
    return kept->seal == seal_of(model) && model->source.mapped == blob &&
           fml_metadata_size(blob, size) == (int32_t)model->metadata_size &&
           fml_read_u32(blob + FML_METADATA_CRC32_AT) == model->model_id;
}

int fml_model_reopen(fml_kept *kept, const uint8_t *blob, uint32_t size) {
    if (intact(kept, blob, size)) {
        return FML_OK;
    }
    const fml_source source = {blob, NULL, NULL, size};
    kept->seal = 0;
    FML_BARRIER(); /* a seal stands for the model that it was made for, whatever becomes of that one */
    const int status = fml_model_open(&kept->model, &source, NULL, NULL, 0);
    FML_BARRIER();
    if (status == FML_OK) {
        kept->seal = seal_of(&kept->model);
    }
    return status;
}
