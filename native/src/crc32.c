#include "freeml.h"

/* What a byte does to the CRC, split in what its low and its high nibble do: an eighth of the usual table, for cores
 * with little memory, and one shift by a whole byte, which those without a barrel shifter have, too. */
static const uint32_t low_crc[16] = {
    UINT32_C(0x00000000), UINT32_C(0x77073096), UINT32_C(0xee0e612c), UINT32_C(0x990951ba),
    UINT32_C(0x076dc419), UINT32_C(0x706af48f), UINT32_C(0xe963a535), UINT32_C(0x9e6495a3),
    UINT32_C(0x0edb8832), UINT32_C(0x79dcb8a4), UINT32_C(0xe0d5e91e), UINT32_C(0x97d2d988),
    UINT32_C(0x09b64c2b), UINT32_C(0x7eb17cbd), UINT32_C(0xe7b82d07), UINT32_C(0x90bf1d91),
};
static const uint32_t high_crc[16] = {
    UINT32_C(0x00000000), UINT32_C(0x1db71064), UINT32_C(0x3b6e20c8), UINT32_C(0x26d930ac),
    UINT32_C(0x76dc4190), UINT32_C(0x6b6b51f4), UINT32_C(0x4db26158), UINT32_C(0x5005713c),
    UINT32_C(0xedb88320), UINT32_C(0xf00f9344), UINT32_C(0xd6d6a3e8), UINT32_C(0xcb61b38c),
    UINT32_C(0x9b64c2b0), UINT32_C(0x86d3d2d4), UINT32_C(0xa00ae278), UINT32_C(0xbdbdf21c),
};

uint32_t fml_crc32(uint32_t crc, const void *bytes, size_t size) {
    const uint8_t *from = bytes, *const end = from + size;
    crc = ~crc;
    while (from != end) {
        const uint8_t byte = (uint8_t)(crc ^ *from++);
        crc = crc >> 8 ^ low_crc[byte & 15] ^ high_crc[byte >> 4];
    }
    return ~crc;
}
