/* freeml_core: the C core as a MicroPython module. One body, two front ends (at the end): a native module (.mpy, loaded
 * at run time) and a user C module (compiled into the firmware).
 *
 * All memory belongs to Python: `state` is a bytearray of STATE_SIZE bytes, and whoever calls keeps it and every buffer
 * that it was opened with alive and of the same size. The package device/freeml does so; use that.
 *
 * A memory (blob or NVM) is either a buffer, used where it lies, or an object with len(), readinto(offset, buffer),
 * and for NVM write(offset, buffer) and sync(). What such an object raises passes through the core; the session is then
 * stale and has to be opened again.
 */
#ifdef MICROPY_ENABLE_DYNRUNTIME
#include "py/dynruntime.h"
#else
#include "py/runtime.h"
#endif
#include "freeml.h"

typedef struct fml_py_state {
    const void *self; /* the state's own address once a model is open: a copied or moved state is refused */
    bool has_session;
    mp_obj_t blob, nvm;
    fml_model model;
    fml_session session;
} fml_py_state;

/* --- Errors and arguments ---------------------------------------------------------------------------------------- */

/* By name, as a native module does not get the exception types by address. */
static void raise_text(qstr exception, const char *text) {
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    mp_raise_type_arg((const mp_obj_type_t *)MP_OBJ_TO_PTR(mp_load_global(exception)), mp_obj_new_str(text, length));
}

static void raise_status(int status) {
    qstr exception = MP_QSTR_RuntimeError;
    if (status >= FML_ERROR_SAMPLE_SIZE) {
        exception = MP_QSTR_ValueError;
    } else if (status == FML_ERROR_IO) {
        exception = MP_QSTR_OSError;
    }
    raise_text(exception, fml_status_text(status));
}

static void check(int status) {
    if (status < 0) {
        raise_status(status);
    }
}

/* mp_obj_get_int truncates silently in a native module, so compare with what was got. */
static uint32_t get_uint32(mp_obj_t object) {
    uint32_t value = (uint32_t)mp_obj_get_int_truncated(object);
    mp_obj_t back = mp_obj_new_int_from_uint(value);
    if (!mp_obj_is_true(mp_binary_op(MP_BINARY_OP_EQUAL, object, back))) {
        raise_text(MP_QSTR_ValueError, "number must be in 0..4294967295");
    }
    return value;
}

/* The buffer of `object`; flags: MP_BUFFER_READ or MP_BUFFER_WRITE. */
static mp_buffer_info_t get_buffer(mp_obj_t object, mp_uint_t flags) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(object, &buffer, flags);
    return buffer;
}

static fml_py_state *get_storage(mp_obj_t object) {
    mp_buffer_info_t buffer = get_buffer(object, MP_BUFFER_WRITE);
    if (buffer.len < sizeof(fml_py_state) || (uintptr_t)buffer.buf % sizeof(void *) != 0) {
        raise_text(MP_QSTR_ValueError, "state must be a bytearray(STATE_SIZE)");
    }
    return buffer.buf;
}

static fml_py_state *get_model(mp_obj_t object) {
    fml_py_state *state = get_storage(object);
    if (state->self != state) {
        raise_text(MP_QSTR_RuntimeError, "no model is open in this state");
    }
    return state;
}

/* A bytearray that its owner resized has moved; what the core remembers would be somebody else's memory. */
static void check_in_place(mp_obj_t memory, const void *mapped, uint32_t size) {
    if (mapped != NULL) {
        mp_buffer_info_t buffer = get_buffer(memory, MP_BUFFER_READ);
        if (buffer.buf != mapped || buffer.len != size) {
            raise_text(MP_QSTR_RuntimeError, "the blob's or the NVM's buffer was resized; open the model again");
        }
    }
}

static fml_py_state *get_session(mp_obj_t object) {
    fml_py_state *state = get_model(object);
    if (!state->has_session) {
        raise_text(MP_QSTR_RuntimeError, "no session is open in this state");
    }
    check_in_place(state->blob, state->model.source.mapped, state->model.source.size);
    check_in_place(state->nvm, state->session.nvm.mapped, state->session.nvm.size);
    return state;
}

