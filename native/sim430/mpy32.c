/* The hardware multiplier (SLAU367 chapter 5): 8, 16, 24 and 32 bits, signed or not, with or without accumulation. */
#include "peripherals.h"

enum {
    OP1 = 0x00, /* MPY, MPYS, MAC, MACS: 2 bytes each */
    OP2 = 0x08,
    RESLO = 0x0A,
    RESHI = 0x0C,
    SUMEXT = 0x0E,
    OP1_32 = 0x10, /* MPY32, MPYS32, MAC32, MACS32: low and high word each */
    OP2L = 0x20,
    OP2H = 0x22,
    RES0 = 0x24,
    RES1 = 0x26,
    RES2 = 0x28,
    RES3 = 0x2A,
    CTL0 = 0x2C
};
enum { MPYC = 0x0001, MPYFRAC = 0x0004, MPYSAT = 0x0008 };

/* The operand that the bytes written so far make, as a two's-complement number of 64 bits. */
static uint64_t operand(const mpy32 *m, uint32_t value, bool is_wide) {
    if (!m->is_signed) {
        return is_wide ? value : value & 0xFFFF;
    }
    return (uint64_t)(int64_t)(is_wide ? (int32_t)value : (int16_t)(uint16_t)value);
}

/* SUMEXT and MPYC (SLAU367 table 5-3): a sign, or a carry out of the `bits` bits of the result. */
static void set_extension(mpy32 *m, bool is_negative, bool carry) {
    m->sumext = m->is_signed ? (is_negative ? 0xFFFF : 0) : carry;
    m->carry = m->accumulates || !m->is_signed ? carry : is_negative;
}

static void multiply(mpy32 *m, bool is_op2_wide) {
    uint64_t product = operand(m, m->op1, m->is_wide) * operand(m, m->op2, is_op2_wide);
    uint64_t old = m->accumulates ? m->result : 0;
    if (m->is_wide || is_op2_wide) {
        m->result = old + product;
        set_extension(m, m->result >> 63, m->result < product);
    } else {
        uint64_t sum = (old & 0xFFFFFFFF) + (product & 0xFFFFFFFF);
        uint32_t result = (uint32_t)sum;
        m->result = m->is_signed ? (uint64_t)(int64_t)(int32_t)result : result;
        set_extension(m, result >> 31, sum >> 32 != 0);
    }
}

static void put(uint64_t *result, unsigned word, uint32_t value) {
    unsigned shift = 16 * word;
    *result = (*result & ~((uint64_t)0xFFFF << shift)) | (uint64_t)value << shift;
}

uint32_t sim430_mpy32_read(const sim430 *s, uint32_t offset) {
    const mpy32 *m = &s->mpy;
    if (offset == SUMEXT) {
        return m->sumext;
    }
    if (offset == CTL0) {
        return s->memory[MPY32_BASE + CTL0] | m->carry;
    }
    if (offset >= RES0) {
        return m->result >> 8 * (offset - RES0) & 0xFFFF;
    }
    if (offset == RESLO || offset == RESHI) {
        return m->result >> 8 * (offset - RESLO) & 0xFFFF;
    }
    uint32_t value = offset == OP2 || offset >= OP2L ? m->op2 : m->op1;
    return (offset >= OP1_32 && offset & 2 ? value >> 16 : value) & 0xFFFF;
}

static void write_control(sim430 *s, uint32_t value) {
    if (value & (MPYFRAC | MPYSAT)) {
        stop(s, SIM430_UNSUPPORTED, MPY32_BASE + CTL0);
    }
    s->mpy.carry = value & MPYC;
    s->memory[MPY32_BASE + CTL0] = (uint8_t)(value & ~(uint32_t)MPYC);
}

/* A signed operation extends the sign of a byte; the others take it as it is. */
static uint32_t extended(const mpy32 *m, uint32_t value, bool is_byte) {
    return (is_byte && m->is_signed ? (uint32_t)(int32_t)(int8_t)(uint8_t)value : value) & 0xFFFF;
}

static uint32_t with_high_word(const mpy32 *m, uint32_t low, uint32_t value, bool is_byte) {
    return (low & 0xFFFF) | extended(m, value, is_byte) << 16;
}

static void write_op1(mpy32 *m, uint32_t offset, uint32_t value, bool is_byte) {
    m->is_wide = offset >= OP1_32;
    uint32_t mode = m->is_wide ? (offset - OP1_32) >> 2 : offset >> 1;
    m->is_signed = mode & 1;
    m->accumulates = mode >> 1 & 1;
    if (m->is_wide && offset & 2) {
        m->op1 = with_high_word(m, m->op1, value, is_byte);
    } else {
        m->op1 = extended(m, value, is_byte);
    }
}

void sim430_mpy32_write(sim430 *s, uint32_t offset, uint32_t value, bool is_byte) {
    mpy32 *m = &s->mpy;
    offset &= ~1u;
    if (offset < OP2 || (offset >= OP1_32 && offset < OP2L)) {
        write_op1(m, offset, value, is_byte);
    } else if (offset == OP2 || offset == OP2L) {
        m->op2 = extended(m, value, is_byte);
        if (offset == OP2) {
            multiply(m, false);
        }
    } else if (offset == OP2H) {
        m->op2 = with_high_word(m, m->op2, value, is_byte);
        multiply(m, true);
    } else if (offset == CTL0) {
        write_control(s, value);
    } else if (offset >= RES0) {
        put(&m->result, (offset - RES0) / 2, value);
    } else if (offset != SUMEXT) {
        put(&m->result, (offset - RESLO) / 2, value);
    }
}
