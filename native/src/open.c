/* Opens a blob: header, checksums, FlatBuffer container; verify.h does the rest. */
#include "bytes.h"
#include "interp.h"
#include "journal_layout.h"
#include "model.h"
#include "model_layout.h"
#include "verify.h"

#define METADATA_SIZE_AT 8
#define FILE_SIZE_AT 12
#define IDENTIFIER UINT32_C(0x314c4d46) /* "FML1" */
#define ELEMENTS_MAX UINT32_C(0xffffff) /* of a vector: times the largest element it stays in 32 bits */
#define MINIMUM_BUFFER 16

int32_t fml_metadata_size(const uint8_t *header, uint32_t source_size) {
    if (source_size <= FML_HEADER_SIZE) {
        return FML_ERROR_TRUNCATED;
    }
    if (fml_read_u32(header + 4) != IDENTIFIER) {
        return FML_ERROR_NOT_A_MODEL;
    }
    if (fml_read_u32(header + FILE_SIZE_AT) != source_size) {
        return FML_ERROR_TRUNCATED;
    }
    uint32_t size = fml_read_u32(header + METADATA_SIZE_AT);
    if (size <= FML_HEADER_SIZE || size > source_size || source_size > FML_SIZE_MAX) {
        return FML_ERROR_MALFORMED;
    }
    return (int32_t)size;
}

/* The root table of the metadata. `malformed` is sticky: once set, whatever was read is worthless. */
typedef struct table {
    const uint8_t *bytes;
    uint32_t size; /* of the metadata */
    uint32_t table, vtable;
    uint32_t table_size, vtable_size;
    bool malformed;
} table;

static bool inside(const table *root, uint32_t offset, uint32_t length) {
    return offset >= FML_HEADER_SIZE && offset <= root->size && length <= root->size - offset;
}

static void open_table(table *root, const uint8_t *bytes, uint32_t size) {
    root->bytes = bytes;
    root->size = size;
    root->malformed = true;
    root->table = fml_read_u32(bytes);
    if (!inside(root, root->table, 4)) {
        return;
    }
    root->vtable = root->table - fml_read_u32(bytes + root->table); /* modulo 2^32: the stored offset is signed */
    if (!inside(root, root->vtable, 4)) {
        return;
    }
    root->vtable_size = fml_read_u16(bytes + root->vtable);
    root->table_size = fml_read_u16(bytes + root->vtable + 2);
    root->malformed = root->vtable_size < 4 || !inside(root, root->vtable, root->vtable_size) ||
                      !inside(root, root->table, root->table_size);
}

/* Position of a field of `width` bytes; 0 where absent. */
static uint32_t field(table *root, uint32_t slot, uint32_t width) {
    const uint32_t entry = 4 + 2 * slot;
    if (root->malformed || root->vtable_size < entry + 2) {
        return 0;
    }
    const uint32_t offset = fml_read_u16(root->bytes + root->vtable + entry);
    if (offset == 0) {
        return 0;
    }
    root->malformed = offset + width > root->table_size;
    return root->malformed ? 0 : root->table + offset;
}

/* Value of an unsigned field of 1, 2 or 4 bytes; 0 where absent. */
static uint32_t scalar(table *root, uint32_t slot, uint32_t width) {
    uint32_t value = 0;
    const uint32_t at = field(root, slot, width);
    while (at != 0 && width > 0) {
        value = value << 8 | root->bytes[at + --width];
    }
    return value;
}

/* A vector of elements of `size` bytes: position of the first, and their number; 0 and 0 where absent. */
static uint32_t vector(table *root, uint32_t slot, uint32_t size, uint32_t *count) {
    uint32_t at = field(root, slot, 4);
    *count = 0;
    if (at == 0) {
        return 0;
    }
    const uint32_t offset = fml_read_u32(root->bytes + at);
    root->malformed = true;
    at += offset;
    if (offset > root->size || !inside(root, at, 4)) {
        return 0;
    }
    *count = fml_read_u32(root->bytes + at);
    root->malformed = *count > ELEMENTS_MAX || !inside(root, at + 4, *count * size);
    return at + 4;
}

