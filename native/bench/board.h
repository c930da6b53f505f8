/* What differs between the emulated boards: where memory is, a clock, and how a program talks to QEMU. */
#ifndef BENCH_BOARD_H
#define BENCH_BOARD_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define STACK_SIZE 0x10000 /* above the program's variables, below what is put at MEMORY */

int main(void);

#if defined(__riscv) /* QEMU "virt": 128 MB */

#define MEMORY UINT32_C(0x81000000)

__asm__(".section .start, \"ax\"\n"
        "    li sp, 0x81000000\n"
        "    j main\n"
        ".text\n");

static inline void board_start(void) {
}

/* QEMU's count, of 2^10 an instruction, is 64 bits wide; its low word alone ends after 4 million instructions. */
static inline uint32_t board_ticks(void) {
    uint32_t high, low, again;
    do {
        __asm__ volatile("rdinstreth %0\n rdinstret %1\n rdinstreth %2" : "=r"(high), "=r"(low), "=r"(again));
    } while (high != again);
    return high << 22 | low >> 10;
}

static inline void board_semihosting(uint32_t operation, const void *argument) {
    register uint32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(
        ".option push\n .option norvc\n .balign 16\n slli x0, x0, 0x1f\n ebreak\n srai x0, x0, 7\n .option pop"
        : "+r"(a0)
        : "r"(a1)
        : "memory");
}

#else /* Cortex-M */

static inline void board_semihosting(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

#if __ARM_ARCH == 6 /* micro:bit, with more RAM than a real one. Timer 0 of the nRF51, 16 MHz */

#define MEMORY UINT32_C(0x20100000)
#define TIMER UINT32_C(0x40008000)

static inline void board_start(void) {
    REGISTER(TIMER + 0x510) = 0; /* PRESCALER */
    REGISTER(TIMER + 0x508) = 3; /* BITMODE: 32 */
    REGISTER(TIMER + 0x000) = 1; /* TASKS_START */
}

static inline uint32_t board_ticks(void) {
    REGISTER(TIMER + 0x040) = 1; /* TASKS_CAPTURE[0] */
    return REGISTER(TIMER + 0x540);
}

#else /* MPS2 AN385, AN386. CMSDK APB timer 0, 25 MHz, counts down */

#define MEMORY UINT32_C(0x21000000) /* PSRAM, 16 MB */
#define TIMER UINT32_C(0x40000000)

static inline void board_start(void) {
    REGISTER(TIMER + 4) = UINT32_MAX;
    REGISTER(TIMER) = 1;
}

static inline uint32_t board_ticks(void) {
    return UINT32_MAX - REGISTER(TIMER + 4);
}

#endif

#if __ARM_ARCH == 6
#define STACK (MEMORY)
#else
#define STACK UINT32_C(0x20010000)
#endif

__attribute__((section(".start"), used)) static void (*const vectors[])(void) = {(void (*)(void))STACK,
                                                                                 (void (*)(void))main};

#endif

#endif
