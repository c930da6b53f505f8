/* Format I: two operands, with or without an extension word. */
#include "alu.h"
#include "cycles.h"

enum { MOV = 4, ADD, ADDC, SUBC, SUB, CMP, DADD, BIT, BIC, BIS, XOR, AND };

static bool writes_nothing(unsigned operation) {
    return operation == CMP || operation == BIT;
}

/* The result, and the status. carry: the carry bit, or 0 for RPTZ. */
static inline uint32_t compute(sim430 *s, unsigned operation, uint32_t from, uint32_t to, uint32_t carry, width w) {
    uint32_t result;
    switch (operation) {
    case MOV:
        return from;
    case ADD:
        return alu_add(s, to, from, 0, w);
    case ADDC:
        return alu_add(s, to, from, carry, w);
    case SUBC:
        return alu_add(s, to, ~from & mask_of(w), carry, w);
    case SUB:
    case CMP:
        return alu_add(s, to, ~from & mask_of(w), 1, w);
    case DADD:
        return alu_add_decimal(s, to, from, carry, w);
    case BIC:
        return to & ~from;
    case BIS:
        return to | from;
    case XOR:
        result = to ^ from;
        set_logical_flags(s, result, w, from & to & sign_of(w) ? OVERFLOW : 0u);
        return result;
    default: /* BIT, AND */
        result = to & from;
        set_logical_flags(s, result, w, 0);
        return result;
    }
}

static unsigned cycles_of(unsigned operation, source_mode from, destination_mode to, width w, bool is_extended) {
    unsigned less = to == TO_MEMORY && (operation == MOV || writes_nothing(operation));
    if (!is_extended) {
        return FORMAT_I[from][to] - less;
    }
    if (w == ADDRESS) {
        return FORMAT_I_ADDRESS[from][to] - 2 * less;
    }
    return FORMAT_I_EXTENDED[from][to] - less;
}

/* Register to register, perhaps several times. */
static unsigned repeat(sim430 *s, uint32_t opcode, width w, extension x) {
    unsigned operation = opcode >> 12, from = opcode >> 8 & 15, to = opcode & 15, times = repetitions(s, x);
    for (unsigned i = 0; i < times; i++) {
        uint32_t value = from == CG ? 0 : s->r[from];
        uint32_t carry = ignores_carry(x) ? 0 : s->r[SR] & CARRY;
        uint32_t result = compute(s, operation, value & mask_of(w), s->r[to] & mask_of(w), carry, w);
        if (!writes_nothing(operation)) {
            set_register(s, to, result);
        }
    }
    return cycles_of(operation, FROM_REGISTER, to == PC ? TO_PC : TO_REGISTER, w, true) + times - 1;
}

unsigned sim430_double_operand(sim430 *s, uint32_t opcode, extension x) {
    unsigned operation = opcode >> 12, as = opcode >> 4 & 3, to = opcode & 15;
    bool is_to_memory = opcode & 0x80;
    width w = opcode & 0x40 ? BYTE : WORD;
    if (x.is_there) {
        if (!(x.word & 0x40)) {
            w = w == BYTE ? ADDRESS : (bad_opcode(s, opcode), WORD);
        }
        if (as == 0 && !is_to_memory) {
            return repeat(s, opcode, w, x);
        }
    }
    source from = locate(s, opcode >> 8 & 15, as, w, x, source_high(x));
    uint32_t value = value_of(s, &from, w), carry = s->r[SR] & CARRY;
    if (!is_to_memory) {
        uint32_t result = compute(s, operation, value, s->r[to] & mask_of(w), carry, w);
        if (!writes_nothing(operation)) {
            set_register(s, to, result);
        }
        return cycles_of(operation, from.mode, to == PC ? TO_PC : TO_REGISTER, w, x.is_there);
    }
    uint32_t address = indexed_address(s, to, x, destination_high(x));
    uint32_t old = operation == MOV ? 0 : read_value(s, address, w);
    uint32_t result = compute(s, operation, value, old, carry, w);
    if (!writes_nothing(operation)) {
        write_value(s, address, result, w);
    }
    return cycles_of(operation, from.mode, TO_MEMORY, w, x.is_there);
}
