/* The public functions: life of a machine, the run loop, access from the host. */
#include "sim430.h"

#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "cycles.h"

static void map(sim430 *s, uint32_t begin, uint32_t end, sim430_memory memory) {
    memset(s->page + (begin >> PAGE_BITS), (int)memory, (end - begin) >> PAGE_BITS);
}

sim430 *sim430_new(void) {
    sim430 *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    map(s, 0, PERIPHERALS_END, SIM430_PERIPHERAL);
    map(s, INFO_BEGIN, INFO_END, SIM430_FRAM);
    map(s, SRAM_BEGIN, SRAM_END, SIM430_SRAM);
    map(s, FRAM_BEGIN, FRAM_END, SIM430_FRAM);
    memset(s->memory + INFO_BEGIN, 0xFF, INFO_END - INFO_BEGIN);
    memset(s->memory + FRAM_BEGIN, 0xFF, FRAM_END - FRAM_BEGIN);
    s->cut_write = UINT64_MAX;
    s->supply = 3000;
    return s;
}

sim430 *sim430_clone(const sim430 *s) {
    sim430 *copy = malloc(sizeof *copy);
    uint8_t *output = malloc(s->output_size + 1);
    if (copy == NULL || output == NULL) {
        free(copy);
        free(output);
        return NULL;
    }
    *copy = *s;
    if (s->output_size != 0) {
        memcpy(output, s->output, s->output_size);
    }
    copy->output = output;
    copy->output_capacity = s->output_size + 1;
    return copy;
}

void sim430_free(sim430 *s) {
    if (s != NULL) {
        free(s->output);
    }
    free(s);
}

static bool is_taken(uint32_t condition, uint32_t status) {
    bool carry = status & CARRY, zero = status & ZERO, negative = status & NEGATIVE, overflow = status & OVERFLOW;
    switch (condition) {
    case 0:
        return !zero;
    case 1:
        return zero;
    case 2:
        return !carry;
    case 3:
        return carry;
    case 4:
        return negative;
    case 5:
        return negative == overflow;
    case 6:
        return negative != overflow;
    default:
        return true;
    }
}

static unsigned jump(sim430 *s, uint32_t opcode) {
    if (is_taken(opcode >> 10 & 7, s->r[SR])) {
        uint32_t offset = opcode & 0x3FF;
        s->r[PC] = (s->r[PC] + 2 * offset - (offset & 0x200) * 4) & ADDRESS_MASK;
    }
    return JUMP_CYCLES;
}

static unsigned extended(sim430 *s, uint32_t word) {
    uint32_t opcode = fetch(s);
    extension x = {true, (uint16_t)word};
    if (opcode >= 0x4000) {
        return sim430_double_operand(s, opcode, x);
    }
    if (opcode >> 10 == 4 && opcode < 0x1280) {
        return sim430_single_operand(s, opcode, x);
    }
    bad_opcode(s, opcode);
    return 0;
}

static inline unsigned execute(sim430 *s, uint32_t opcode) {
    if (opcode >= 0x4000) {
        return sim430_double_operand(s, opcode, (extension){0});
    }
    if (opcode >= 0x2000) {
        return jump(s, opcode);
    }
    if (opcode < 0x1000) {
        return sim430_address_instruction(s, opcode);
    }
    if (opcode < 0x1300) {
        return sim430_single_operand(s, opcode, (extension){0});
    }
    if (opcode < 0x1400) {
        return sim430_calla(s, opcode);
    }
    if (opcode < 0x1800) {
        return sim430_push_many(s, opcode);
    }
    return extended(s, opcode);
}

static inline void step(sim430 *s) {
    sim430_counters *counters = &s->counters;
    uint64_t before = counters->cycles;
    uint32_t address = s->r[PC];
    s->fault_instruction = address;
    uint32_t opcode = fetch(s);
    if (__builtin_expect(s->stop != 0, 0)) {
        return;
    }
    counters->cycles += execute(s, opcode);
    counters->instructions++;
    sim430_cost *cost = &s->cost[address / 2];
    cost->instructions++;
    cost->cycles += counters->cycles - before;
}

static uint64_t sum_or_most(uint64_t a, uint64_t b) {
    return a + b < a ? UINT64_MAX : a + b;
}

sim430_stop sim430_run(sim430 *s, uint64_t instructions, uint64_t cycles, uint32_t halt, const char *text) {
    const uint64_t last_instruction = sum_or_most(s->counters.instructions, instructions);
    const uint64_t last_cycle = sum_or_most(s->counters.cycles, cycles);
    if (s->stop == SIM430_CUT) {
        return SIM430_CUT;
    }
    s->stop = 0;
    s->text = text;
    s->text_size = text != NULL ? strlen(text) : 0;
    for (;;) {
        if (s->r[PC] == halt) {
            return SIM430_HALT;
        }
        if (s->r[SR] & CPU_OFF) {
            return SIM430_OFF;
        }
        if (s->counters.instructions >= last_instruction || s->counters.cycles >= last_cycle) {
            return SIM430_LIMIT;
        }
        step(s);
        if (__builtin_expect(s->stop != 0, 0)) {
            return (sim430_stop)s->stop;
        }
    }
}

static bool is_memory(const sim430 *s, uint32_t address, uint32_t size) {
    if (address >= FRAM_END || size > FRAM_END - address) {
        return false;
    }
    for (uint32_t i = 0; i < size; i++) {
        if (s->page[(address + i) >> PAGE_BITS] < SIM430_SRAM) {
            return false;
        }
    }
    return true;
}

bool sim430_read(const sim430 *s, uint32_t address, void *to, uint32_t size) {
    if (!is_memory(s, address, size)) {
        return false;
    }
    memcpy(to, s->memory + address, size);
    return true;
}

bool sim430_write(sim430 *s, uint32_t address, const void *from, uint32_t size) {
    if (!is_memory(s, address, size)) {
        return false;
    }
    memcpy(s->memory + address, from, size);
    return true;
}

uint32_t sim430_register(const sim430 *s, unsigned number) {
    return s->r[number & 15];
}

void sim430_set_register(sim430 *s, unsigned number, uint32_t value) {
    set_register(s, number & 15, value & ADDRESS_MASK);
}

const sim430_counters *sim430_counted(const sim430 *s) {
    return &s->counters;
}

const sim430_cost *sim430_profile(const sim430 *s, uint32_t *entries) {
    *entries = FRAM_END / 2;
    return s->cost;
}

const uint8_t *sim430_output(const sim430 *s, size_t *size) {
    *size = s->output_size;
    return s->output;
}

void sim430_fault(const sim430 *s, uint32_t *instruction, uint32_t *what) {
    *instruction = s->fault_instruction;
    *what = s->fault_what;
}
