/* Mutates a blob where it matters: fields of its structs, their number, its constants; then sets its checksums right,
 * so that the verifier behind them is what is tried. A few stay unsealed. */
#include <string.h>

#include "../src/bytes.h"
#include "../src/model_layout.h"
#include "fuzz.h"

#define METADATA_SIZE_AT 8
#define LOOKUP_SIZE 256

/* A vector of structs and the widths of the structs' fields, in bytes, in their order. */
typedef struct layout {
    uint8_t slot, size;
    const char *widths;
} layout;

static const layout layouts[] = {
    {FML_MODEL_TENSORS_SLOT, FML_TENSOR_SIZE, "4222114"},
    {FML_MODEL_OPS_SLOT, FML_OP_SIZE, "112222222211112444"},
    {FML_MODEL_WINDOWS_SLOT, FML_WINDOW_SIZE, "2211111122211"},
    {FML_MODEL_VIEWS_SLOT, FML_VIEW_SIZE, "222244444444"},
};
#define LAYOUTS (sizeof layouts / sizeof layouts[0])

static const layout *any_layout(uint32_t *random) {
    const uint32_t weighted = fuzz_below(random, LAYOUTS + 2); /* most of all operators */
    return &layouts[weighted < LAYOUTS ? weighted : 1];
}

static uint32_t read_field(const uint8_t *from, size_t width) {
    return width == 4 ? fml_read_u32(from) : width == 2 ? fml_read_u16(from) : *from;
}

static void write_field(uint8_t *to, size_t width, uint32_t value) {
    for (size_t i = 0; i < width; i++) {
        to[i] = (uint8_t)(value >> 8 * i);
    }
}

/* One of the sizes that bound what a field may say. */
static uint32_t limit(const uint8_t *blob, size_t size, uint32_t *random) {
    static const uint8_t slots[] = {FML_MODEL_ARENA_SIZE_SLOT, FML_MODEL_SAMPLE_SIZE_SLOT};
    const uint32_t which = fuzz_below(random, 4);
    if (which >= sizeof slots) {
        const uint32_t weights = size > FML_HEADER_SIZE ? (uint32_t)size - fml_read_u32(blob + METADATA_SIZE_AT) : 0;
        return which == 2 ? weights : weights - LOOKUP_SIZE;
    }
    const size_t at = fuzz_root_field(blob, size, slots[which], 4);
    return at != 0 ? fml_read_u32(blob + at) : 0;
}

static uint32_t near_or_extreme(uint32_t *random, uint32_t value) {
    static const uint32_t extremes[] = {0,
                                        1,
                                        2,
                                        3,
                                        4,
                                        7,
                                        8,
                                        16,
                                        31,
                                        32,
                                        127,
                                        128,
                                        255,
                                        256,
                                        0x7fff,
                                        65535,
                                        0x7fffffff,
                                        0x80000000,
                                        UINT32_MAX,
                                        UINT32_C(-2),
                                        UINT32_C(-4),
                                        65534,
                                        0x3fffffff,
                                        0x55555556};
    switch (fuzz_below(random, 6)) {
    case 0:
        return value + 1;
    case 1:
        return value - 1;
    case 2:
        return value + fuzz_below(random, 65) - 32;
    case 3:
        return value ^ UINT32_C(1) << fuzz_below(random, 32);
    case 4:
        return value * fuzz_below(random, 5) / (1 + fuzz_below(random, 4));
    default:
        return extremes[fuzz_below(random, sizeof extremes / sizeof extremes[0])];
    }
}

/* Where a field of a struct begins, and its width. */
static size_t field_at(const layout *kind, uint32_t field, size_t *width) {
    size_t sum = 0, at = 0;
    for (uint32_t i = 0; kind->widths[i] != 0; i++) {
        const size_t wide = (size_t)(kind->widths[i] - '0');
        at = i == field ? sum : at;
        *width = i == field ? wide : *width;
        sum += wide;
    }
    CHECK(sum == kind->size);
    return at;
}

