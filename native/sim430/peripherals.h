/* Accesses that are not plain memory. Each module knows its registers; peripherals.c knows the modules. */
#ifndef SIM430_PERIPHERALS_H
#define SIM430_PERIPHERALS_H

#include "machine.h"

/* Base addresses: SLASE54, "Peripheral File Map". */
enum {
    FRCTL0 = 0x140,
    WDTCTL = 0x15C,
    REF_BASE = 0x1B0,
    MPY32_BASE = 0x4C0,
    UART_BASE = 0x5C0,
    ADC12_BASE = 0x800,
    CRC32_BASE = 0x980,
    LEA_BASE = 0xA80
};

void sim430_peripherals_reset(sim430 *s);
/* Address: below PERIPHERALS_END, or vacant; even unless is_byte. */
uint32_t sim430_peripheral_read(sim430 *s, uint32_t address, bool is_byte);
void sim430_peripheral_write(sim430 *s, uint32_t address, uint32_t value, bool is_byte);

/* Power fails in the FRAM write that is about to happen: stops the machine and returns the bits that still get there.
 */
uint32_t sim430_fail(sim430 *s);

/* The modules. offset: from the module's base. A byte at an odd address is the high byte of its word. */
#define MPY32_SIZE 0x2E
uint32_t sim430_mpy32_read(const sim430 *s, uint32_t offset);
void sim430_mpy32_write(sim430 *s, uint32_t offset, uint32_t value, bool is_byte);
#define CRC32_SIZE 0x20
uint32_t sim430_crc_read(const sim430 *s, uint32_t offset);
void sim430_crc_write(sim430 *s, uint32_t offset, uint32_t value, bool is_byte);
/* Whole words only: bytes stop the machine. */
#define ADC12_SIZE 0xA0
uint32_t sim430_adc_read(sim430 *s, uint32_t offset);
void sim430_adc_write(sim430 *s, uint32_t offset, uint32_t value);
uint32_t sim430_ref_read(const sim430 *s);
void sim430_ref_write(sim430 *s, uint32_t value);
#define LEA_SIZE 0x80 /* likewise */
uint32_t sim430_lea_read(sim430 *s, uint32_t offset);
void sim430_lea_write(sim430 *s, uint32_t offset, uint32_t value);
#define UART_SIZE 0x20
void sim430_uart_reset(sim430 *s);
uint32_t sim430_uart_read(const sim430 *s, uint32_t offset);
void sim430_uart_write(sim430 *s, uint32_t offset, uint32_t value, bool is_byte);

#endif
