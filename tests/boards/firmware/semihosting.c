#include "semihosting.h"

#include <string.h>

enum { SYS_OPEN = 1, SYS_WRITE = 5, SYS_READ = 6, SYS_SEEK = 10, SYS_FLEN = 12, SYS_ELAPSED = 0x30 };
enum { READ_AND_WRITE_BINARY = 3 };

static int call(int number, const void *arguments) {
#if defined(__riscv)
    register int result __asm__("a0") = number;
    register const void *block __asm__("a1") = arguments;
    __asm__ volatile(".option push\n.option norvc\n.balign 16\n" /* the three within a page */
                     "slli zero, zero, 0x1f\nebreak\nsrai zero, zero, 7\n.option pop"
                     : "+r"(result)
                     : "r"(block)
                     : "memory");
#else
    register int result __asm__("r0") = number;
    register const void *block __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(result) : "r"(block) : "memory");
#endif
    return result;
}

int semihosting_open(const char *path) {
    uintptr_t arguments[] = {(uintptr_t)path, READ_AND_WRITE_BINARY, strlen(path)};
    return call(SYS_OPEN, arguments);
}

int32_t semihosting_size(int handle) {
    uintptr_t arguments[] = {(uintptr_t)handle};
    return call(SYS_FLEN, arguments);
}

/* Reading and writing answer with the number of bytes that are left over. */
static bool transfer(int number, int handle, uint32_t offset, uintptr_t bytes, uint32_t size) {
    uintptr_t seek[] = {(uintptr_t)handle, offset};
    uintptr_t arguments[] = {(uintptr_t)handle, bytes, size};
    return call(SYS_SEEK, seek) == 0 && call(number, arguments) == 0;
}

bool semihosting_read(int handle, uint32_t offset, void *to, uint32_t size) {
    return transfer(SYS_READ, handle, offset, (uintptr_t)to, size);
}

bool semihosting_write(int handle, uint32_t offset, const void *from, uint32_t size) {
    return transfer(SYS_WRITE, handle, offset, (uintptr_t)from, size);
}

uint64_t semihosting_nanoseconds(void) {
    uint32_t elapsed[2] = {0, 0};
    call(SYS_ELAPSED, elapsed);
    return (uint64_t)elapsed[1] << 32 | elapsed[0];
}
