/* Addressing modes (SLAU367 4.4). */
#ifndef SIM430_OPERAND_H
#define SIM430_OPERAND_H

#include "cpu.h"

/* Modes of a source, as far as cycles depend on them; rows of the tables in cycles.h. */
typedef enum source_mode { FROM_REGISTER, FROM_INDIRECT, FROM_IMMEDIATE, FROM_INDEXED } source_mode;

typedef struct source {
    source_mode mode;
    bool is_constant; /* of the generator: not a register that can be written */
    uint32_t address; /* FROM_INDIRECT, FROM_INDEXED */
    uint32_t value;   /* FROM_REGISTER, FROM_IMMEDIATE; all bits of a register */
} source;

/* Where X(Rn), EDE or &EDE points; the index is the next word. high: its bits 19:16, of an extension word. */
static inline uint32_t indexed_address(sim430 *s, unsigned reg, extension x, uint32_t high) {
    uint32_t base = reg == SR ? 0 : s->r[reg]; /* the PC: address of the index */
    uint32_t index = fetch(s);
    if (x.is_there) {
        return (base + (high << 16 | index)) & ADDRESS_MASK;
    }
    if (base <= 0xFFFF) {
        return (base + index) & 0xFFFF; /* the lower 64 KB are not left */
    }
    return (base + sign_extended(index)) & ADDRESS_MASK;
}

/* The constants of R2 and R3 (SLAU367 table 4-2); as: addressing mode of the opcode. */
static inline bool is_constant(unsigned reg, unsigned as) {
    return reg == CG || (reg == SR && as >= 2);
}

static inline uint32_t constant(unsigned reg, unsigned as) {
    if (reg == SR) {
        return as == 2 ? 4 : 8;
    }
    return as == 3 ? ADDRESS_MASK : as;
}

static inline source locate(sim430 *s, unsigned reg, unsigned as, width w, extension x, uint32_t high) {
    if (is_constant(reg, as)) {
        return (source){FROM_REGISTER, true, 0, constant(reg, as)};
    }
    if (as == 0) {
        return (source){FROM_REGISTER, false, 0, s->r[reg]};
    }
    if (as == 1) {
        return (source){FROM_INDEXED, false, indexed_address(s, reg, x, high), 0};
    }
    if (as == 3 && reg == PC) {
        return (source){FROM_IMMEDIATE, false, 0, fetch(s) | high << 16};
    }
    uint32_t address = s->r[reg];
    if (as == 3) {
        unsigned step = w == BYTE && reg != SP ? 1 : bytes_of(w);
        s->r[reg] = (address + step) & ADDRESS_MASK;
    }
    return (source){FROM_INDIRECT, false, address, 0};
}

static inline uint32_t value_of(sim430 *s, const source *from, width w) {
    bool is_in_memory = from->mode == FROM_INDIRECT || from->mode == FROM_INDEXED;
    return is_in_memory ? read_value(s, from->address, w) : from->value & mask_of(w);
}

/* Fields of the extension word. */
static inline uint32_t source_high(extension x) {
    return x.is_there ? x.word >> 7 & 15u : 0;
}

static inline uint32_t destination_high(extension x) {
    return x.is_there ? x.word & 15u : 0;
}

/* Of a format II instruction. The guide's figure has these bits in the place of the destination, GNU as puts them into
 * that of the source; whichever is used, the other one is 0. */
static inline uint32_t single_high(extension x) {
    return source_high(x) | destination_high(x);
}

/* In register mode: how often the instruction is executed, and whether each time the carry counts as 0. */
static inline unsigned repetitions(const sim430 *s, extension x) {
    if (!x.is_there) {
        return 1;
    }
    return (x.word & 0x80 ? s->r[x.word & 15] & 15 : x.word & 15u) + 1;
}

static inline bool ignores_carry(extension x) {
    return x.is_there && x.word & 0x100;
}

#endif
