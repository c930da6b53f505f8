#include "kernels.h"

void fml_look_up(int8_t *to, const uint8_t *table, fml_index count) {
    for (; count != 0; --count, ++to) {
        *to = (int8_t)table[*to + 128];
    }
}
