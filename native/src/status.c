#include "freeml.h"

const char *fml_status_text(int status) {
    switch (status) {
#define X(name, code, text)                                                                                            \
    case name:                                                                                                         \
        return text;
        FML_STATUS_TABLE(X)
#undef X
    case FML_DONE:
        return "done";
    case FML_NO_PROGRESS:
        return "no progress";
    default:
        return "unknown status";
    }
}
