#include "opened.h"

#include "encoded.h"
#include "weights.h"

/* Channels whose lists fit, and the entries of these lists. */
typedef struct part {
    uint16_t channels, entries;
} part;

static part fitting(const opened_source *source, uint16_t each) {
    part found = {0, 0};
    uint16_t room = opened_lists_size;
    for (const uint8_t *at = source->counts; found.channels < source->channels; at += FML_COUNT_SIZE) {
        const uint16_t count = fml_read_u16(at);
        const uint16_t size = count * (each + 2) + each * (uint16_t)sizeof(opened_header);
        if (size + 2 > room) {
            break;
        }
        room -= size;
        found.channels += each;
        found.entries += count;
    }
    if (found.channels > source->channels) {
        found.channels = source->channels;
    }
    return found;
}

/* The weights of channel i of those that share a list. */
static int8_t *open_weights(int8_t *to, const opened_source *source, uint16_t i, uint16_t step, uint16_t count) {
    const uint8_t *first = source->entries;
    if (encoding_is(source->encoding, FML_WEIGHT_ENCODING_SPARSE_4)) {
        return opened_high(to, first, step, count);
    }
    if (encoding_is(source->encoding, FML_WEIGHT_ENCODING_BLOCK_SPARSE_4)) {
        return (i % 2 == 0 ? opened_low : opened_high)(to, first + 1 + i / 2, step, count);
    }
    return opened_weights(to, first + 1 + i, step, count);
}

uint16_t opened_next(opened_work *work, opened_source *source) {
    const uint16_t each = (uint16_t)fml_weights_list_channels(source->encoding);
    const uint16_t step = (uint16_t)fml_weights_entry_size(source->encoding);
    const part opened = fitting(source, each);
    const opened_steps steps = {source->pairs, step, step == 1 ? 15 : UINT8_MAX};
    opened_header *header = (opened_header *)(void *)opened_lists;
    uint16_t *place = (uint16_t *)(void *)(header + opened.channels) + 1;
    int8_t *weight = (int8_t *)(place + opened.entries);
    work->headers = header;
    work->weights = weight;
    for (uint16_t left = opened.channels; left != 0; source->counts += FML_COUNT_SIZE) {
        const uint16_t count = fml_read_u16(source->counts), turns = (count + OPENED_TURN - 1) / OPENED_TURN;
        const uint16_t first = OPENED_ENTRY_BYTES * ((count - 1) % OPENED_TURN + 1) + OPENED_TAIL_BYTES;
        const uint16_t *const places = place;
        if (count != 0) {
            place = opened_places(place, source->entries, &steps, count);
        }
        for (uint16_t i = 0; i < each && left != 0; i++, left--, header++) {
            header->places = places;
            header->turns = turns;
            header->entry = count == 0 ? opened_end : opened_end - first;
            if (count != 0) {
                weight = open_weights(weight, source, i, step, count);
            }
        }
        source->entries += step * count;
    }
    header->places = NULL;
    source->channels -= opened.channels;
    return opened.channels;
}
