/* The CRC32 module (SLAU367, chapter "CRC32 Module"): CRC-32 ISO 3309 and CRC-16 CCITT. */
#include "peripherals.h"

/* Registers; the _RB ones take or give the bits in reverse order, and the two words of CRC32 in reverse order, too. */
enum {
    CRC32DI = 0x00,
    CRC32DIRB = 0x04,
    CRC32INIRES = 0x08,
    CRC32RESR = 0x0C,
    CRC16DI = 0x10,
    CRC16DIRB = 0x14,
    CRC16INIRES = 0x18,
    CRC16RESR = 0x1E
};

static uint32_t reversed(uint32_t value, unsigned bits) {
    uint32_t result = 0;
    for (unsigned i = 0; i < bits; i++) {
        result |= (value >> i & 1) << (bits - 1 - i);
    }
    return result;
}

/* Shifts 8 bits into the register of `bits` bits. The module takes bit 0 first, the reversed registers bit 7 first. */
static uint32_t shifted(uint32_t crc, unsigned bits, uint32_t polynomial, uint32_t byte, bool is_reversed) {
    for (unsigned i = 0; i < 8; i++) {
        uint32_t in = byte >> (is_reversed ? 7 - i : i) & 1;
        uint32_t out = crc >> (bits - 1) & 1;
        crc = crc << 1 ^ (in ^ out ? polynomial : 0);
    }
    return bits == 32 ? crc : crc & 0xFFFF;
}

static void feed(crc_module *crc, uint32_t offset, uint32_t byte) {
    if (offset < CRC32INIRES) {
        crc->crc32 = shifted(crc->crc32, 32, 0x04C11DB7, byte, offset >= CRC32DIRB);
    } else {
        crc->crc16 = (uint16_t)shifted(crc->crc16, 16, 0x1021, byte, offset >= CRC16DIRB);
    }
}

uint32_t sim430_crc_read(const sim430 *s, uint32_t offset) {
    const crc_module *crc = &s->crc;
    switch (offset) {
    case CRC32INIRES:
        return crc->crc32 & 0xFFFF;
    case CRC32INIRES + 2:
        return crc->crc32 >> 16;
    case CRC32RESR: /* word 1 */
        return reversed(crc->crc32, 32) >> 16;
    case CRC32RESR + 2:
        return reversed(crc->crc32, 32) & 0xFFFF;
    case CRC16INIRES:
        return crc->crc16;
    case CRC16RESR:
        return reversed(crc->crc16, 16);
    default:
        return 0;
    }
}

/* Result registers are written a word at a time. */
static void write_seed(sim430 *s, uint32_t offset, uint32_t value) {
    crc_module *crc = &s->crc;
    if (offset == CRC32INIRES) {
        crc->crc32 = (crc->crc32 & 0xFFFF0000) | value;
    } else if (offset == CRC32INIRES + 2) {
        crc->crc32 = (crc->crc32 & 0xFFFF) | value << 16;
    } else if (offset == CRC16INIRES) {
        crc->crc16 = (uint16_t)value;
    }
}

void sim430_crc_write(sim430 *s, uint32_t offset, uint32_t value, bool is_byte) {
    bool is_data = offset < CRC32INIRES || (offset >= CRC16DI && offset < CRC16INIRES);
    if (!is_data) {
        if (is_byte) {
            stop(s, SIM430_UNSUPPORTED, CRC32_BASE + offset);
        }
        write_seed(s, offset, value);
        return;
    }
    feed(&s->crc, offset, value & 0xFF);
    if (!is_byte) {
        feed(&s->crc, offset, value >> 8);
    }
}