/* --- Memories that are Python objects ---------------------------------------------------------------------------- */

/* Calls memory.method(offset, buffer); the buffer is a view of the core's bytes, valid during the call. */
static void call_with_view(mp_obj_t memory, qstr method, uint32_t offset, void *bytes, uint32_t size) {
    mp_obj_t call[4];
    mp_load_method(memory, method, call);
    call[2] = mp_obj_new_int_from_uint(offset);
    call[3] = mp_obj_new_bytearray_by_ref(size, bytes);
    size_t self = call[1] == MP_OBJ_NULL ? 0 : 1;
    mp_call_function_n_kw(call[0], 2 + self, 0, &call[2 - self]);
}

static int read_blob(void *context, uint32_t offset, void *to, uint32_t size) {
    call_with_view(((fml_py_state *)context)->blob, MP_QSTR_readinto, offset, to, size);
    return FML_OK;
}

static int read_nvm(void *context, uint32_t offset, void *to, uint32_t size) {
    call_with_view(((fml_py_state *)context)->nvm, MP_QSTR_readinto, offset, to, size);
    return FML_OK;
}

static int write_nvm(void *context, uint32_t offset, const void *from, uint32_t size) {
    call_with_view(((fml_py_state *)context)->nvm, MP_QSTR_write, offset, (void *)(uintptr_t)from, size);
    return FML_OK;
}

static int sync_nvm(void *context) {
    mp_obj_t sync = mp_load_attr(((fml_py_state *)context)->nvm, MP_QSTR_sync);
    mp_call_function_n_kw(sync, 0, 0, NULL);
    return FML_OK;
}

/* --- Functions --------------------------------------------------------------------------------------------------- */

static uint32_t get_metadata_size(const mp_buffer_info_t *header, uint32_t file_size) {
    if (header->len < FML_HEADER_SIZE) {
        raise_status(FML_ERROR_TRUNCATED);
    }
    int32_t size = fml_metadata_size(header->buf, file_size);
    if (size < 0) {
        raise_status((int)size);
    }
    return (uint32_t)size;
}

