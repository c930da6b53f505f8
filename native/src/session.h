/* What the parts of a session share. */
#ifndef FML_SESSION_H
#define FML_SESSION_H

#include "freeml.h"

/* Data, then the record that says where the session stands: nothing else decides what is true after a power cut. When
 * it fails, the session is stale. */
int fml_session_commit(fml_session *session, uint8_t phase, uint16_t boots);

/* Steps that remain until the inference under way comes to operator `end`; 0 when not RUNNING. */
uint32_t fml_session_steps_before(const fml_session *session, uint16_t end);

#endif
