/* FreeML: int8 neural-network inference that survives power cuts. The one public header of the C99 core.
 *
 * Life of a program:
 *     fml_model_open      check the blob, whole (fml_model_reopen: once, not after each power cut)
 *     fml_session_open    recover what nonvolatile memory (NVM) says: nothing, an inference under way, an answer
 *     fml_session_start   commit a sample                          (when nothing is under way)
 *     fml_session_step    run some steps, committing as the blob's plan says, until FML_DONE
 *     fml_session_output  the scores
 *     fml_session_exit    takes the scores of an early exit instead, when energy or time runs out
 * Power may fail at any instruction; after it, the same calls continue where the last commit stood.
 *
 * The core is freestanding: no allocation, no mutable file-scope state, no recursion, no floating point.
 * The caller owns all memory. Functions return FML_OK (0) or a negative fml_status unless they say otherwise.
 */
#ifndef FREEML_H
#define FREEML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Status codes and their texts. Codes are stable and without gaps; new ones are added at the end. */
#define FML_STATUS_TABLE(X)                                                                                            \
    X(FML_OK, 0, "ok")                                                                                                 \
    X(FML_ERROR_NOT_A_MODEL, -1, "not a FreeML blob")                                                                  \
    X(FML_ERROR_VERSION, -2, "blob of another version; pack again")                                                    \
    X(FML_ERROR_TRUNCATED, -3, "blob is not as long as it says; copy it again")                                        \
    X(FML_ERROR_CHECKSUM, -4, "blob is damaged; copy it again")                                                        \
    X(FML_ERROR_MALFORMED, -5, "malformed blob (table)")                                                               \
    X(FML_ERROR_BAD_TENSOR, -6, "malformed blob (tensor)")                                                             \
    X(FML_ERROR_BAD_OP, -7, "malformed blob (operator)")                                                               \
    X(FML_ERROR_BAD_PARAMS, -8, "malformed blob (constants)")                                                          \
    X(FML_ERROR_COMMIT_RULE, -9, "blob breaks the commit rule")                                                        \
    X(FML_ERROR_ARENA_SIZE, -10, "arena is too small")                                                                 \
    X(FML_ERROR_SCRATCH_SIZE, -11, "scratch is too small")                                                             \
    X(FML_ERROR_NVM_SIZE, -12, "nonvolatile memory is too small")                                                      \
    X(FML_ERROR_SAMPLE_SIZE, -13, "sample has the wrong number of bytes")                                              \
    X(FML_ERROR_BUSY, -14, "inference under way; finish or cancel it")                                                 \
    X(FML_ERROR_IDLE, -15, "no inference is under way; start one")                                                     \
    X(FML_ERROR_NOT_DONE, -16, "inference has not finished")                                                           \
    X(FML_ERROR_IO, -17, "a memory failed")                                                                            \
    X(FML_ERROR_STALE, -18, "a memory failed; open the session again")                                                 \
    X(FML_ERROR_BAD_EXIT, -19, "malformed blob (exit)")

typedef enum fml_status {
#define X(name, code, text) name = code,
    FML_STATUS_TABLE(X)
#undef X
        FML_DONE = 1,   /* fml_session_step: the output is there */
    FML_NO_PROGRESS = 2 /* fml_session_open: FML_BOOT_LIMIT openings without a commit between them */
} fml_status;

/* Text of a status code, in English, without a full stop; "unknown status" for others. Static storage. */
const char *fml_status_text(int status);

#define FML_FORMAT_VERSION 1

/* --- Where the blob lies ------------------------------------------------------------------------------------- */

typedef struct fml_source {
    const uint8_t *mapped; /* the whole blob, any alignment; NULL: use read */
    /* Copies size bytes at offset to `to`; 0 or negative. Ignored where mapped is set. */
    int (*read)(void *context, uint32_t offset, void *to, uint32_t size);
    void *context; /* handed to read; caller's */
    uint32_t size; /* bytes of the file or memory region that the blob fills exactly */
} fml_source;

/* Bytes that hold the fixed header; the smallest blob is longer. */
#define FML_HEADER_SIZE 20

/* Bytes of metadata that the blob starts with (header included), from its first FML_HEADER_SIZE bytes.
 * Positive, or a negative status. source_size: length of the whole blob in bytes. */
int32_t fml_metadata_size(const uint8_t *header, uint32_t source_size);

/* --- Model: a verified, read-only view of a blob ------------------------------------------------------------- */

