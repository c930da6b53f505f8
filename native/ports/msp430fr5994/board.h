/* The MSP430FR5994 LaunchPad, as far as an inference needs it. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

/* Raises the clock to 16 MHz and makes the UART of the debug probe ready: 115,200 baud, 8N1. start.S has set wait
 * states. */
void board_init(void);

/* Sends text, and a decimal number. Returns when the last byte is on its way. */
void board_print(const char *text);
void board_print_number(int32_t number);

/* Copies bytes from anywhere in the 1 MB (runtime.S): C pointers end at 64 KB. */
void far_copy(void *to, uint32_t from, uint16_t size);

#endif
