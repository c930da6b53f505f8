# freeml_core compiled into the firmware: make -C ports/PORT USER_C_MODULES=/path/to/this/repository/native/ports
FREEML_NATIVE := $(abspath $(USERMOD_DIR)/../..)
SRC_USERMOD_C += $(USERMOD_DIR)/freeml_core.c
SRC_USERMOD_LIB_C += $(shell find $(FREEML_NATIVE)/src -name '*.c')
CFLAGS_USERMOD += -I$(FREEML_NATIVE)/include -I$(FREEML_NATIVE)/src