/* Structs of one kind in the metadata. Internal. */
typedef struct fml_vector {
    uint32_t at;          /* offset of the first one */
    uint16_t count, size; /* how many there are; bytes of each */
} fml_vector;

typedef struct fml_model {
    /* Read-only for the application: */
    uint32_t model_id;     /* metadata CRC-32; names the blob in the journal */
    uint32_t arena_size;   /* bytes: sample and activations */
    uint32_t scratch_size; /* bytes of working memory that fml_session_open wants */
    uint32_t nvm_size;     /* bytes of NVM: journal and arena */
    uint32_t sample_size;  /* bytes of one sample */
    uint16_t op_count;
    uint16_t output;          /* tensor index of the scores */
    uint16_t output_length;   /* scores: number of int8 values */
    uint8_t sample_type;      /* SampleType of schema/model.fbs */
    uint8_t output_transform; /* OutputTransform of schema/model.fbs */
    /* Internal: */
    fml_source source;
    const uint8_t *metadata;
    uint32_t metadata_size;
    uint32_t sample_offset;
    fml_vector vectors[6];          /* sections, tensors, operators, windows, views, exits */
    uint32_t weights, weights_size; /* the WEIGHTS section in the file */
} fml_model;

/* Checks a blob completely (length, checksums, every table, every memory access of every operator, the commit rule)
 * and fills *model.
 * source: copied; what it points to must outlive the model.
 * metadata: the blob's first fml_metadata_size() bytes, any alignment; NULL where source->mapped is set.
 * buffer, buffer_size: working memory for checksums when source->read is used, at least 16 bytes, more is faster;
 *     free again after the call. */
int fml_model_open(fml_model *model, const fml_source *source, const uint8_t *metadata, void *buffer,
                   uint32_t buffer_size);

/* A model that outlives power cuts, for programs that have nonvolatile memory to put it in which the processor
 * addresses (FRAM, RAM that survives). Lies beside, not in, the session's part of it. */
typedef struct fml_kept {
    fml_model model;
    uint32_t seal; /* 0: verify again. Internal otherwise */
} fml_kept;

/* As fml_model_open, with the same arguments, but whole only where it must be: where *kept is what an earlier call
 * left, of this blob at this place, it reads the blob's header (from the source and at metadata) and *kept, and no
 * more. *kept may hold any bytes at first; power may fail at any instruction. Then use kept->model.
 *
 * What the other bytes of the blob are is not looked at again: the memories are trusted to keep them. So set kept->seal
 * to 0 before anything writes to the blob, and before another program, which may lay fml_kept out differently, starts
 * on the same memory. A blob with another header is noticed without that. */
int fml_model_reopen(fml_kept *kept, const fml_source *source, const uint8_t *metadata, void *buffer,
                     uint32_t buffer_size);

/* --- Session: one inference after another, across power cuts --------------------------------------------------- */

/* Nonvolatile memory. Must keep, across a power cut, everything written before the last sync that returned, and all
 * bytes not written since; what was written since can be there in any part and order, or be anything. Bytes of mapped
 * memory must be written in the order of the program. The session starts at its offset 0. */
typedef struct fml_nvm {
    uint8_t *mapped; /* byte-addressable memory (FRAM, RAM that survives); NULL: use read and write */
    int (*read)(void *context, uint32_t offset, void *to, uint32_t size);          /* 0 or negative */
    int (*write)(void *context, uint32_t offset, const void *from, uint32_t size); /* 0 or negative */
    int (*sync)(void *context); /* returns when all earlier writes are durable; NULL: writes are durable at once */
    void *context;              /* handed to the callbacks; caller's */
    uint32_t size;              /* bytes, at least fml_model.nvm_size */
} fml_nvm;

typedef enum fml_phase {
    FML_PHASE_IDLE = 0,    /* nothing to resume */
    FML_PHASE_RUNNING = 1, /* a sample is committed; fml_session_step continues it */
    FML_PHASE_DONE = 2     /* fml_session_output holds the answer, until the next start */
} fml_phase;

/* What fml_session_open found in the journal. */
typedef enum fml_journal_state {
    FML_JOURNAL_BLANK = 0,   /* no record was ever written */
    FML_JOURNAL_VALID = 1,   /* an intact record of this model; one slot may be damaged, the other one replaces it */
    FML_JOURNAL_FOREIGN = 2, /* an intact record of another model */
    FML_JOURNAL_DAMAGED = 3  /* no slot is intact: what was under way is lost, or the very first record was torn */
} fml_journal_state;

