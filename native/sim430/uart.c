/* The transmitter of eUSCI_A0 (SLAU367, chapter "eUSCI - UART Mode"). A byte takes no time to send. */
#include <stdlib.h>
#include <string.h>

#include "bus.h"

enum { CTLW0 = 0x00, TXBUF = 0x0E, IFG = 0x1C };
enum { UCSWRST = 0x01, UCTXIFG = 0x02 };

void sim430_uart_reset(sim430 *s) {
    s->memory[UART_BASE + CTLW0] = UCSWRST;
    s->memory[UART_BASE + IFG] = UCTXIFG;
}

uint32_t sim430_uart_read(const sim430 *s, uint32_t offset) {
    return load16(s, UART_BASE + offset);
}

static void send(sim430 *s, uint8_t byte) {
    if (s->output_size == s->output_capacity) {
        size_t capacity = s->output_capacity * 2 + 256;
        uint8_t *output = realloc(s->output, capacity);
        if (output == NULL) {
            abort(); /* a simulation that loses output would lie */
        }
        s->output = output;
        s->output_capacity = capacity;
    }
    s->output[s->output_size++] = byte;
    if (s->text != NULL && s->output_size >= s->text_size &&
        memcmp(s->output + s->output_size - s->text_size, s->text, s->text_size) == 0) {
        stop(s, SIM430_TEXT, 0);
    }
}

void sim430_uart_write(sim430 *s, uint32_t offset, uint32_t value, bool is_byte) {
    if ((offset & ~1u) == IFG) {
        return; /* the transmitter is always ready */
    }
    if (is_byte) {
        s->memory[UART_BASE + offset] = (uint8_t)value;
    } else {
        store16(s, UART_BASE + offset, value);
    }
    if (offset == TXBUF && !(s->memory[UART_BASE + CTLW0] & UCSWRST)) {
        send(s, (uint8_t)value);
    }
}