static int section_crc(const fml_source *source, uint32_t offset, uint32_t size, uint8_t *buffer, uint32_t buffer_size,
                       uint32_t *crc) {
    *crc = 0;
    if (source->mapped != NULL) {
        *crc = fml_crc32(0, source->mapped + offset, (size_t)size);
        return FML_OK;
    }
    while (size > 0) {
        uint32_t part = size < buffer_size ? size : buffer_size;
        if (source->read(source->context, offset, buffer, part) < 0) {
            return FML_ERROR_IO;
        }
        *crc = fml_crc32(*crc, buffer, (size_t)part);
        offset += part;
        size -= part;
    }
    return FML_OK;
}

/* There is one section, and it fills the file behind the metadata. */
static int open_section(fml_model *model, uint8_t *buffer, uint32_t buffer_size) {
    fml_section section;
    if (!fml_model_read(model, FML_SECTIONS, 0, &section) || model->vectors[FML_SECTIONS].count != 1 ||
        section.offset != model->metadata_size || section.size != model->source.size - section.offset ||
        section.kind != FML_SECTION_KIND_WEIGHTS || section.reserved != 0 || section.reserved2 != 0) {
        return FML_ERROR_MALFORMED;
    }
    model->weights = section.offset;
    model->weights_size = section.size;
    uint32_t crc;
    int status = section_crc(&model->source, section.offset, section.size, buffer, buffer_size, &crc);
    if (status == FML_OK && crc != section.crc32) {
        status = FML_ERROR_CHECKSUM;
    }
    return status;
}

/* Bytes of the numbers, in the order of their fields. */
static const uint8_t scalar_sizes[] = {
    [FML_MODEL_VERSION_SLOT] = 2,          [FML_MODEL_WEIGHT_LAYOUT_SLOT] = 1, [FML_MODEL_SAMPLE_TYPE_SLOT] = 1,
    [FML_MODEL_OUTPUT_TRANSFORM_SLOT] = 1, [FML_MODEL_OUTPUT_SLOT] = 2,        [FML_MODEL_ARENA_SIZE_SLOT] = 4,
    [FML_MODEL_SAMPLE_OFFSET_SLOT] = 4,    [FML_MODEL_SAMPLE_SIZE_SLOT] = 4,
};

static int open_scalars(fml_model *model, table *root) {
    uint32_t values[sizeof scalar_sizes];
    for (uint32_t slot = 0; slot < sizeof scalar_sizes; slot++) {
        values[slot] = scalar(root, slot, scalar_sizes[slot]);
        if (slot == FML_MODEL_VERSION_SLOT && values[slot] != FML_FORMAT_VERSION) {
            return root->malformed ? FML_ERROR_MALFORMED : FML_ERROR_VERSION;
        }
    }
    model->sample_type = (uint8_t)values[FML_MODEL_SAMPLE_TYPE_SLOT];
    model->output_transform = (uint8_t)values[FML_MODEL_OUTPUT_TRANSFORM_SLOT];
    model->output = (uint16_t)values[FML_MODEL_OUTPUT_SLOT];
    model->arena_size = values[FML_MODEL_ARENA_SIZE_SLOT];
    model->sample_offset = values[FML_MODEL_SAMPLE_OFFSET_SLOT];
    model->sample_size = values[FML_MODEL_SAMPLE_SIZE_SLOT];
    model->nvm_size = FML_NVM_ARENA_OFFSET + model->arena_size;
    bool ok = values[FML_MODEL_WEIGHT_LAYOUT_SLOT] == FML_WEIGHT_LAYOUT_BLOCK_4 &&
              model->sample_type <= FML_SAMPLE_TYPE_INT16 && model->output_transform <= FML_OUTPUT_TRANSFORM_SIGMOID &&
              model->arena_size <= FML_SIZE_MAX - FML_NVM_ARENA_OFFSET && model->sample_size >= 1 &&
              model->sample_offset <= model->arena_size &&
              model->sample_size <= model->arena_size - model->sample_offset;
    return ok ? FML_OK : FML_ERROR_MALFORMED;
}

/* Bytes of the elements of the vectors, in the order of their fields. Those from the sample's shape on are not for the
 * core: they are checked so that their readers need not. */
