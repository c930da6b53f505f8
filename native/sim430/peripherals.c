/* Who answers at which address; the two protected registers that a program cannot do without. */
#include "peripherals.h"

#include <string.h>

#include "bus.h"

enum { FRCTL_PASSWORD = 0xA5, FRCTL_READS = 0x96, WDT_PASSWORD = 0x5A, WDT_READS = 0x69 };

void sim430_peripherals_reset(sim430 *s) {
    memset(s->memory, 0, PERIPHERALS_END);
    memset(&s->mpy, 0, sizeof s->mpy);
    memset(&s->crc, 0, sizeof s->crc);
    memset(&s->cache, 0xFF, sizeof s->cache);
    memset(s->cache.oldest, 0, sizeof s->cache.oldest);
    s->converting = false;
    s->lea_to = 0;
    s->wait_states = 0;
    sim430_uart_reset(s);
}

static uint32_t read_register(sim430 *s, uint32_t address) {
    if (address - MPY32_BASE < MPY32_SIZE) {
        return sim430_mpy32_read(s, address - MPY32_BASE);
    }
    if (address - CRC32_BASE < CRC32_SIZE) {
        return sim430_crc_read(s, address - CRC32_BASE);
    }
    if (address - UART_BASE < UART_SIZE) {
        return sim430_uart_read(s, address - UART_BASE);
    }
    if (address - ADC12_BASE < ADC12_SIZE) {
        return sim430_adc_read(s, address - ADC12_BASE);
    }
    if (address == REF_BASE) {
        return sim430_ref_read(s);
    }
    if (address - LEA_BASE < LEA_SIZE) {
        return sim430_lea_read(s, address - LEA_BASE);
    }
    if (address == FRCTL0) {
        return FRCTL_READS << 8 | s->memory[FRCTL0];
    }
    if (address == WDTCTL) {
        return WDT_READS << 8 | s->memory[WDTCTL];
    }
    return load16(s, address);
}

uint32_t sim430_peripheral_read(sim430 *s, uint32_t address, bool is_byte) {
    if (address >= PERIPHERALS_END) {
        stop(s, SIM430_BAD_ADDRESS, address);
        return 0;
    }
    uint32_t value = read_register(s, address & ~1u);
    if (!is_byte) {
        return value;
    }
    return address & 1 ? value >> 8 : value & 0xFF;
}

/* A word write with the password in its high byte; anything else resets the device. */
static void write_protected(sim430 *s, uint32_t address, uint32_t value, bool is_byte) {
    uint32_t password = address == FRCTL0 ? FRCTL_PASSWORD : WDT_PASSWORD;
    if (is_byte || value >> 8 != password) {
        stop(s, SIM430_BAD_PASSWORD, address);
        return;
    }
    s->memory[address] = (uint8_t)value;
    if (address == FRCTL0) {
        s->wait_states = value >> 4 & 7; /* NWAITS */
    }
}

/* To modules whose bytes are not written alone. */
static void write_words(sim430 *s, uint32_t address, uint32_t value, bool is_byte) {
    if (is_byte) {
        stop(s, SIM430_UNSUPPORTED, address);
    } else if (address == REF_BASE) {
        sim430_ref_write(s, value);
    } else if (address - LEA_BASE < LEA_SIZE) {
        sim430_lea_write(s, address - LEA_BASE, value);
    } else {
        sim430_adc_write(s, address - ADC12_BASE, value);
    }
}

void sim430_peripheral_write(sim430 *s, uint32_t address, uint32_t value, bool is_byte) {
    if (address >= PERIPHERALS_END) {
        stop(s, SIM430_BAD_ADDRESS, address);
        return;
    }
    s->counters.memory[SIM430_PERIPHERAL].writes++;
    if (address - MPY32_BASE < MPY32_SIZE) {
        sim430_mpy32_write(s, address - MPY32_BASE, value, is_byte);
    } else if (address - CRC32_BASE < CRC32_SIZE) {
        sim430_crc_write(s, address - CRC32_BASE, value, is_byte);
    } else if (address - UART_BASE < UART_SIZE) {
        sim430_uart_write(s, address - UART_BASE, value, is_byte);
    } else if (address - ADC12_BASE < ADC12_SIZE || address - REF_BASE < 2 || address - LEA_BASE < LEA_SIZE) {
        write_words(s, address, value, is_byte);
    } else if ((address & ~1u) == FRCTL0 || (address & ~1u) == WDTCTL) {
        write_protected(s, address, value, is_byte);
    } else if (is_byte) {
        s->memory[address] = (uint8_t)value;
    } else {
        store16(s, address, value);
    }
}
