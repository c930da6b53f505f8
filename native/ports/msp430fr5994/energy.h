/* How much energy is left, told from the supply: this device computes straight from its capacitor. */
#ifndef ENERGY_H
#define ENERGY_H

#include <stdbool.h>
#include <stdint.h>

/* Switches the reference and the ADC on. They take about 0.2 mA (SLASE54), so only where energy_is_below is going to be
 * asked. */
void energy_init(void);

/* Whether AVCC is below that many millivolts, at most 4,000. Takes 11 microseconds. false in the first 75 microseconds
 * after energy_init, in which nothing can be told. */
bool energy_is_below(uint16_t millivolts);

#endif
