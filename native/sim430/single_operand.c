/* Format II: one operand, with or without an extension word. */
#include "alu.h"
#include "cycles.h"

enum { RRC, SWPB, RRA, SXT, PUSH, CALL };

static uint32_t compute(sim430 *s, unsigned operation, uint32_t value, width w, bool is_carry_ignored) {
    switch (operation) {
    case RRC:
        return alu_shift_right(s, value, is_carry_ignored ? 0 : s->r[SR] & CARRY, w);
    case RRA:
        return alu_shift_right(s, value, value & sign_of(w), w);
    case SWPB:
        return (value & 0xF0000) | (value & 0xFF) << 8 | (value >> 8 & 0xFF);
    default: { /* SXT: bit 7 up to bit 19 of a register, to the top of a memory operand */
        uint32_t result = (uint32_t)(int32_t)(int8_t)(uint8_t)value & ADDRESS_MASK;
        set_logical_flags(s, result, BYTE, 0);
        return result;
    }
    }
}

/* The stack pointer is moved before the operand is looked for: PUSH SP stores the new one (SLAU367 4.6.2, PUSH). */
static unsigned push(sim430 *s, uint32_t opcode, width w, extension x) {
    unsigned reg = opcode & 15, as = opcode >> 4 & 3, times = as == 0 ? repetitions(s, x) : 1;
    make_room(s, w);
    source from = locate(s, reg, as, w, x, single_high(x));
    uint32_t value = value_of(s, &from, w);
    store_on_top(s, value, w);
    for (unsigned i = 1; i < times; i++) {
        push_value(s, value, w);
    }
    if (!x.is_there) {
        return PUSH_CYCLES[from.mode];
    }
    unsigned repeated = (times - 1) * (w == ADDRESS ? 2 : 1);
    unsigned more = from.mode == FROM_INDEXED && reg == SP;
    return (w == ADDRESS ? PUSH_ADDRESS : PUSH_EXTENDED)[from.mode] + repeated + more;
}

static unsigned call(sim430 *s, uint32_t opcode) {
    unsigned reg = opcode & 15, as = opcode >> 4 & 3;
    source from = locate(s, reg, as, WORD, (extension){0}, 0);
    uint32_t target = value_of(s, &from, WORD);
    push_value(s, s->r[PC], WORD);
    s->r[PC] = target & ~1u;
    return from.mode == FROM_INDEXED && reg == SR ? CALL_ABSOLUTE : CALL_CYCLES[from.mode];
}

/* Of an extended instruction: for SWPB and SXT, which have no byte form, the byte bit of the opcode is 0 for both
 * widths. */
static width extended_width(sim430 *s, unsigned operation, uint32_t opcode, extension x) {
    bool is_long = !(x.word & 0x40), is_byte = opcode & 0x40;
    if (operation == SWPB || operation == SXT) {
        if (is_byte) {
            bad_opcode(s, opcode);
        }
        return is_long ? ADDRESS : WORD;
    }
    if (is_long && !is_byte) {
        bad_opcode(s, opcode);
    }
    return is_long ? ADDRESS : is_byte ? BYTE : WORD;
}

static unsigned on_register(sim430 *s, unsigned operation, unsigned reg, width w, extension x) {
    unsigned times = repetitions(s, x);
    for (unsigned i = 0; i < times; i++) {
        uint32_t value = s->r[reg] & mask_of(w);
        set_register(s, reg, compute(s, operation, value, w, ignores_carry(x)));
    }
    return x.is_there ? (w == ADDRESS ? FORMAT_II_ADDRESS : FORMAT_II_EXTENDED)[FROM_REGISTER] + times - 1
                      : FORMAT_II[FROM_REGISTER];
}

unsigned sim430_single_operand(sim430 *s, uint32_t opcode, extension x) {
    unsigned operation = opcode >> 7 & 7, reg = opcode & 15, as = opcode >> 4 & 3;
    width w = opcode & 0x40 ? BYTE : WORD;
    if (x.is_there) {
        w = extended_width(s, operation, opcode, x);
    }
    if (operation == CALL && !x.is_there && w == WORD) {
        return call(s, opcode);
    }
    if (operation == PUSH) {
        return push(s, opcode, w, x);
    }
    bool has_no_byte_form = operation == SWPB || operation == SXT;
    if (operation >= CALL || (has_no_byte_form && w == BYTE) || is_constant(reg, as) || (as == 3 && reg == PC)) {
        bad_opcode(s, opcode);
        return 0;
    }
    if (as == 0) {
        return on_register(s, operation, reg, w, x);
    }
    source place = locate(s, reg, as, w, x, single_high(x));
    uint32_t value = read_value(s, place.address, w);
    write_value(s, place.address, compute(s, operation, value, w, false) & mask_of(w), w);
    if (!x.is_there) {
        return FORMAT_II[place.mode];
    }
    return (w == ADDRESS ? FORMAT_II_ADDRESS : FORMAT_II_EXTENDED)[place.mode];
}
