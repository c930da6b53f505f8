#include "board.h"

#include "registers.h"

/* SLASE54, "Peripheral File Map". */
#define PM5CTL0 REGISTER(0x0130)
#define CSCTL0 REGISTER(0x0160)
#define CSCTL1 REGISTER(0x0162)
#define CSCTL2 REGISTER(0x0164)
#define CSCTL3 REGISTER(0x0166)
#define P2SEL1 REGISTER_8(0x020d)
#define UCA0CTLW0 REGISTER(0x05c0)
#define UCA0BRW REGISTER(0x05c6)
#define UCA0MCTLW REGISTER(0x05c8)
#define UCA0TXBUF REGISTER(0x05ce)
#define UCA0IFG REGISTER(0x05dc)

static void init_clock(void) {
    CSCTL0 = 0xa500; /* password */
    CSCTL3 = 0x0022; /* all clocks by 4 while the DCO settles (erratum CS12) */
    CSCTL1 = 0x0048; /* DCORSEL, DCOFSEL 4: 16 MHz */
    CSCTL2 = 0x0133; /* ACLK: VLO; SMCLK and MCLK: DCO */
    for (volatile uint8_t i = 0; i < 10; i++) {
    }
    CSCTL3 = 0;
    CSCTL0 = 0; /* locked */
}

void board_init(void) {
    init_clock();
    P2SEL1 |= 0x03;     /* P2.0 UCA0TXD, P2.1 UCA0RXD */
    PM5CTL0 = 0;        /* pins as configured */
    UCA0CTLW0 = 0x0081; /* SMCLK, in reset */
    UCA0BRW = 8;        /* 16 MHz to 115,200 baud: SLAU367, table "Recommended Settings for Typical Crystals" */
    UCA0MCTLW = 0xf7a1;
    UCA0CTLW0 = 0x0080;
}

static void send(char character) {
    while ((UCA0IFG & 2) == 0) {
    }
    UCA0TXBUF = (uint8_t)character;
}

void board_print(const char *text) {
    while (*text != '\0') {
        send(*text++);
    }
}

void board_print_number(int32_t number) {
    char digits[10];
    uint8_t count = 0;
    uint32_t rest = number < 0 ? -(uint32_t)number : (uint32_t)number;
    do {
        digits[count++] = (char)('0' + (char)(rest % 10));
        rest /= 10;
    } while (rest != 0);
    if (number < 0) {
        send('-');
    }
    while (count > 0) {
        send(digits[--count]);
    }
}
