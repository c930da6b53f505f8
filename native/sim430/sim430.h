/* An instruction-set simulator of the MSP430FR5994: CPUX, memories, multiplier, CRC32, UART, and a supply that can
 * fail. README.md says what is modelled and where it is described. All state lies in one sim430; any number of them may
 * live.
 */
#ifndef SIM430_H
#define SIM430_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sim430 sim430;

/* Why sim430_run came back. */
typedef enum sim430_stop {
    SIM430_LIMIT = 1,    /* instructions or cycles are used up */
    SIM430_HALT,         /* the next instruction is at the halt address */
    SIM430_TEXT,         /* the UART has sent the text */
    SIM430_OFF,          /* the program switched the CPU off (CPUOFF), and nothing can wake it */
    SIM430_CUT,          /* power failed; only sim430_lose_power helps */
    SIM430_BAD_OPCODE,   /* not an instruction; see sim430_fault */
    SIM430_BAD_ADDRESS,  /* access to vacant memory; see sim430_fault */
    SIM430_BAD_PASSWORD, /* a protected register written without its password, which resets the device */
    SIM430_UNSUPPORTED   /* a mode of a peripheral that is not modelled; see README.md */
} sim430_stop;

/* Memories, told apart by who answers on the bus. */
typedef enum sim430_memory {
    SIM430_VACANT,
    SIM430_PERIPHERAL,
    SIM430_SRAM,
    SIM430_FRAM,
    SIM430_MEMORIES
} sim430_memory;

typedef struct sim430_access {
    uint64_t fetches; /* words of instructions */
    uint64_t reads;   /* bytes or words of data; 20 bits are two words */
    uint64_t writes;
} sim430_access;

/* Counted since sim430_new; a power failure clears none of them. */
typedef struct sim430_counters {
    uint64_t instructions;
    uint64_t cycles;      /* of MCLK, wait_cycles included */
    uint64_t wait_cycles; /* that the FRAM controller kept the CPU waiting */
    sim430_access memory[SIM430_MEMORIES];
} sim430_counters;

/* What the instructions at one address have cost. */
typedef struct sim430_cost {
    uint64_t instructions;
    uint64_t cycles; /* wait cycles included */
} sim430_cost;

/* What a failing supply does to the FRAM write that it hits. All later writes of the same instruction are lost. */
typedef enum sim430_cut {
    SIM430_BEFORE, /* the write does not happen */
    SIM430_AFTER,  /* it does, and is the last one */
    SIM430_TORN    /* some of its bits do (by seed): worse than FRAM, which completes a word */
} sim430_cut;

#define SIM430_NOWHERE 0xFFFFFFFFu

/* A machine with empty memories (SRAM 0, FRAM 0xFF), before power-on; NULL: no host memory. */
sim430 *sim430_new(void);
/* A copy of everything: counters, output, memories, an armed cut. NULL: no host memory. */
sim430 *sim430_clone(const sim430 *s);
void sim430_free(sim430 *s);

/* Power lost and back: SRAM and registers become noise made of `seed`, peripherals are reset, a cut is disarmed, FRAM
 * stays, the reset vector is taken. Also the first power-on. */
void sim430_lose_power(sim430 *s, uint32_t seed);

/* Runs until something of sim430_stop happens. instructions, cycles: at most so many more (an instruction is never cut
 * in two by them). halt: address, or SIM430_NOWHERE. text: what the UART has to send, without terminator; NULL: any. */
sim430_stop sim430_run(sim430 *s, uint64_t instructions, uint64_t cycles, uint32_t halt, const char *text);

/* Power fails in the n-th FRAM write from now, n >= 1 (every bus write counts: 20 bits are two). seed: for SIM430_TORN.
 */
void sim430_cut_at_write(sim430 *s, uint64_t n, sim430_cut how, uint32_t seed);

/* The voltage of the supply as the program measures it, AVCC in millivolts: 3,000 at first. What it does is up to
 * sim430_lose_power. */
void sim430_set_supply(sim430 *s, uint32_t millivolts);

/* Copies between the host and the device's memories, at no cost to the device. False, and nothing copied, where a byte
 * is neither SRAM nor FRAM. */
bool sim430_read(const sim430 *s, uint32_t address, void *to, uint32_t size);
bool sim430_write(sim430 *s, uint32_t address, const void *from, uint32_t size);

/* Registers R0..R15, 20 bits. */
uint32_t sim430_register(const sim430 *s, unsigned number);
void sim430_set_register(sim430 *s, unsigned number, uint32_t value);

const sim430_counters *sim430_counted(const sim430 *s);
/* Cost of the instruction at each even address: entry address / 2, *entries of them. */
const sim430_cost *sim430_profile(const sim430 *s, uint32_t *entries);
/* Everything that the UART has sent since sim430_new. Valid until the next run. */
const uint8_t *sim430_output(const sim430 *s, size_t *size);

/* After a fault: the address of the instruction, and of the access (the opcode, for SIM430_BAD_OPCODE). */
void sim430_fault(const sim430 *s, uint32_t *instruction, uint32_t *what);

#endif
