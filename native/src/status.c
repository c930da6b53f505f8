#include "freeml.h"

/* From FML_NO_PROGRESS downwards, one behind the other: a table of pointers would want relocation, too. */
static const char texts[] = "unknown status\0"
                            "no progress\0"
                            "done\0"
#define X(name, code, text) text "\0"
    FML_STATUS_TABLE(X)
#undef X
    ;

const char *fml_status_text(int status) {
    const char *text = texts;
    for (unsigned left = FML_NO_PROGRESS + 1U - (unsigned)status; left > 0; left--) {
        while (*text++ != '\0') {
        }
        if (*text == '\0') {
            return texts;
        }
    }
    return text;
}
