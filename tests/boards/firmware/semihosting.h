/* Files and the clock of the computer that the emulator runs on, by Arm's semihosting calls (RISC-V has the same ones).
 */
#ifndef BOARD_SEMIHOSTING_H
#define BOARD_SEMIHOSTING_H

#include <stdbool.h>
#include <stdint.h>

/* A handle for reading and writing an existing file, negative where there is none. */
int semihosting_open(const char *path);
int32_t semihosting_size(int handle);
bool semihosting_read(int handle, uint32_t offset, void *to, uint32_t size);
bool semihosting_write(int handle, uint32_t offset, const void *from, uint32_t size);
/* Since the start, by the computer's clock. */
uint64_t semihosting_nanoseconds(void);

#endif
