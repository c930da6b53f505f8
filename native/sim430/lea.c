/* The Low-Energy Accelerator: one command, MAC of two vectors of 16 bits. README.md, "LEA", says where this is public.
 * What a program must not rely on stops the machine. */
#include "bus.h"

enum { CNF1 = 0x08, CNF2 = 0x0C, MB = 0x10, MT = 0x14, PMCTL = 0x40, PMS1 = 0x48, PMS0 = 0x4C, PMCB = 0x50 };
enum { LEA_BUSY = 1, CMDEN = 1, COMMAND_MAC = 0x54, ADDRESS_SHIFT = 2 };
enum { LEA_BEGIN = 0x2C00, LEA_END = 0x3C00, LEA_STACK = 0x138, RESULT_BYTES = 4 };
enum { STARTING_CYCLES = 50 }; /* estimate; then one cycle for each element */

static int32_t signed16(const sim430 *s, uint32_t address) {
    return (int16_t)load16(s, address);
}

/* Whether bytes lie where the accelerator may read and write, its own stack apart. */
static bool is_shared(uint32_t address, uint32_t size) {
    return address >= LEA_BEGIN && address + size <= LEA_END - LEA_STACK;
}

static uint32_t pointer(const sim430 *s, uint32_t at) {
    return load16(s, at) << ADDRESS_SHIFT;
}

/* Until it is done, nobody knows what the result and the stack hold. */
static void scramble(sim430 *s, uint32_t result) {
    memset(s->memory + result, 0x5A, RESULT_BYTES);
    memset(s->memory + LEA_END - LEA_STACK, 0xA5, LEA_STACK);
}

static void multiply_accumulate(sim430 *s) {
    const uint32_t x = pointer(s, LEA_BASE + PMS0), parameters = pointer(s, LEA_BASE + PMS1);
    if (!is_shared(parameters, 8)) {
        stop(s, SIM430_UNSUPPORTED, parameters);
        return;
    }
    const uint32_t count = load16(s, parameters), y = pointer(s, parameters + 2), result = pointer(s, parameters + 4);
    int64_t sum = 0;
    if (count == 0 || count % 2 != 0 || !is_shared(x, 2 * count) || !is_shared(y, 2 * count) ||
        !is_shared(result, RESULT_BYTES)) {
        stop(s, SIM430_UNSUPPORTED, parameters);
        return;
    }
    for (uint32_t at = 0; at < 2 * count; at += 2) {
        sum += (int64_t)signed16(s, x + at) * signed16(s, y + at);
    }
    if (2 * sum > INT32_MAX || 2 * sum < INT32_MIN) {
        stop(s, SIM430_UNSUPPORTED, result); /* whether it saturates is not told */
        return;
    }
    scramble(s, result);
    s->lea_result = (uint32_t)(2 * sum); /* Q15 times Q15 is Q31 */
    s->lea_to = result;
    s->lea_done = s->counters.cycles + STARTING_CYCLES + count;
}

static void advance(sim430 *s) {
    if (s->lea_to != 0 && s->counters.cycles >= s->lea_done) {
        store16(s, s->lea_to, s->lea_result);
        store16(s, s->lea_to + 2, s->lea_result >> 16);
        s->lea_to = 0;
    }
}

uint32_t sim430_lea_read(sim430 *s, uint32_t offset) {
    advance(s);
    switch (offset) {
    case CNF1:
        return s->lea_to != 0 ? LEA_BUSY : 0;
    case MB:
        return LEA_BEGIN;
    case MT:
        return LEA_END - 1;
    default:
        return load16(s, LEA_BASE + offset);
    }
}

void sim430_lea_write(sim430 *s, uint32_t offset, uint32_t value) {
    advance(s);
    store16(s, LEA_BASE + offset, value);
    if (offset != PMCB) {
        return;
    }
    const bool is_ready = (s->memory[LEA_BASE + PMCTL] & CMDEN) != 0 && s->lea_to == 0 &&
                          load16(s, LEA_BASE + CNF2) == (LEA_END - 1) >> ADDRESS_SHIFT;
    if (is_ready && value == COMMAND_MAC) {
        multiply_accumulate(s);
    } else {
        stop(s, SIM430_UNSUPPORTED, LEA_BASE + PMCB);
    }
}
