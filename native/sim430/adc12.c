/* ADC12_B and the shared reference, as a monitor of the supply: single conversions of half of AVCC (SLAU367, chapters
 * "ADC12_B" and "REF_A"). */
#include "bus.h"

enum { CTL0 = 0x00, CTL1 = 0x02, CTL2 = 0x04, CTL3 = 0x06, IFGR0 = 0x0C, MCTL0 = 0x20, MEM0 = 0x60 };
enum { ADC_SC = 0x01, ADC_ENC = 0x02, ADC_ON = 0x10, ADC_BUSY = 0x01, ADC_IFG0 = 0x01 };
enum { MODE = 0x0200, MODE_MASK = 0x7EFE };               /* CTL1: SHP; single, SC, MODOSC, undivided */
enum { BITS_12 = 0x20, BITS_MASK = 0x38, BATMAP = 0x40 }; /* CTL2, CTL3 */
enum { HALF_AVCC = 0x011F };                              /* MCTL0: A31 against the buffered reference */
enum { REF_ON = 0x01, REF_READY = 0x1000 };

/* At 16 MHz: MODOSC has 4.8 MHz, the reference settles in 75 us (SLASE54). */
enum { CLOCK_NUMERATOR = 10, CLOCK_DENOMINATOR = 3, CONVERSION_CLOCKS = 14, SETTLING_CYCLES = 1200 };

static bool is_settled(const sim430 *s) {
    return (s->memory[REF_BASE] & REF_ON) != 0 && s->counters.cycles >= s->reference_ready;
}

uint32_t sim430_ref_read(const sim430 *s) {
    return load16(s, REF_BASE) | (is_settled(s) ? REF_READY : 0);
}

void sim430_ref_write(sim430 *s, uint32_t value) {
    if ((value & REF_ON) != 0 && (s->memory[REF_BASE] & REF_ON) == 0) {
        s->reference_ready = s->counters.cycles + SETTLING_CYCLES;
    }
    store16(s, REF_BASE, value & ~(uint32_t)REF_READY);
}

static uint32_t reading(const sim430 *s) {
    static const uint16_t references[] = {1200, 2000, 2500, 2500}; /* REFVSEL, mV */
    const uint32_t level = s->supply * 4096 / (2 * references[s->memory[REF_BASE] >> 4 & 3]);
    return level < 4096 ? level : 4095;
}

static void convert(sim430 *s, uint32_t control) {
    static const uint16_t sampling[16] = {4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 512, 512, 512, 512, 512};
    const uint32_t base = ADC12_BASE;
    if ((load16(s, base + CTL1) & MODE_MASK) != MODE || (load16(s, base + CTL2) & BITS_MASK) != BITS_12 ||
        (load16(s, base + CTL3) & BATMAP) == 0 || load16(s, base + MCTL0) != HALF_AVCC || !is_settled(s)) {
        stop(s, SIM430_UNSUPPORTED, base + CTL0);
        return;
    }
    const uint32_t clocks = sampling[control >> 8 & 15] + (uint32_t)CONVERSION_CLOCKS;
    s->converted = s->counters.cycles + clocks * CLOCK_NUMERATOR / CLOCK_DENOMINATOR;
    s->converting = true;
}

/* What has become of a conversion. */
static void advance(sim430 *s) {
    if (s->converting && s->counters.cycles >= s->converted) {
        s->converting = false;
        store16(s, ADC12_BASE + MEM0, reading(s));
        s->memory[ADC12_BASE + IFGR0] |= ADC_IFG0;
    }
}

uint32_t sim430_adc_read(sim430 *s, uint32_t offset) {
    advance(s);
    if (offset == MEM0) {
        s->memory[ADC12_BASE + IFGR0] &= (uint8_t)~ADC_IFG0;
    }
    const uint32_t value = load16(s, ADC12_BASE + offset);
    return offset == CTL1 && s->converting ? value | ADC_BUSY : value;
}

void sim430_adc_write(sim430 *s, uint32_t offset, uint32_t value) {
    advance(s);
    store16(s, ADC12_BASE + offset, offset == CTL0 ? value & ~(uint32_t)ADC_SC : value);
    if (offset == CTL0 && (value & ADC_SC) != 0 && (value & ADC_ON) != 0 && (value & ADC_ENC) != 0 && !s->converting) {
        convert(s, value);
    }
}