/* Replaces a field of a struct: by a number near it, an extreme one, or what another struct of the kind has there. */
static void change_field(uint8_t *blob, size_t size, uint32_t *random) {
    const layout *kind = any_layout(random);
    uint32_t count;
    const size_t first = fuzz_vector(blob, size, kind->slot, kind->size, &count);
    if (count == 0) {
        return;
    }
    size_t width = 0;
    const size_t at = first + field_at(kind, fuzz_below(random, (uint32_t)strlen(kind->widths)), &width);
    uint8_t *to = blob + at + (size_t)fuzz_below(random, count) * kind->size;
    const uint32_t how = fuzz_below(random, 8);
    if (how == 0) {
        write_field(to, width, limit(blob, size, random) + fuzz_below(random, 5) - 2);
    } else if (how < 4) {
        memmove(to, blob + at + (size_t)fuzz_below(random, count) * kind->size, width);
    } else {
        write_field(to, width, near_or_extreme(random, read_field(to, width)));
    }
}

static void change_scalar(uint8_t *blob, size_t size, uint32_t *random) {
    static const struct {
        uint8_t slot, width;
    } scalars[] = {{FML_MODEL_SAMPLE_TYPE_SLOT, 1}, {FML_MODEL_OUTPUT_SLOT, 2},        {FML_MODEL_ARENA_SIZE_SLOT, 4},
                   {FML_MODEL_ARENA_SIZE_SLOT, 4},  {FML_MODEL_SAMPLE_OFFSET_SLOT, 4}, {FML_MODEL_SAMPLE_SIZE_SLOT, 4}};
    const uint32_t i = fuzz_below(random, sizeof scalars / sizeof scalars[0]);
    const size_t width = scalars[i].width, at = fuzz_root_field(blob, size, scalars[i].slot, width);
    if (at != 0) {
        const uint32_t value = fuzz_below(random, 4) > 0 ? read_field(blob + at, width) : limit(blob, size, random);
        write_field(blob + at, width, near_or_extreme(random, value));
    }
}

/* Copies a struct over another one, exchanges both, or drops the last. */
static void shuffle_structs(uint8_t *blob, size_t size, uint32_t *random) {
    const layout *kind = any_layout(random);
    uint32_t count;
    const size_t at = fuzz_vector(blob, size, kind->slot, kind->size, &count);
    if (count == 0) {
        return;
    }
    uint8_t kept[FML_VIEW_SIZE]; /* the largest */
    uint8_t *one = blob + at + (size_t)fuzz_below(random, count) * kind->size;
    uint8_t *other = blob + at + (size_t)fuzz_below(random, count) * kind->size;
    const uint32_t what = fuzz_below(random, 4);
    if (what == 0) {
        fml_write_u32(blob + at - 4, count - 1);
        return;
    }
    memcpy(kept, one, kind->size);
    memmove(one, other, kind->size);
    if (what == 1) {
        memcpy(other, kept, kind->size);
    }
}

/* Moves a vector to the end of the metadata with one struct more, a copy of one of its own put in anywhere. */
static size_t grow_vector(uint8_t *blob, size_t size, size_t max_size, uint32_t *random) {
    const layout *kind = any_layout(random);
    uint32_t count;
    const size_t at = fuzz_vector(blob, size, kind->slot, kind->size, &count);
    const size_t field = fuzz_root_field(blob, size, kind->slot, 4), bytes = 4 + (size_t)(count + 1) * kind->size;
    const uint32_t metadata = size > FML_HEADER_SIZE ? fml_read_u32(blob + METADATA_SIZE_AT) : 0;
    if (count == 0 || metadata > size || bytes > max_size - size || at + bytes > (size_t)metadata + kind->size + 4) {
        return size;
    }
    uint8_t *to = blob + metadata, *inserted = to + 4 + (size_t)fuzz_below(random, count + 1) * kind->size;
    memmove(to + bytes, to, size - metadata);
    fml_write_u32(to, count + 1);
    const size_t before = (size_t)(inserted - to) - 4;
    memcpy(to + 4, blob + at, before);
    memcpy(inserted, blob + at + (size_t)fuzz_below(random, count) * kind->size, kind->size);
    memcpy(inserted + kind->size, blob + at + before, (size_t)count * kind->size - before);
    fml_write_u32(blob + field, metadata - (uint32_t)field);
    fml_write_u32(blob + METADATA_SIZE_AT, metadata + (uint32_t)bytes);
    return size + bytes;
}

