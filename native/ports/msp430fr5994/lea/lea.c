#include "lea.h"

#include "bytes.h"
#include "registers.h"

/* TI's device header and DSPLib (README.md, "LEA"). */
#define LEACNF0 REGISTER(0x0a84)
#define LEACNF1 REGISTER(0x0a88)
#define LEACNF2 REGISTER(0x0a8c)
#define LEAMT REGISTER(0x0a94)
#define LEAPMCTL REGISTER(0x0ac0)
#define LEAPMS1 REGISTER(0x0ac8)
#define LEAPMS0 REGISTER(0x0acc)
#define LEAPMCB REGISTER(0x0ad0)

#define BUSY 1
#define COMMANDS_ENABLED 1
#define COMMAND_MAC 0x0054 /* two vectors of Q15, a sum of Q31 */

/* The LEA counts words of 32 bits. */
#define ADDRESS(pointer) ((uint16_t)((uint16_t)(pointer) >> 2))

static struct { uint16_t count, second, result, reserved; } parameters LEA_RAM;
static volatile int32_t sum LEA_RAM;

void lea_init(void) {
    if ((LEAPMCTL & COMMANDS_ENABLED) == 0) {
        LEACNF0 = 0;
        LEACNF2 = LEAMT >> 2; /* its stack, at the end of its memory */
        LEAPMCTL = COMMANDS_ENABLED;
    }
}

FML_APART int32_t lea_multiply_accumulate(const int16_t *a, const int16_t *b, uint16_t count) {
    parameters.count = count;
    parameters.second = ADDRESS(b);
    parameters.result = ADDRESS(&sum);
    __asm__ volatile("" ::: "memory"); /* the LEA reads what has been written so far */
    LEAPMS0 = ADDRESS(a);
    LEAPMS1 = ADDRESS(&parameters);
    LEAPMCB = COMMAND_MAC;
    while ((LEACNF1 & BUSY) != 0) {
    }
    return sum >> 1;
}
