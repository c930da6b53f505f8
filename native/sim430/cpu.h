/* The instruction formats, one function each: executes what follows the words fetched already, returns cycles of MCLK.
 */
#ifndef SIM430_CPU_H
#define SIM430_CPU_H

#include "bus.h"

/* The extension word of a MSP430X instruction (SLAU367 4.5.2), or its absence. */
typedef struct extension {
    bool is_there;
    uint16_t word;
} extension;

/* MOV .. AND (format I). */
unsigned sim430_double_operand(sim430 *s, uint32_t opcode, extension x);
/* RRC, SWPB, RRA, SXT, PUSH, CALL (format II). */
unsigned sim430_single_operand(sim430 *s, uint32_t opcode, extension x);
/* MOVA, CMPA, ADDA, SUBA, RRCM, RRAM, RLAM, RRUM: opcodes below 0x1000. */
unsigned sim430_address_instruction(sim430 *s, uint32_t opcode);
/* RETI and CALLA: opcodes 0x1300 to 0x13FF. */
unsigned sim430_calla(sim430 *s, uint32_t opcode);
/* PUSHM, POPM: opcodes 0x1400 to 0x17FF. */
unsigned sim430_push_many(sim430 *s, uint32_t opcode);

/* Largest value and sign bit of a width. */
static inline uint32_t mask_of(width w) {
    return w == WORD ? 0xFFFF : w == BYTE ? 0xFF : ADDRESS_MASK;
}

static inline uint32_t sign_of(width w) {
    return w == WORD ? 0x8000 : w == BYTE ? 0x80 : 0x80000;
}

static inline unsigned bytes_of(width w) {
    return w == ADDRESS ? 4 : 2;
}

/* Writes a register: value within its width (which clears the bits above it). */
static inline void set_register(sim430 *s, unsigned n, uint32_t value) {
    if (n <= SP) {
        value &= ~1u;
    }
    if (n != CG) {
        s->r[n] = value;
    }
}

static inline uint32_t sign_extended(uint32_t word) {
    return (uint32_t)(int32_t)(int16_t)(uint16_t)word;
}

/* Of 20 bits the high word is pushed first (SLAU367 4.6.5, CALLA). */
static inline void store_on_top(sim430 *s, uint32_t value, width w) {
    if (w == BYTE) {
        write_byte(s, s->r[SP], value);
        return;
    }
    if (w == ADDRESS) {
        write_word(s, s->r[SP] + 2, value >> 16);
    }
    write_word(s, s->r[SP], value);
}

static inline void make_room(sim430 *s, width w) {
    s->r[SP] = (s->r[SP] - bytes_of(w)) & ADDRESS_MASK;
}

static inline void push_value(sim430 *s, uint32_t value, width w) {
    make_room(s, w);
    store_on_top(s, value, w);
}

static inline void bad_opcode(sim430 *s, uint32_t opcode) {
    stop(s, SIM430_BAD_OPCODE, opcode);
}

#endif
