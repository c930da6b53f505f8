# freeml_core compiled into the firmware: make -C ports/PORT USER_C_MODULES=/path/to/this/repository/native/ports
FREEML_NATIVE := $(abspath $(USERMOD_DIR)/../..)
# By way of src/: named as usual, its object would lie in a folder "micropython", where the unix port puts its program.
SRC_USERMOD_C += $(FREEML_NATIVE)/src/../ports/micropython/freeml_core.c
SRC_USERMOD_LIB_C += $(shell find $(FREEML_NATIVE)/src -name '*.c')
CFLAGS_USERMOD += -I$(FREEML_NATIVE)/include -I$(FREEML_NATIVE)/src
