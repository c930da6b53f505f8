/* Registers of peripherals by their addresses. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint16_t *)(address))
#define REGISTER_8(address) (*(volatile uint8_t *)(address))

#endif
