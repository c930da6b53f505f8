#include "freeml.h"

/* CRC of the 16 values of a nibble: a sixteenth of the usual table, for cores with little memory. */
static const uint32_t nibble_crc[16] = {
    UINT32_C(0x00000000), UINT32_C(0x1db71064), UINT32_C(0x3b6e20c8), UINT32_C(0x26d930ac),
    UINT32_C(0x76dc4190), UINT32_C(0x6b6b51f4), UINT32_C(0x4db26158), UINT32_C(0x5005713c),
    UINT32_C(0xedb88320), UINT32_C(0xf00f9344), UINT32_C(0xd6d6a3e8), UINT32_C(0xcb61b38c),
    UINT32_C(0x9b64c2b0), UINT32_C(0x86d3d2d4), UINT32_C(0xa00ae278), UINT32_C(0xbdbdf21c),
};

uint32_t fml_crc32(uint32_t crc, const void *bytes, size_t size) {
    const uint8_t *from = bytes;
    crc = ~crc;
    for (; size > 0; size--, from++) {
        crc ^= *from;
        crc = crc >> 4 ^ nibble_crc[crc & 15];
        crc = crc >> 4 ^ nibble_crc[crc & 15];
    }
    return ~crc;
}