/* metadata_size(header, file_size) -> bytes of metadata, from the file's first HEADER_SIZE bytes */
static mp_obj_t metadata_size(mp_obj_t header_in, mp_obj_t file_size) {
    mp_buffer_info_t header = get_buffer(header_in, MP_BUFFER_READ);
    return mp_obj_new_int_from_uint(get_metadata_size(&header, get_uint32(file_size)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(metadata_size_obj, metadata_size);

/* open_model(state, blob, metadata, buffer): checks the blob whole.
 * metadata: None where blob is a buffer. buffer: working memory, at least 16 bytes, free after the call.
 * -> (model_id, arena_size, scratch_size, nvm_size, sample_size, sample_type, output, output_length, output_transform)
 */
static mp_obj_t open_model(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    fml_py_state *state = get_storage(args[0]);
    mp_buffer_info_t blob, metadata = {.buf = NULL, .len = 0}, buffer = get_buffer(args[3], MP_BUFFER_WRITE);
    fml_source source = {.mapped = NULL, .read = read_blob, .context = state, .size = 0};
    state->self = NULL;
    state->has_session = false;
    state->blob = args[1];
    if (mp_get_buffer(args[1], &blob, MP_BUFFER_READ)) {
        source.mapped = blob.buf;
        source.size = (uint32_t)blob.len;
        if (blob.len < FML_HEADER_SIZE) {
            raise_status(FML_ERROR_TRUNCATED);
        }
    } else {
        source.size = get_uint32(mp_obj_len(args[1]));
        metadata = get_buffer(args[2], MP_BUFFER_READ);
        if (metadata.len < get_metadata_size(&metadata, source.size)) {
            raise_status(FML_ERROR_TRUNCATED);
        }
    }
    fml_model *model = &state->model;
    check(fml_model_open(model, &source, metadata.buf, buffer.buf, (uint32_t)buffer.len));
    state->self = state;
    mp_obj_t info[] = {
        mp_obj_new_int_from_uint(model->model_id),         mp_obj_new_int_from_uint(model->arena_size),
        mp_obj_new_int_from_uint(model->scratch_size),     mp_obj_new_int_from_uint(model->nvm_size),
        mp_obj_new_int_from_uint(model->sample_size),      mp_obj_new_int_from_uint(model->sample_type),
        mp_obj_new_int_from_uint(model->output),           mp_obj_new_int_from_uint(model->output_length),
        mp_obj_new_int_from_uint(model->output_transform),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(info), info);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(open_model_obj, 4, 4, open_model);

/* open_session(state, nvm, arena, scratch): recovers what nvm says, and counts the opening in it. arena: None where nvm
 * is a writable buffer. */
static mp_obj_t open_session(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    fml_py_state *state = get_model(args[0]);
    mp_buffer_info_t mapped, arena = {.buf = NULL, .len = 0}, scratch = get_buffer(args[3], MP_BUFFER_WRITE);
    fml_nvm nvm = {.mapped = NULL};
    check_in_place(state->blob, state->model.source.mapped, state->model.source.size);
    state->has_session = false;
    state->nvm = args[1];
    if (mp_get_buffer(args[1], &mapped, MP_BUFFER_RW)) {
        nvm.mapped = mapped.buf;
        nvm.size = (uint32_t)mapped.len;
    } else if (mp_get_buffer(args[1], &mapped, MP_BUFFER_READ)) {
        raise_text(MP_QSTR_ValueError, "the NVM's buffer is read-only");
    } else {
        nvm = (fml_nvm){.read = read_nvm, .write = write_nvm, .sync = sync_nvm, .context = state};
        nvm.size = get_uint32(mp_obj_len(args[1]));
        arena = get_buffer(args[2], MP_BUFFER_WRITE);
    }
    check(fml_session_open(&state->session, &state->model, &nvm, arena.buf, (uint32_t)arena.len, scratch.buf,
                           (uint32_t)scratch.len));
    state->has_session = true;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(open_session_obj, 4, 4, open_session);

/* start(state, sample, tag): commits a sample */
static mp_obj_t start(mp_obj_t state_in, mp_obj_t sample_in, mp_obj_t tag) {
    fml_py_state *state = get_session(state_in);
    mp_buffer_info_t sample = get_buffer(sample_in, MP_BUFFER_READ);
    check(fml_session_start(&state->session, sample.buf, (uint32_t)sample.len, get_uint32(tag)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(start_obj, start);

/* step(state, max_steps) -> True when the output is there; max_steps 0: until then */
static mp_obj_t step(mp_obj_t state_in, mp_obj_t max_steps) {
    fml_py_state *state = get_session(state_in);
    int status = fml_session_step(&state->session, get_uint32(max_steps));
    check(status);
    return mp_obj_new_bool(status == FML_DONE);
}
static MP_DEFINE_CONST_FUN_OBJ_2(step_obj, step);

/* cancel(state): gives up what is under way */
static mp_obj_t cancel(mp_obj_t state_in) {
    check(fml_session_cancel(&get_session(state_in)->session));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(cancel_obj, cancel);

/* exit_now(state): ends the inference under way with the scores of the last exit passed */
static mp_obj_t exit_now(mp_obj_t state_in) {
    check(fml_session_exit(&get_session(state_in)->session));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(exit_now_obj, exit_now);

/* exit_at_hand(state) -> (number of the last exit passed, its margin, steps until the next answer); the number is 0 and
 * the margin -1 where none is passed */
static mp_obj_t exit_at_hand(mp_obj_t state_in) {
    const fml_session *session = &get_session(state_in)->session;
    mp_obj_t values[] = {
        mp_obj_new_int_from_uint(fml_session_exits(session)),
        mp_obj_new_int(fml_session_margin(session)),
        mp_obj_new_int_from_uint(fml_session_to_answer(session)),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(values), values);
}
static MP_DEFINE_CONST_FUN_OBJ_1(exit_at_hand_obj, exit_at_hand);

/* output(state) -> the int8 scores, as bytes */
static mp_obj_t output(mp_obj_t state_in) {
    fml_py_state *state = get_session(state_in);
    const int8_t *scores = fml_session_output(&state->session);
    if (scores == NULL) {
        raise_status(FML_ERROR_NOT_DONE);
    }
    return mp_obj_new_bytes((const byte *)scores, state->model.output_length);
}
static MP_DEFINE_CONST_FUN_OBJ_1(output_obj, output);

/* status(state) -> (phase, stale, tag, steps, commits, remaining, boots, journal, exit) */
static mp_obj_t status(mp_obj_t state_in) {
    const fml_session *session = &get_session(state_in)->session;
    mp_obj_t values[] = {
        mp_obj_new_int_from_uint(session->phase),   mp_obj_new_bool(session->stale),
        mp_obj_new_int_from_uint(session->tag),     mp_obj_new_int_from_uint(session->steps),
        mp_obj_new_int_from_uint(session->commits), mp_obj_new_int_from_uint(fml_session_remaining(session)),
        mp_obj_new_int_from_uint(session->boots),   mp_obj_new_int_from_uint(session->journal),
        mp_obj_new_int_from_uint(session->exit),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(values), values);
}
static MP_DEFINE_CONST_FUN_OBJ_1(status_obj, status);

/* The module's names, for both front ends. Names are spelled out: the native linker finds them by reading this text. */
#define METHOD_TABLE(X)                                                                                                \
    X(MP_QSTR_metadata_size, metadata_size_obj)                                                                        \
    X(MP_QSTR_open_model, open_model_obj)                                                                              \
    X(MP_QSTR_open_session, open_session_obj)                                                                          \
    X(MP_QSTR_start, start_obj)                                                                                        \
    X(MP_QSTR_step, step_obj)                                                                                          \
    X(MP_QSTR_cancel, cancel_obj)                                                                                      \
    X(MP_QSTR_exit_now, exit_now_obj)                                                                                  \
    X(MP_QSTR_exit_at_hand, exit_at_hand_obj)                                                                          \
    X(MP_QSTR_output, output_obj)                                                                                      \
    X(MP_QSTR_status, status_obj)

#define NUMBER_TABLE(X)                                                                                                \
    X(MP_QSTR_STATE_SIZE, sizeof(fml_py_state))                                                                        \
    X(MP_QSTR_HEADER_SIZE, FML_HEADER_SIZE)                                                                            \
    X(MP_QSTR_BOOT_LIMIT, FML_BOOT_LIMIT)

#ifdef MICROPY_ENABLE_DYNRUNTIME

/* The compiler calls these for copies and zero-filling even in freestanding code. */
void *memcpy(void *to, const void *from, size_t size) {
    return mp_fun_table.memmove_(to, from, size);
}
void *memmove(void *to, const void *from, size_t size) {
    return mp_fun_table.memmove_(to, from, size);
}
void *memset(void *to, int byte, size_t size) {
    return mp_fun_table.memset_(to, byte, size);
}

mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args) {
    MP_DYNRUNTIME_INIT_ENTRY
#define STORE_METHOD(name, object) mp_store_global(name, MP_OBJ_FROM_PTR(&object));
#define STORE_NUMBER(name, value) mp_store_global(name, MP_OBJ_NEW_SMALL_INT(value));
    METHOD_TABLE(STORE_METHOD)
    NUMBER_TABLE(STORE_NUMBER)
    MP_DYNRUNTIME_INIT_EXIT
}

#else

static const mp_rom_map_elem_t globals_table[] = {{MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_freeml_core)},
#define ROM_METHOD(name, object) {MP_ROM_QSTR(name), MP_ROM_PTR(&object)},
#define ROM_NUMBER(name, value) {MP_ROM_QSTR(name), MP_ROM_INT(value)},
                                                  METHOD_TABLE(ROM_METHOD) NUMBER_TABLE(ROM_NUMBER)};
static MP_DEFINE_CONST_DICT(globals, globals_table);
const mp_obj_module_t freeml_core_module = {.base = {&mp_type_module}, .globals = (mp_obj_dict_t *)&globals};
MP_REGISTER_MODULE(MP_QSTR_freeml_core, freeml_core_module);

#endif
