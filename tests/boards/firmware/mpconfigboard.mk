# A board of MicroPython's qemu port, made like one that people have: flash with a file system, a ROM partition, a clock,
# main.py at reset. BASE: the port's own board that it is made from. MCU, where the processor is another one: m4.
include boards/$(BASE)/mpconfigboard.mk

ifeq ($(MCU),m4)
# In place of the M3's, as the compiler chooses its library by the first ones.
M3_CFLAGS := $(CFLAGS)
CFLAGS = $(filter-out -mcpu=% -mfloat-abi=%, $(M3_CFLAGS)) -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
endif

MICROPY_VFS_LFS2 = 1
CFLAGS += -I$(BOARD_DIR) -DMP_CONFIGFILE='"board_config.h"' -DROM_PARTITION=$(ROM_PARTITION)
SRC_C += $(addprefix $(BOARD_DIR)/, board.c flash.c semihosting.c)
LDFLAGS += -Wl,--wrap=uart_init -Wl,--wrap=mp_init -T $(BOARD_DIR)/no_unwinding.ld
