/* board.Flash: a block device in the file flash.img, which outlives the emulator as flash outlives a reset.
 * board.cut_power(n): power fails in the n-th write from now on, half of which is done. board.writes: how many there
 * were. */
#include "py/mperrno.h"
#include "py/runtime.h"

#include <stdlib.h>

#include "extmod/vfs.h"
#include "semihosting.h"

enum { BLOCK_SIZE = 1024 };

typedef struct flash {
    mp_obj_base_t base;
    int handle;
} flash;

static uint32_t writes, cut_at;

static mp_obj_t make_flash(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    flash *self = mp_obj_malloc(flash, type);
    self->handle = semihosting_open("flash.img");
    if (self->handle < 0) {
        mp_raise_OSError(MP_ENODEV);
    }
    return MP_OBJ_FROM_PTR(self);
}

static uint32_t place(size_t n_args, const mp_obj_t *args) {
    uint32_t offset = n_args > 3 ? (uint32_t)mp_obj_get_int(args[3]) : 0;
    return (uint32_t)mp_obj_get_int(args[1]) * BLOCK_SIZE + offset;
}

static mp_obj_t readblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_WRITE);
    flash *self = MP_OBJ_TO_PTR(args[0]);
    return MP_OBJ_NEW_SMALL_INT(semihosting_read(self->handle, place(n_args, args), buffer.buf, buffer.len) ? 0
                                                                                                            : -MP_EIO);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(readblocks_obj, 3, 4, readblocks);

static mp_obj_t writeblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_READ);
    flash *self = MP_OBJ_TO_PTR(args[0]);
    bool cut = ++writes == cut_at;
    bool written = semihosting_write(self->handle, place(n_args, args), buffer.buf, cut ? buffer.len / 2 : buffer.len);
    if (cut) {
        exit(1);
    }
    return MP_OBJ_NEW_SMALL_INT(written ? 0 : -MP_EIO);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(writeblocks_obj, 3, 4, writeblocks);

static mp_obj_t ioctl(mp_obj_t self_in, mp_obj_t operation, mp_obj_t argument) {
    (void)argument;
    flash *self = MP_OBJ_TO_PTR(self_in);
    switch (mp_obj_get_int(operation)) {
    case MP_BLOCKDEV_IOCTL_BLOCK_COUNT:
        return MP_OBJ_NEW_SMALL_INT(semihosting_size(self->handle) / BLOCK_SIZE);
    case MP_BLOCKDEV_IOCTL_BLOCK_SIZE:
        return MP_OBJ_NEW_SMALL_INT(BLOCK_SIZE);
    default: /* erasing needs nothing, nor does synchronizing */
        return MP_OBJ_NEW_SMALL_INT(0);
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(ioctl_obj, ioctl);

static const mp_rom_map_elem_t flash_locals[] = {
    {MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&readblocks_obj)},
    {MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&writeblocks_obj)},
    {MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&ioctl_obj)},
};
static MP_DEFINE_CONST_DICT(flash_dict, flash_locals);
static MP_DEFINE_CONST_OBJ_TYPE(flash_type, MP_QSTR_Flash, MP_TYPE_FLAG_NONE, make_new, make_flash, locals_dict,
                                &flash_dict);

static mp_obj_t cut_power(mp_obj_t number) {
    cut_at = writes + (uint32_t)mp_obj_get_int(number);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(cut_power_obj, cut_power);

static mp_obj_t get_writes(void) {
    return mp_obj_new_int_from_uint(writes);
}
static MP_DEFINE_CONST_FUN_OBJ_0(get_writes_obj, get_writes);

static const mp_rom_map_elem_t globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_board)},
    {MP_ROM_QSTR(MP_QSTR_Flash), MP_ROM_PTR(&flash_type)},
    {MP_ROM_QSTR(MP_QSTR_cut_power), MP_ROM_PTR(&cut_power_obj)},
    {MP_ROM_QSTR(MP_QSTR_writes), MP_ROM_PTR(&get_writes_obj)},
};
static MP_DEFINE_CONST_DICT(globals, globals_table);
const mp_obj_module_t board_module = {.base = {&mp_type_module}, .globals = (mp_obj_dict_t *)&globals};
MP_REGISTER_MODULE(MP_QSTR_board, board_module);
