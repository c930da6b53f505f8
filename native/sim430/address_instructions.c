/* The MSP430X instructions on 20-bit registers that need no extension word (SLAU367 4.6.4), and CALLA, PUSHM, POPM,
 * RETI. */
#include "alu.h"
#include "cycles.h"

enum { MOVA = 0, CMPA = 1, ADDA = 2, SUBA = 3 };
enum { RRCM, RRAM, RLAM, RRUM };

static uint32_t shifted_once(sim430 *s, unsigned operation, uint32_t value, width w) {
    switch (operation) {
    case RRCM:
        return alu_shift_right(s, value, s->r[SR] & CARRY, w);
    case RRAM:
        return alu_shift_right(s, value, value & sign_of(w), w);
    case RLAM:
        return alu_add(s, value, value, 0, w); /* V is undefined */
    default:
        return alu_shift_right(s, value, 0, w);
    }
}

static unsigned shift_many(sim430 *s, uint32_t opcode) {
    unsigned reg = opcode & 15, times = (opcode >> 10 & 3) + 1;
    width w = opcode & 0x10 ? WORD : ADDRESS;
    uint32_t value = s->r[reg] & mask_of(w);
    for (unsigned i = 0; i < times; i++) {
        value = shifted_once(s, opcode >> 8 & 3, value, w);
    }
    set_register(s, reg, value);
    return times;
}

/* X(Rn) of these instructions: a signed index of 16 bits, no wrapping at 64 KB. */
static uint32_t near_address(sim430 *s, unsigned reg) {
    uint32_t base = s->r[reg];
    return (base + sign_extended(fetch(s))) & ADDRESS_MASK;
}

static unsigned load_address(sim430 *s, unsigned reg, unsigned cycles, uint32_t value) {
    set_register(s, reg, value);
    return cycles + (reg == PC ? 2 : 0);
}

/* CMPA, ADDA, SUBA. */
static void compute_address(sim430 *s, unsigned operation, unsigned reg, uint32_t value) {
    uint32_t result = operation == ADDA ? alu_add(s, s->r[reg], value, 0, ADDRESS)
                                        : alu_add(s, s->r[reg], ~value & ADDRESS_MASK, 1, ADDRESS);
    if (operation != CMPA) {
        set_register(s, reg, result);
    }
}

static unsigned immediate_or_register(sim430 *s, uint32_t opcode) {
    unsigned from = opcode >> 8 & 15, to = opcode & 15, operation = opcode >> 4 & 3;
    bool is_register = opcode & 0x40;
    uint32_t value = !is_register ? fetch(s) | from << 16 : from == CG ? 0 : s->r[from];
    if (operation == MOVA) {
        set_register(s, to, value);
    } else {
        compute_address(s, operation, to, value);
    }
    if (to == PC && operation != CMPA) {
        return 3;
    }
    if (is_register) {
        return 1;
    }
    return operation == MOVA ? 2 : 3;
}

unsigned sim430_address_instruction(sim430 *s, uint32_t opcode) {
    unsigned from = opcode >> 8 & 15, to = opcode & 15;
    uint32_t address;
    switch (opcode >> 4 & 15) {
    case 0: /* MOVA @Rn,Rm */
        return load_address(s, to, 3, read_value(s, s->r[from], ADDRESS));
    case 1: /* MOVA @Rn+,Rm */
        address = s->r[from];
        s->r[from] = (address + 4) & ADDRESS_MASK;
        return load_address(s, to, 3, read_value(s, address, ADDRESS));
    case 2: /* MOVA &EDE,Rm */
        return load_address(s, to, 4, read_value(s, from << 16 | fetch(s), ADDRESS));
    case 3: /* MOVA X(Rn),Rm */
        return load_address(s, to, 4, read_value(s, near_address(s, from), ADDRESS));
    case 4:
    case 5:
        return shift_many(s, opcode);
    case 6: /* MOVA Rn,&EDE */
        address = to << 16 | fetch(s);
        write_value(s, address, s->r[from], ADDRESS);
        return 4;
    case 7: /* MOVA Rn,X(Rm) */
        address = near_address(s, to);
        write_value(s, address, s->r[from], ADDRESS);
        return 4;
    default:
        return immediate_or_register(s, opcode);
    }
}

/* PC.19:16 lie in bits 15:12 of the stored status. */
static unsigned return_from_interrupt(sim430 *s) {
    uint32_t status = read_word(s, s->r[SP]), low = read_word(s, s->r[SP] + 2);
    s->r[SP] = (s->r[SP] + 4) & ADDRESS_MASK;
    s->r[SR] = status & 0xFFF;
    s->r[PC] = (low | (status & 0xF000) << 4) & ~1u;
    return RETI_CYCLES;
}

unsigned sim430_calla(sim430 *s, uint32_t opcode) {
    unsigned reg = opcode & 15, cycles = 5;
    uint32_t target = 0, address;
    if (opcode == 0x1300) {
        return return_from_interrupt(s);
    }
    switch (opcode >> 4 & 15) {
    case 4:
        target = s->r[reg];
        break;
    case 5:
        target = read_value(s, near_address(s, reg), ADDRESS);
        cycles = reg == SP ? 6 : 5;
        break;
    case 6:
    case 7:
        address = s->r[reg];
        if (opcode & 0x10) {
            s->r[reg] = (address + 4) & ADDRESS_MASK;
        }
        target = read_value(s, address, ADDRESS);
        cycles = 6;
        break;
    case 8:
        target = read_value(s, reg << 16 | fetch(s), ADDRESS);
        cycles = 7;
        break;
    case 9:
        address = s->r[PC];
        target = read_value(s, address + (reg << 16 | fetch(s)), ADDRESS);
        cycles = 7;
        break;
    case 11:
        target = reg << 16 | fetch(s);
        break;
    default:
        bad_opcode(s, opcode);
        return 0;
    }
    push_value(s, s->r[PC], ADDRESS);
    s->r[PC] = target & ~1u;
    return cycles;
}

unsigned sim430_push_many(sim430 *s, uint32_t opcode) {
    unsigned count = (opcode >> 4 & 15) + 1, reg = opcode & 15;
    width w = opcode & 0x100 ? WORD : ADDRESS;
    for (unsigned i = 0; i < count; i++) {
        if (opcode & 0x200) { /* POPM: upwards from the register named */
            uint32_t value = read_value(s, s->r[SP], w);
            s->r[SP] = (s->r[SP] + bytes_of(w)) & ADDRESS_MASK;
            set_register(s, (reg + i) & 15, value);
        } else {
            push_value(s, s->r[(reg - i) & 15], w);
        }
    }
    return 2 + count * (w == ADDRESS ? 2 : 1);
}
