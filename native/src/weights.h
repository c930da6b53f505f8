/* How encoded weights of a block are stored (SPEC.md, "Encodings of weights"): constants of the channels, codebook,
 * counts, entries. */
#ifndef FML_WEIGHTS_H
#define FML_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "model_layout.h"

#define FML_DIRECTORY_ENTRY_SIZE 4
#define FML_COUNT_SIZE 2

/* Bytes of the codebook: encodings with 4-bit codes have odd numbers. */
static inline uint32_t fml_weights_codebook_size(uint8_t encoding) {
    return encoding % 2 * UINT32_C(16);
}

/* Bytes of an entry, the distance first; 0 where all taps are stored, without distances. */
static inline uint32_t fml_weights_entry_size(uint8_t encoding) {
    static const uint8_t sizes[] = {0, 0, 2, 1, 5, 3, 0};
    return sizes[encoding];
}

/* Output channels that share a list of entries. */
static inline uint32_t fml_weights_list_channels(uint8_t encoding) {
    return encoding == FML_WEIGHT_ENCODING_SPARSE_8 || encoding == FML_WEIGHT_ENCODING_SPARSE_4 ? 1 : 4;
}

/* Lists of entries, each with a count, of so many output channels; none where all taps are stored. */
static inline uint32_t fml_weights_lists(uint8_t encoding, uint32_t channels) {
    if (fml_weights_entry_size(encoding) == 0) {
        return 0;
    }
    return fml_weights_list_channels(encoding) == 1 ? channels : (channels + 3) / 4;
}

#endif
