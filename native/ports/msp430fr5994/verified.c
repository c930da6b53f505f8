/* The core's verifier in the firmware: once, for the model is kept in FRAM with a seal. */
#include "blob.h"

static fml_kept kept __attribute__((section(".nvm"))); /* zeros where the firmware was just written: verify */
const fml_model *const the_model = &kept.model;

int blob_open(void *buffer, uint16_t size) {
    static const fml_source source = {IS_FAR ? NULL : near_blob, IS_FAR ? read_blob : NULL, NULL, BLOB_BYTES};
    return fml_model_reopen(&kept, &source, near_blob, buffer, size);
}

const char *blob_error(int status) {
    return fml_status_text(status);
}