static const uint8_t element_sizes[] = {
    [FML_SECTIONS] = FML_SECTION_SIZE,
    [FML_TENSORS] = FML_TENSOR_SIZE,
    [FML_OPS] = FML_OP_SIZE,
    [FML_WINDOWS] = FML_WINDOW_SIZE,
    [FML_VIEWS] = FML_VIEW_SIZE,
    [FML_MODEL_SAMPLE_SHAPE_SLOT - FML_MODEL_SECTIONS_SLOT] = 2,
    [FML_MODEL_INPUT_SCALE_SLOT - FML_MODEL_SECTIONS_SLOT] = 4,
    [FML_MODEL_INPUT_OFFSET_SLOT - FML_MODEL_SECTIONS_SLOT] = 4,
    [FML_MODEL_INPUT_REPEAT_SLOT - FML_MODEL_SECTIONS_SLOT] = 0, /* a number */
    [FML_MODEL_NAME_SLOT - FML_MODEL_SECTIONS_SLOT] = 1,
    [FML_MODEL_TARGET_SLOT - FML_MODEL_SECTIONS_SLOT] = 1,
    [FML_MODEL_EXITS_SLOT - FML_MODEL_SECTIONS_SLOT] = FML_EXIT_SIZE,
};

static int open_vectors(fml_model *model, table *root) {
    for (uint32_t i = 0; i < sizeof element_sizes; i++) {
        const uint32_t size = element_sizes[i];
        uint32_t count = 0, at = 0;
        if (size != 0) {
            at = vector(root, FML_MODEL_SECTIONS_SLOT + i, size, &count);
        }
        const fml_vector found = {at, (uint16_t)count, (uint16_t)size};
        if (i < FML_EXITS) {
            model->vectors[i] = found;
            root->malformed = root->malformed || at == 0 || count > FML_NO_INDEX; /* each has an index beside that */
        } else if (FML_EARLY_EXITS && size == FML_EXIT_SIZE) {
            model->vectors[FML_EXITS] = found;
            root->malformed = root->malformed || count > UINT8_MAX; /* a record names one in a byte */
        }
    }
    model->op_count = model->vectors[FML_OPS].count;
    return root->malformed || model->op_count == 0 ? FML_ERROR_MALFORMED : FML_OK;
}

static int open_container(fml_model *model, uint8_t *buffer, uint32_t buffer_size) {
    const uint8_t *bytes = model->metadata;
    int32_t size = fml_metadata_size(bytes, model->source.size);
    if (size < 0) {
        return (int)size;
    }
    model->metadata_size = (uint32_t)size;
    model->model_id = fml_read_u32(bytes + FML_METADATA_CRC32_AT);
    uint32_t crc = fml_crc32(0, bytes, FML_METADATA_CRC32_AT);
    if (fml_crc32(crc, bytes + FML_HEADER_SIZE, (size_t)(model->metadata_size - FML_HEADER_SIZE)) != model->model_id) {
        return FML_ERROR_CHECKSUM;
    }
    table root;
    open_table(&root, bytes, model->metadata_size);
    int status = open_scalars(model, &root);
    if (status == FML_OK) {
        status = open_vectors(model, &root);
    }
    return status == FML_OK ? open_section(model, buffer, buffer_size) : status;
}

static int open_ops(fml_model *model, uint8_t *buffer, uint32_t buffer_size) {
    model->scratch_size = 0;
    for (uint16_t index = 0; index < model->op_count; index++) {
        fml_op op;
        int status = fml_model_op(model, index, &op);
        if (status == FML_OK) {
            status = fml_verify_op(model, &op);
        }
        if (status == FML_OK) {
            status = fml_verify_params(model, &op, buffer, buffer_size);
        }
        if (status != FML_OK) {
            return status;
        }
        uint32_t scratch = fml_interp_scratch(model, &op);
        model->scratch_size = scratch > model->scratch_size ? scratch : model->scratch_size;
    }
    return FML_OK;
}

int fml_model_open(fml_model *model, const fml_source *source, const uint8_t *metadata, void *buffer,
                   uint32_t buffer_size) {
    if (source->mapped == NULL && buffer_size < MINIMUM_BUFFER) {
        return FML_ERROR_SCRATCH_SIZE;
    }
    model->source = *source;
    model->metadata = source->mapped != NULL ? source->mapped : metadata;
    int status = open_container(model, buffer, buffer_size);
    if (status == FML_OK) {
        status = fml_verify_tensors(model);
    }
    if (status == FML_OK) {
        status = fml_verify_output(model);
    }
    if (status == FML_OK) {
        status = open_ops(model, buffer, buffer_size);
    }
    if (status == FML_OK) {
        status = fml_verify_commit_rule(model);
    }
    return FML_EARLY_EXITS && status == FML_OK ? fml_verify_exits(model) : status;
}