/* When an operator commits. */
static void change_plan(uint8_t *blob, size_t size, uint32_t *random) {
    uint32_t count;
    const size_t ops = fuzz_vector(blob, size, FML_MODEL_OPS_SLOT, FML_OP_SIZE, &count);
    if (count > 0) {
        uint8_t *op = blob + ops + (size_t)fuzz_below(random, count) * FML_OP_SIZE;
        op[FML_OP_FLAGS_AT] ^= FML_OP_FLAG_COMMIT_LAST;
        fml_write_u16(op + FML_OP_COMMIT_EVERY_AT, (uint16_t)(fuzz_below(random, 6) / 2));
    }
}

/* Puts a tensor, or the sample, anywhere in the arena: over what others may still want. */
static void move_tensor(uint8_t *blob, size_t size, uint32_t *random) {
    uint32_t count;
    const size_t tensors = fuzz_vector(blob, size, FML_MODEL_TENSORS_SLOT, FML_TENSOR_SIZE, &count);
    const size_t arena = fuzz_root_field(blob, size, FML_MODEL_ARENA_SIZE_SLOT, 4);
    size_t place = fuzz_root_field(blob, size, FML_MODEL_SAMPLE_OFFSET_SLOT, 4);
    if (count > 0 && fuzz_below(random, 8) > 0) {
        place = tensors + (size_t)fuzz_below(random, count) * FML_TENSOR_SIZE + FML_TENSOR_OFFSET_AT;
    }
    if (arena != 0 && place != 0) {
        fml_write_u32(blob + place, fuzz_below(random, fml_read_u32(blob + arena)));
    }
}

/* Has an operator's constants or its table end where the file ends, or near it. */
static void move_constants(uint8_t *blob, size_t size, uint32_t *random) {
    uint32_t count;
    const size_t ops = fuzz_vector(blob, size, FML_MODEL_OPS_SLOT, FML_OP_SIZE, &count);
    if (count == 0) {
        return;
    }
    uint8_t *op = blob + ops + (size_t)fuzz_below(random, count) * FML_OP_SIZE;
    const uint32_t weights = (uint32_t)size - fml_read_u32(blob + METADATA_SIZE_AT) + fuzz_below(random, 3) - 1;
    if (op[FML_OP_FLAGS_AT] & FML_OP_FLAG_HAS_LOOKUP) {
        fml_write_u32(op + FML_OP_LOOKUP_AT, weights - LOOKUP_SIZE);
    }
    const uint32_t params_size =
        fml_read_u32(op + FML_OP_PARAMS_SIZE_AT) - fuzz_below(random, 4) / 2 * fuzz_below(random, 9);
    fml_write_u32(op + FML_OP_PARAMS_SIZE_AT, params_size);
    fml_write_u32(op + FML_OP_PARAMS_AT, weights - params_size);
}

static void change_constant(uint8_t *blob, size_t size, uint32_t *random) {
    const uint32_t metadata = size > FML_HEADER_SIZE ? fml_read_u32(blob + METADATA_SIZE_AT) : (uint32_t)size;
    if (metadata < size) {
        uint8_t *to = blob + metadata + fuzz_below(random, (uint32_t)(size - metadata));
        *to = (uint8_t)near_or_extreme(random, *to);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    uint32_t random = seed * UINT32_C(2654435761) | 1;
    for (uint32_t left = 1 + fuzz_below(&random, 4); left > 0; left--) {
        switch (fuzz_below(&random, 15)) {
        case 0:
            size = LLVMFuzzerMutate(data, size, max_size);
            break;
        case 1:
            change_scalar(data, size, &random);
            break;
        case 2:
            shuffle_structs(data, size, &random);
            break;
        case 3:
            size = grow_vector(data, size, max_size, &random);
            break;
        case 4:
            change_constant(data, size, &random);
            break;
        case 5:
            change_plan(data, size, &random);
            break;
        case 6:
            move_tensor(data, size, &random);
            break;
        case 7:
            move_constants(data, size, &random);
            break;
        default:
            change_field(data, size, &random);
        }
    }
    if (fuzz_below(&random, 64) != 0) {
        fuzz_seal(data, size);
    }
    return size;
}
