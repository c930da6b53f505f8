/* Inferences that end early: power is cut while an exit is taken, and before that. */
#ifndef POWERFAIL_EARLY_H
#define POWERFAIL_EARLY_H

#include "world.h"

/* Runs the first inference for so many steps and takes the exit at hand; the trace goes to in->earlier, in->taken is
 * its first event that belongs to the exit, in->earlier.count where none had been passed. NULL: right. */
const char *early_life(world *in, uint32_t steps);

/* What a cut during event `cut` of in->earlier leaves, from early_life: the exit's answer, or the inference goes on. */
const char *early_cut(world *in, uint32_t cut, fault kind, uint32_t number);

/* Power comes to the memory in in->life.nvm; after so many more steps the exit at hand is taken, and power goes and
 * comes again. */
const char *early_after(world *in, uint32_t steps);

#endif
