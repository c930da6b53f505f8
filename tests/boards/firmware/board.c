/* What a board's firmware does before it offers a prompt: mounts its flash at / and its ROM partition at /rom, runs
 * main.py. */
#include "py/compile.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"

#include <string.h>

#include "extmod/vfs.h"
#include "semihosting.h"
#include "shared/runtime/pyexec.h"

enum { ROM_SIZE = 0x80000 };

static const char boot[] = "import board, sys, vfs\n"
                           "sys.path.append('/lib')\n"
                           "flash = board.Flash()\n"
                           "try:\n"
                           "    vfs.mount(vfs.VfsLfs2(flash), '/')\n"
                           "except OSError:\n"
                           "    vfs.VfsLfs2.mkfs(flash)\n"
                           "    vfs.mount(vfs.VfsLfs2(flash), '/')\n"
                           "del board, sys, vfs, flash\n";

static void run(const char *source) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_lexer_t *lexer = mp_lexer_new_from_str_len(MP_QSTR__lt_stdin_gt_, source, strlen(source), 0);
        mp_parse_tree_t tree = mp_parse(lexer, MP_PARSE_FILE_INPUT);
        mp_call_function_0(mp_compile(&tree, MP_QSTR__lt_stdin_gt_, false));
        nlr_pop();
    } else {
        mp_obj_print_exception(&mp_plat_print, MP_OBJ_FROM_PTR(nlr.ret_val));
    }
}

/* The port has no place for this: both are wrapped by the linker. */
void __real_mp_init(void);
void __wrap_mp_init(void) {
    __real_mp_init();
    run(boot);
    mp_vfs_mount_romfs_protected();
    if (pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL) {
        pyexec_file_if_exists("main.py");
    }
}

void __real_uart_init(void);
void __wrap_uart_init(void) {
#if defined(__ARM_FP)
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* switches the floating-point unit on */
    __asm volatile("dsb\n isb" ::: "memory");
#endif
    __real_uart_init();
}

static mp_obj_t write_rom(mp_obj_t offset_in, mp_obj_t bytes) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(bytes, &buffer, MP_BUFFER_READ);
    mp_uint_t offset = (mp_uint_t)mp_obj_get_int(offset_in);
    if (offset > ROM_SIZE || buffer.len > ROM_SIZE - offset) {
        return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
    }
    memcpy((uint8_t *)ROM_PARTITION + offset, buffer.buf, buffer.len);
    return MP_OBJ_NEW_SMALL_INT(0);
}

/* On the Cortex-M0 the partition is flash, which a program cannot write. */
mp_obj_t mp_vfs_rom_ioctl(size_t n_args, const mp_obj_t *args) {
    switch (mp_obj_get_int(args[0])) {
    case MP_VFS_ROM_IOCTL_GET_NUMBER_OF_SEGMENTS:
        return MP_OBJ_NEW_SMALL_INT(1);
    case MP_VFS_ROM_IOCTL_GET_SEGMENT:
        return mp_obj_new_memoryview('B', ROM_SIZE, (void *)ROM_PARTITION);
    case MP_VFS_ROM_IOCTL_WRITE_PREPARE:
        return MP_OBJ_NEW_SMALL_INT(4);
    case MP_VFS_ROM_IOCTL_WRITE:
        return n_args == 4 ? write_rom(args[2], args[3]) : MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
    case MP_VFS_ROM_IOCTL_WRITE_COMPLETE:
        return MP_OBJ_NEW_SMALL_INT(0);
    default:
        return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
    }
}

uint64_t mp_hal_time_ns(void) {
    return semihosting_nanoseconds();
}

mp_uint_t mp_hal_ticks_us(void) {
    return (mp_uint_t)(semihosting_nanoseconds() / 1000);
}

mp_uint_t mp_hal_ticks_ms(void) {
    return (mp_uint_t)(semihosting_nanoseconds() / 1000000);
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return mp_hal_ticks_us();
}

void mp_hal_delay_us(mp_uint_t us) {
    mp_uint_t start = mp_hal_ticks_us();
    while (mp_hal_ticks_us() - start < us) {
    }
}

void mp_hal_delay_ms(mp_uint_t ms) {
    mp_hal_delay_us(1000 * ms);
}
