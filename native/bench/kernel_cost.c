/* Instructions that the steps of one operator take on a Cortex-M3: tools/kernel_cost.py runs this in QEMU, on the board
 * MPS2 AN385, with a clock that counts instructions. The blob lies at BLOB, its size in the word before it. Prints
 * "<tiles> <timer ticks>" for the blob's last operator. */
#include "bytes.h"
#include "interp.h"

#define BLOB UINT32_C(0x21000010) /* PSRAM, 16 MB */
#define ARENA UINT32_C(0x21800000)
#define SCRATCH UINT32_C(0x20000000)
#define STACK UINT32_C(0x20300000)
#define TIMER_CONTROL (*(volatile uint32_t *)0x40000000) /* CMSDK APB timer 0, 25 MHz, counts down */
#define TIMER_VALUE (*(volatile uint32_t *)0x40000004)

int main(void);

__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {(void (*)(void))STACK,
                                                                                   (void (*)(void))main};

/* Compilers call these for copies of structs. */
void *memcpy(void *to, const void *from, size_t size) {
    fml_copy(to, from, (uint32_t)size);
    return to;
}

void *memset(void *to, int value, size_t size) {
    for (size_t i = 0; i < size; i++) {
        ((uint8_t *)to)[i] = (uint8_t)value;
    }
    return to;
}

static void semihosting(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static char *number(char *end, uint32_t value) {
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return end;
}

static void print(uint32_t value, char last) {
    char text[16];
    text[15] = 0;
    text[14] = last;
    semihosting(4 /* SYS_WRITE0 */, number(text + 14, value));
}

static uint32_t ticks_of(const fml_model *model, const fml_op *op, uint32_t tiles) {
    TIMER_VALUE = UINT32_MAX;
    TIMER_CONTROL = 1;
    for (uint32_t tile = 0; tile < tiles; tile++) {
        fml_interp_step(model, op, tile, (uint8_t *)ARENA, (uint8_t *)SCRATCH);
    }
    return UINT32_MAX - TIMER_VALUE;
}

int main(void) {
    const fml_source source = {(const uint8_t *)BLOB, NULL, NULL, *(const uint32_t *)(BLOB - 4)};
    fml_model model;
    fml_op op;
    const int status = fml_model_open(&model, &source, NULL, NULL, 0);
    if (status != FML_OK || fml_model_op(&model, model.op_count - 1, &op) != FML_OK) {
        print((uint32_t)-status, '!');
    } else {
        const uint32_t tiles = fml_op_tile_count(&op);
        print(tiles, ' ');
        print(ticks_of(&model, &op, tiles), '\n');
    }
    semihosting(0x18 /* SYS_EXIT */, (const void *)0x20026 /* ADP_Stopped_ApplicationExit */);
    for (;;) {
    }
}
