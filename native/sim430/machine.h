/* The state of a machine, and names for its parts. */
#ifndef SIM430_MACHINE_H
#define SIM430_MACHINE_H

#include "sim430.h"

enum { PC, SP, SR, CG };

/* Bits of the status register (SLAU367 4.3.3). */
enum { CARRY = 0x01, ZERO = 0x02, NEGATIVE = 0x04, CPU_OFF = 0x10, OVERFLOW = 0x100, FLAGS = 0x107 };

/* Memory map (SLASE54, "Memory Organization"), in pages of 512 bytes. */
#define PAGE_BITS 9
#define PERIPHERALS_END 0x1000u
#define INFO_BEGIN 0x1800u
#define INFO_END 0x1A00u
#define SRAM_BEGIN 0x1C00u
#define SRAM_END 0x3C00u
#define FRAM_BEGIN 0x4000u
#define FRAM_END 0x44000u
#define RESET_VECTOR 0xFFFEu
#define ADDRESS_MASK 0xFFFFFu

/* FRAM read cache (SLAU367, FRCTL): 4 lines of 64 bits, 2-way set associative. */
enum { CACHE_SETS = 2, CACHE_WAYS = 2, LINE_BITS = 3 };

typedef struct fram_cache {
    uint32_t last; /* line of the newest access */
    uint32_t line[CACHE_SETS][CACHE_WAYS];
    uint8_t oldest[CACHE_SETS]; /* way to be replaced next */
} fram_cache;

typedef struct mpy32 {
    uint32_t op1, op2;
    uint64_t result;
    uint16_t sumext;
    uint8_t is_signed, accumulates, is_wide; /* as the register that op1 was written to says */
    uint8_t carry;
} mpy32;

typedef struct crc_module {
    uint32_t crc32;
    uint16_t crc16;
} crc_module;

struct sim430 {
    uint32_t r[16];
    uint32_t wait_states;
    sim430_counters counters;
    uint64_t cut_write; /* count of FRAM writes at which power fails */
    uint8_t stop;       /* sim430_stop; 0: running */
    uint8_t cut_how;
    uint32_t cut_seed;
    uint32_t fault_instruction, fault_what;
    fram_cache cache;
    mpy32 mpy;
    crc_module crc;
    uint32_t supply;                     /* AVCC, mV */
    uint64_t reference_ready, converted; /* cycles at which the reference has settled, a conversion ends */
    bool converting;
    uint64_t lea_done;           /* cycles at which a command ends */
    uint32_t lea_result, lea_to; /* what it writes, and where; 0: no command is at work */
    uint8_t *output;             /* of the UART */
    size_t output_size, output_capacity;
    const char *text; /* what ends a run */
    size_t text_size;
    uint8_t page[(ADDRESS_MASK + 1) >> PAGE_BITS];
    uint8_t memory[FRAM_END];
    sim430_cost cost[FRAM_END / 2];
};

static inline void stop(sim430 *s, sim430_stop why, uint32_t what) {
    if (s->stop == 0) {
        s->stop = (uint8_t)why;
        s->fault_what = what;
    }
}

#endif
