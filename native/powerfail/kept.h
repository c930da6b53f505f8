/* A model kept in memory that survives, and power cuts while it is verified and sealed. */
#ifndef POWERFAIL_KEPT_H
#define POWERFAIL_KEPT_H

#include "device.h"

#define KEPT_BYTES (offsetof(fml_kept, seal) + sizeof(uint32_t)) /* what follows is padding */

/* What the memory held before: nothing, anything, a sealed model of which a bit decayed, one whose seal was broken. */
enum { KEPT_BLANK, KEPT_RANDOM, KEPT_DECAYED, KEPT_BROKEN, KEPT_BASES };

/* Opens a kept model, cut at `number`: below KEPT_BYTES bytes written, from there on a seed. Then boots again, with
 * the blob as it is and with a damaged one. NULL: right. Else a sentence. */
const char *kept_check(const device *life, const model_case *what, uint32_t base, uint32_t number);

#endif
