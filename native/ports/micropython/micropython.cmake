# freeml_core compiled into the firmware, for ports that build with CMake (rp2, esp32):
#     make -C ports/rp2 USER_C_MODULES=/path/to/this/repository/native/ports/micropython/micropython.cmake
get_filename_component(FREEML_NATIVE ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)
file(GLOB_RECURSE FREEML_SOURCES CONFIGURE_DEPENDS ${FREEML_NATIVE}/src/*.c)

add_library(usermod_freeml_core INTERFACE)
target_sources(usermod_freeml_core INTERFACE ${CMAKE_CURRENT_LIST_DIR}/freeml_core.c ${FREEML_SOURCES})
target_include_directories(usermod_freeml_core INTERFACE ${FREEML_NATIVE}/include ${FREEML_NATIVE}/src)
target_link_libraries(usermod INTERFACE usermod_freeml_core)
