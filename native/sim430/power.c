/* The supply: how it fails, and what is left afterwards. */
#include <string.h>

#include "bus.h"

/* A generator of noise that is the same everywhere (Marsaglia's xorshift32, never 0). */
static uint32_t noise(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static uint32_t seeded(uint32_t seed) {
    uint32_t state = seed * 2654435761u + 1;
    return state != 0 ? state : 1;
}

void sim430_lose_power(sim430 *s, uint32_t seed) {
    uint32_t state = seeded(seed);
    for (uint32_t address = SRAM_BEGIN; address < SRAM_END; address++) {
        s->memory[address] = (uint8_t)(noise(&state) >> 24);
    }
    for (unsigned i = 0; i < 16; i++) {
        s->r[i] = noise(&state) & ADDRESS_MASK;
    }
    sim430_peripherals_reset(s);
    s->r[PC] = load16(s, RESET_VECTOR) & ~1u;
    s->r[SP] &= ~1u;
    s->r[SR] = 0;
    s->r[CG] = 0;
    s->cut_write = UINT64_MAX;
    s->stop = 0;
}

void sim430_set_supply(sim430 *s, uint32_t millivolts) {
    s->supply = millivolts;
}

void sim430_cut_at_write(sim430 *s, uint64_t n, sim430_cut how, uint32_t seed) {
    s->cut_write = s->counters.memory[SIM430_FRAM].writes + n - 1;
    s->cut_how = (uint8_t)how;
    s->cut_seed = seed;
}

uint32_t sim430_fail(sim430 *s) {
    if (s->stop != 0) {
        return 0; /* a later write of the instruction that power failed in */
    }
    stop(s, SIM430_CUT, 0);
    if (s->cut_how == SIM430_BEFORE) {
        return 0;
    }
    s->counters.memory[SIM430_FRAM].writes++;
    if (s->cut_how == SIM430_AFTER) {
        return 0xFFFF;
    }
    uint32_t state = seeded(s->cut_seed);
    return noise(&state) >> 16;
}
