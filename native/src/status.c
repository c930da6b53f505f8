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
    default:
        return "unknown status";
    }
}
