#include "energy.h"

#include "bytes.h"
#include "registers.h"

/* SLASE54, "Peripheral File Map"; bits: SLAU367, chapters "REF_A" and "ADC12_B". */
#define REFCTL0 REGISTER(0x01b0)
#define ADC12CTL0 REGISTER(0x0800)
#define ADC12CTL1 REGISTER(0x0802)
#define ADC12CTL2 REGISTER(0x0804)
#define ADC12CTL3 REGISTER(0x0806)
#define ADC12IFGR0 REGISTER(0x080c)
#define ADC12MCTL0 REGISTER(0x0820)
#define ADC12MEM0 REGISTER(0x0860)

#define REFERENCE_READY 0x1000 /* REFGENRDY */

void energy_init(void) {
    REFCTL0 = 0x0011;    /* REFVSEL 1, REFON: 2.0 V */
    ADC12CTL0 = 0x0310;  /* 32 clocks of sampling, on */
    ADC12CTL1 = 0x0200;  /* SHP; clock: MODOSC */
    ADC12CTL2 = 0x0020;  /* 12 bits */
    ADC12CTL3 = 0x0040;  /* BATMAP: A31 is half of AVCC */
    ADC12MCTL0 = 0x011f; /* A31 against the reference */
}

FML_APART bool energy_is_below(uint16_t millivolts) {
    if ((REFCTL0 & REFERENCE_READY) == 0) {
        return false;
    }
    ADC12CTL0 |= 0x0003; /* ENC, SC */
    while ((ADC12IFGR0 & 1) == 0) {
    }
    /* half of AVCC in parts of 2 V, 4,096 of them: 1.024 for a millivolt */
    return (uint32_t)ADC12MEM0 * 125 < (uint32_t)millivolts * 128;
}
