/* What the parts of a session share. */
#ifndef FML_SESSION_H
#define FML_SESSION_H

#include "freeml.h"

/* Data, then the record that says where the session stands: nothing else decides what is true after a power cut. When
 * it fails, the session is stale. */
int fml_session_commit(fml_session *session, uint8_t phase, uint16_t boots);

#endif
