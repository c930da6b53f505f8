/* Encoded weights: the directory rises to the end of the constants, entries fill their block, taps are taps. Kernels
 * then read nothing else, whatever the weights are. */
#include "bytes.h"
#include "encoding.h"
#include "weights.h"
#include "verify.h"

/* The lists of entries from offset `at` of the WEIGHTS section to `end`, their counts at `counts`. */
static int check_lists(const fml_range_check *shifts, const fml_op *op, uint32_t lists, uint32_t at, uint32_t end) {
    const uint32_t entry = fml_weights_entry_size(op->encoding);
    const uint8_t mask = op->encoding == FML_WEIGHT_ENCODING_SPARSE_4 ? 15 : 255; /* the code is above */
    const fml_range_check taps = {shifts->model, shifts->buffer, shifts->buffer_size, 0, fml_op_taps(op) - 1, mask,
                                  true};
    uint32_t counts = at - FML_COUNT_SIZE * lists;
    int status = FML_OK;
    for (; lists != 0 && status == FML_OK; lists--, counts += FML_COUNT_SIZE) {
        uint8_t buffer[FML_COUNT_SIZE];
        const uint8_t *stored = fml_model_fetch(shifts->model, counts, FML_COUNT_SIZE, buffer, &status);
        const uint32_t count = stored != NULL ? fml_read_u16(stored) : 0;
        if (count * entry > end - at) {
            return FML_ERROR_BAD_PARAMS;
        }
        if (count != 0) {
            status = fml_check_bytes(&taps, at, count, entry);
        }
        at += count * entry;
    }
    return status == FML_OK && at != end ? FML_ERROR_BAD_PARAMS : status;
}

static int check_block(const fml_range_check *shifts, const fml_op *op, uint32_t begin, uint32_t size,
                       uint32_t channels) {
    const uint32_t stored = fml_round_up_4(channels), lists = fml_weights_lists(op->encoding, channels);
    const uint32_t fixed =
        FML_CHANNEL_CONSTANTS_SIZE * stored + fml_weights_codebook_size(op->encoding) + FML_COUNT_SIZE * lists;
    const uint32_t each = op->encoding == FML_WEIGHT_ENCODING_DENSE_4 ? stored / 2 : stored; /* bytes of a tap */
    const uint32_t all = fml_weights_entry_size(op->encoding) == 0 ? fml_product(fml_op_taps(op), each) : 0;
    if (size < fixed || size - fixed < all) {
        return FML_ERROR_BAD_PARAMS;
    }
    const int status = fml_check_shifts(shifts, begin, stored);
    return status == FML_OK ? check_lists(shifts, op, lists, begin + fixed + all, begin + size) : status;
}

int fml_verify_encoding(const fml_range_check *shifts, const fml_op *op) {
    const uint32_t blocks = fml_encoding_block_count(op);
    uint32_t left = op->space.channels, end = blocks * FML_DIRECTORY_ENTRY_SIZE;
    int status = op->params_size >= end ? FML_OK : FML_ERROR_BAD_PARAMS;
    for (uint32_t index = 0; index < blocks && status == FML_OK; index++) {
        const uint32_t channels = left < op->tile_channels ? left : op->tile_channels;
        const fml_block block = fml_encoding_block(shifts->model, op, index, &status);
        if (status == FML_OK && block.size > op->params_size - end) { /* also where it ends before it begins */
            return FML_ERROR_BAD_PARAMS;
        }
        if (status == FML_OK) {
            status = check_block(shifts, op, op->params + end, block.size, channels);
        }
        end += block.size;
        left -= channels;
    }
    return status == FML_OK && end != op->params_size ? FML_ERROR_BAD_PARAMS : status;
}
