/* What the CPU does on the bus: every access is counted, delayed and perhaps cut. Inline, because it is half of the
 * work. */
#ifndef SIM430_BUS_H
#define SIM430_BUS_H

#include <string.h>

#include "machine.h"
#include "peripherals.h"

/* Widths of operands. */
typedef enum width { BYTE, WORD, ADDRESS } width;

static inline uint32_t load16(const sim430 *s, uint32_t address) {
    return s->memory[address] | (uint32_t)s->memory[address + 1] << 8;
}

static inline void store16(sim430 *s, uint32_t address, uint32_t value) {
    s->memory[address] = (uint8_t)value;
    s->memory[address + 1] = (uint8_t)(value >> 8);
}

/* A line that is not in the cache costs the wait states. */
static inline void fram_read(sim430 *s, uint32_t address) {
    fram_cache *cache = &s->cache;
    uint32_t line = address >> LINE_BITS, set = line % CACHE_SETS;
    if (line == cache->last) {
        return;
    }
    cache->last = line;
    if (line == cache->line[set][0]) {
        cache->oldest[set] = 1;
    } else if (line == cache->line[set][1]) {
        cache->oldest[set] = 0;
    } else {
        cache->line[set][cache->oldest[set]] = line;
        cache->oldest[set] ^= 1;
        s->counters.wait_cycles += s->wait_states;
        s->counters.cycles += s->wait_states;
    }
}

/* Counts a write to FRAM and lets it wait. Returns which of its bits still get there: all, but for a failing supply. */
static inline uint32_t fram_write(sim430 *s) {
    uint64_t number = s->counters.memory[SIM430_FRAM].writes;
    if (__builtin_expect(number >= s->cut_write, 0)) {
        return sim430_fail(s);
    }
    s->counters.memory[SIM430_FRAM].writes = number + 1;
    s->counters.wait_cycles += s->wait_states;
    s->counters.cycles += s->wait_states;
    return 0xFFFF;
}

static inline uint32_t read_word(sim430 *s, uint32_t address) {
    address &= ADDRESS_MASK & ~1u;
    uint32_t memory = s->page[address >> PAGE_BITS];
    s->counters.memory[memory].reads++;
    if (memory == SIM430_FRAM) {
        fram_read(s, address);
    } else if (memory != SIM430_SRAM) {
        return sim430_peripheral_read(s, address, false);
    }
    return load16(s, address);
}

static inline uint32_t read_byte(sim430 *s, uint32_t address) {
    address &= ADDRESS_MASK;
    uint32_t memory = s->page[address >> PAGE_BITS];
    s->counters.memory[memory].reads++;
    if (memory == SIM430_FRAM) {
        fram_read(s, address);
    } else if (memory != SIM430_SRAM) {
        return sim430_peripheral_read(s, address, true);
    }
    return s->memory[address];
}

static inline void write_word(sim430 *s, uint32_t address, uint32_t value) {
    address &= ADDRESS_MASK & ~1u;
    uint32_t memory = s->page[address >> PAGE_BITS];
    if (memory == SIM430_SRAM) {
        s->counters.memory[SIM430_SRAM].writes++;
        store16(s, address, value);
    } else if (memory == SIM430_FRAM) {
        uint32_t bits = fram_write(s);
        store16(s, address, (value & bits) | (load16(s, address) & ~bits));
    } else {
        sim430_peripheral_write(s, address, value & 0xFFFF, false);
    }
}

static inline void write_byte(sim430 *s, uint32_t address, uint32_t value) {
    address &= ADDRESS_MASK;
    uint32_t memory = s->page[address >> PAGE_BITS];
    if (memory == SIM430_SRAM) {
        s->counters.memory[SIM430_SRAM].writes++;
        s->memory[address] = (uint8_t)value;
    } else if (memory == SIM430_FRAM) {
        uint32_t bits = fram_write(s);
        s->memory[address] = (uint8_t)((value & bits) | (s->memory[address] & ~bits));
    } else {
        sim430_peripheral_write(s, address, value & 0xFF, true);
    }
}

static inline uint32_t read_value(sim430 *s, uint32_t address, width w) {
    if (w == WORD) {
        return read_word(s, address);
    }
    if (w == BYTE) {
        return read_byte(s, address);
    }
    uint32_t low = read_word(s, address);
    return low | (read_word(s, address + 2) & 0xF) << 16;
}

/* 20 bits: the low word first. */
static inline void write_value(sim430 *s, uint32_t address, uint32_t value, width w) {
    if (w == WORD) {
        write_word(s, address, value);
    } else if (w == BYTE) {
        write_byte(s, address, value);
    } else {
        write_word(s, address, value);
        write_word(s, address + 2, value >> 16);
    }
}

/* The next word of the instruction. */
static inline uint32_t fetch(sim430 *s) {
    uint32_t address = s->r[PC];
    uint32_t memory = s->page[address >> PAGE_BITS];
    s->counters.memory[memory].fetches++;
    s->r[PC] = (address + 2) & ADDRESS_MASK;
    if (memory == SIM430_FRAM) {
        fram_read(s, address);
    } else if (memory != SIM430_SRAM) {
        stop(s, SIM430_BAD_ADDRESS, address);
        return 0;
    }
    return load16(s, address);
}

#endif
