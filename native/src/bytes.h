/* Little-endian integers at any alignment, and products that cannot overflow: the only way to stored bytes. */
#ifndef FML_BYTES_H
#define FML_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/* FML_ONE_WORD: one instruction where the core has unaligned loads and stores, but compilers see that only after they
 * have decided that it is too long to be inlined.
 * FML_APART: not inlined, as it would compete for registers there, or stand twice in the code.
 * FML_INLINED: inlined, for what is constant there. */
#if defined(__GNUC__) && defined(__ARM_FEATURE_UNALIGNED)
#define FML_ONE_WORD static inline __attribute__((always_inline))
#else
#define FML_ONE_WORD static inline
#endif
#if defined(__GNUC__)
#define FML_APART __attribute__((noinline))
#define FML_INLINED inline __attribute__((always_inline))
#else
#define FML_APART
#define FML_INLINED inline
#endif

/* Whether what takes some more code to be faster is worth it: not where the compiler is told to save code, nor on
 * 16-bit cores, which the port has better for. */
#if defined(__OPTIMIZE_SIZE__) || UINTPTR_MAX <= 0xffff
#define FML_FAST 0
#else
#define FML_FAST 1
#endif

/* Keeps the compiler from moving stores to mapped nonvolatile memory across it. */
#if defined(__GNUC__)
#define FML_BARRIER() __asm__ volatile("" ::: "memory")
#else
#error "define FML_BARRIER for this compiler"
#endif

/* Keeps a variable in a register of its own from here on: what compilers derive from pointers of a loop, and keep
 * beside them, would take registers that the loop needs for its sums. */
#define FML_KEEP(variable) __asm__("" : "+r"(variable))

/* What is read through the pointer from here on is read when the value is there: not so early that registers run out.
 */
#define FML_AFTER(pointer, value) __asm__("" : "+r"(pointer) : "r"(value))

#if defined(__GNUC__) && __GNUC__ >= 7
#define FML_FALL_THROUGH __attribute__((fallthrough))
#else
#define FML_FALL_THROUGH
#endif

/* TAKE() `count` >= 1 times, eight at a time; the first time what is left of eight. more: whether some are left. */
#define FML_IN_EIGHTS(TAKE, count, more)                                                                               \
    switch ((count) % 8) {                                                                                             \
        do {                                                                                                           \
        case 0:                                                                                                        \
            TAKE();                                                                                                    \
            FML_FALL_THROUGH;                                                                                          \
        case 7:                                                                                                        \
            TAKE();                                                                                                    \
            FML_FALL_THROUGH;                                                                                          \
        case 6:                                                                                                        \
            TAKE();                                                                                                    \
            FML_FALL_THROUGH;                                                                                          \
        case 5:                                                                                                        \
            TAKE();                                                                                                    \
            FML_FALL_THROUGH;                                                                                          \
        case 4:                                                                                                        \
            TAKE();                                                                                                    \
            FML_FALL_THROUGH;                                                                                          \
        case 3:                                                                                                        \
            TAKE();                                                                                                    \
            FML_FALL_THROUGH;                                                                                          \
        case 2:                                                                                                        \
            TAKE();                                                                                                    \
            FML_FALL_THROUGH;                                                                                          \
        default:                                                                                                       \
            TAKE();                                                                                                    \
        } while (more);                                                                                                \
    }

/* No size, count or offset that the core accepts is larger, so that sums of two cannot leave uint32. */
#define FML_SIZE_MAX UINT32_C(0x7fffffff)

/* Places in memory and distances between them, as the kernels reckon with them: modulo what pointers hold, 32 bits at
 * most. */
#if UINTPTR_MAX > 0xffff
typedef uint32_t fml_index;
typedef int32_t fml_distance;
#else
typedef uint16_t fml_index;
typedef int16_t fml_distance;
#endif

FML_ONE_WORD uint16_t fml_read_u16(const uint8_t *from) {
    return (uint16_t)(from[0] | (uint16_t)((uint16_t)from[1] << 8));
}

FML_ONE_WORD uint32_t fml_read_u32(const uint8_t *from) {
    return (uint32_t)fml_read_u16(from) | (uint32_t)fml_read_u16(from + 2) << 16;
}

FML_ONE_WORD void fml_write_u16(uint8_t *to, uint16_t value) {
    to[0] = (uint8_t)(value & 0xff);
    to[1] = (uint8_t)(value >> 8);
}

FML_ONE_WORD void fml_write_u32(uint8_t *to, uint32_t value) {
    to[0] = (uint8_t)(value & 0xff);
    to[1] = (uint8_t)(value >> 8 & 0xff);
    to[2] = (uint8_t)(value >> 16 & 0xff);
    to[3] = (uint8_t)(value >> 24);
}

/* Copies bytes; the two places do not overlap. */
void fml_copy(uint8_t *to, const uint8_t *from, uint32_t size);

/* a * b, FML_SIZE_MAX where it is larger: sizes in a blob that is still to be verified can be anything. b: at most
 * 65,536. */
uint32_t fml_product(uint32_t a, uint32_t b);

#endif
