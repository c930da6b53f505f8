/* Arithmetic and the status bits it leaves (SLAU367 4.6.2 and 4.6.3, "Status Bits" of each instruction). */
#ifndef SIM430_ALU_H
#define SIM430_ALU_H

#include "cpu.h"

static inline uint32_t zero_and_sign(uint32_t result, width w) {
    return (result == 0 ? ZERO : 0u) | (result & sign_of(w) ? NEGATIVE : 0u);
}

static inline void set_flags(sim430 *s, uint32_t flags) {
    s->r[SR] = (s->r[SR] & ~(uint32_t)FLAGS) | flags;
}

/* a + b + carry; operands within the width. Subtraction adds the complement. */
static inline uint32_t alu_add(sim430 *s, uint32_t a, uint32_t b, uint32_t carry, width w) {
    uint32_t sum = a + b + carry;
    uint32_t result = sum & mask_of(w);
    uint32_t overflow = ~(a ^ b) & (a ^ result) & sign_of(w) ? OVERFLOW : 0u;
    set_flags(s, (sum > mask_of(w) ? CARRY : 0u) | overflow | zero_and_sign(result, w));
    return result;
}

/* The status of logical instructions: the carry says "not zero". */
static inline void set_logical_flags(sim430 *s, uint32_t result, width w, uint32_t overflow) {
    set_flags(s, zero_and_sign(result, w) | (result != 0 ? CARRY : 0u) | overflow);
}

/* Adds decimal digits. V is undefined and stays. */
static inline uint32_t alu_add_decimal(sim430 *s, uint32_t a, uint32_t b, uint32_t carry, width w) {
    uint32_t result = 0;
    for (unsigned shift = 0; mask_of(w) >> shift != 0; shift += 4) {
        uint32_t digit = (a >> shift & 15) + (b >> shift & 15) + carry;
        carry = digit > 9;
        result |= ((carry ? digit - 10 : digit) & 15) << shift;
    }
    s->r[SR] = (s->r[SR] & ~(uint32_t)(CARRY | ZERO | NEGATIVE)) | carry | zero_and_sign(result, w);
    return result;
}

/* Right by one, `in` (0 or 1) entering at the top. V is reset. */
static inline uint32_t alu_shift_right(sim430 *s, uint32_t value, uint32_t in, width w) {
    uint32_t result = value >> 1 | (in ? sign_of(w) : 0u);
    set_flags(s, (value & CARRY) | zero_and_sign(result, w));
    return result;
}

#endif