/* Openings of a session without a commit between them, from which on fml_session_open reports FML_NO_PROGRESS: the
 * energy of one charge does not reach from commit to commit. */
#define FML_BOOT_LIMIT 16

typedef struct fml_session {
    /* Read-only for the application: */
    uint8_t phase; /* fml_phase */
    uint8_t stale; /* not 0: a callback failed or was left by an exception; only fml_session_open helps */
    uint16_t op;   /* next step while RUNNING */
    uint16_t tile;
    uint16_t boots;    /* openings since the last commit while RUNNING, this one included; 65535: or more */
    uint8_t journal;   /* fml_journal_state */
    uint8_t exit;      /* while DONE: number of the exit that answered, from 1; 0: the whole network */
    uint32_t tag;      /* what fml_session_start was given */
    uint32_t sequence; /* of the newest record */
    uint32_t steps;    /* run since fml_session_open */
    uint32_t commits;  /* since fml_session_open */
    /* Internal: */
    const fml_model *model;
    fml_nvm nvm;
    uint8_t *arena;
    uint8_t *scratch;
    uint32_t dirty_begin, dirty_end; /* bytes of the arena not yet in NVM */
    uint8_t slot;                    /* the slot that the next record goes to first: not the only one that is intact */
} fml_session;

/* Recovers the state from NVM (a blank, foreign or fully damaged journal means IDLE; damaged and foreign journals are
 * never resumed). While RUNNING it counts this opening in the journal, which also makes a damaged slot good again.
 * FML_OK; FML_NO_PROGRESS: boots has reached FML_BOOT_LIMIT, the session is usable all the same.
 * arena, arena_size: RAM of at least model->arena_size bytes; NULL, 0 where nvm->mapped is set (the arena lies there).
 * scratch, scratch_size: at least model->scratch_size bytes, aligned to 4; contents do not matter. The session's own:
 *     constants that are streamed stay there from one call to the next.
 * model and the buffers must outlive the session; nvm is copied. */
int fml_session_open(fml_session *session, const fml_model *model, const fml_nvm *nvm, void *arena, uint32_t arena_size,
                     void *scratch, uint32_t scratch_size);

/* Commits a sample as the one being inferred. size: bytes, equal to model->sample_size. tag: any number by which the
 * application knows the sample again. FML_ERROR_BUSY while another one is RUNNING. Discards the last answer. */
int fml_session_start(fml_session *session, const void *sample, uint32_t size, uint32_t tag);

/* Runs at most max_steps steps (0: until done). FML_DONE: finished and committed; FML_OK: more steps remain. */
int fml_session_step(fml_session *session, uint32_t max_steps);

/* Exits that the inference under way has passed: the last of them, number fml_session_exits(), is what
 * fml_session_exit takes. 0: none yet, or not RUNNING. */
uint16_t fml_session_exits(const fml_session *session);

/* How sure the last exit passed is: the difference of its two highest int8 scores, 0..255; -1: none passed. Against
 * fml_exit_threshold, or what the application thinks enough. */
int fml_session_margin(const fml_session *session);

/* Ends the inference under way with the scores of the last exit that it has passed: one commit, no further step.
 * FML_ERROR_NOT_DONE where it has passed none; it goes on then. While DONE the answer stays what it is: FML_OK. */
int fml_session_exit(fml_session *session);

/* Gives up the inference under way, or the answer; the session is IDLE, durably. */
int fml_session_cancel(fml_session *session);

/* Steps that remain until FML_DONE; 0 when not RUNNING. */
uint32_t fml_session_remaining(const fml_session *session);

/* Steps that remain until the next answer: until fml_session_exits() grows, behind the last exit until FML_DONE; 0 when
 * not RUNNING. */
uint32_t fml_session_to_answer(const fml_session *session);

/* The int8 scores, model->output_length of them; NULL while not DONE. Valid until the next start or cancel. */
const int8_t *fml_session_output(const fml_session *session);

/* The margin from which on the packer lets exit number `exit`, from 1, answer; 255: never, or there is no such exit. */
uint8_t fml_exit_threshold(const fml_model *model, uint16_t exit);

/* --- For packers and tests -------------------------------------------------------------------------------------- */

/* Steps of operator `op`, 0 if there is no such operator. */
uint32_t fml_op_tiles(const fml_model *model, uint16_t op);

/* CRC-32 (IEEE 802.3, as zlib) of size bytes, continuing from `crc` (0 to begin). */
uint32_t fml_crc32(uint32_t crc, const void *bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif
