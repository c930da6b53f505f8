/* fml_crc32 with the CRC32 module (SLAU367, chapter "CRC32 Module"): 8 cycles a byte where the table of the core
 * takes 86. */
#include "freeml.h"

#define REGISTER(address) (*(volatile uint16_t *)(address))
#define REGISTER_8(address) (*(volatile uint8_t *)(address))
#define CRC32DI REGISTER_8(0x0980) /* takes the lowest bit first, as this CRC does */
#define CRC32INIRES0 REGISTER(0x0988)
#define CRC32INIRES1 REGISTER(0x098a)
#define CRC32RESR1 REGISTER(0x098c) /* the bits of INIRES in reverse order: what software knows as the CRC */
#define CRC32RESR0 REGISTER(0x098e)

static void set_register(uint32_t value) {
    CRC32INIRES0 = (uint16_t)value;
    CRC32INIRES1 = (uint16_t)(value >> 16);
}

static uint32_t reversed_register(void) {
    return (uint32_t)CRC32RESR1 << 16 | CRC32RESR0;
}

uint32_t fml_crc32(uint32_t crc, const void *bytes, size_t size) {
    const uint8_t *from = bytes;
    set_register(~crc);
    set_register(reversed_register());
    for (; size > 0; size--) {
        CRC32DI = *from++;
    }
    return ~reversed_register();
}
