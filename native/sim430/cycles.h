/* Cycles of MCLK (SLAU367 4.5.1.5 and 4.5.2.8), without FRAM wait states. The constants of R2 and R3 count as
 * registers. */
#ifndef SIM430_CYCLES_H
#define SIM430_CYCLES_H

#include "operand.h"

/* Columns of format I. */
typedef enum destination_mode { TO_REGISTER, TO_PC, TO_MEMORY } destination_mode;

/* Rows: Rn, @Rn, #N, X(Rn). To memory MOV, BIT and CMP take one cycle less, .A two less. */
static const uint8_t FORMAT_I[4][3] = {{1, 3, 4}, {2, 4, 5}, {2, 3, 5}, {3, 5, 6}};
static const uint8_t FORMAT_I_EXTENDED[4][3] = {{2, 4, 5}, {3, 5, 6}, {3, 4, 6}, {4, 6, 7}};
static const uint8_t FORMAT_I_ADDRESS[4][3] = {{2, 4, 7}, {4, 6, 9}, {3, 4, 8}, {5, 7, 10}};

/* RRA, RRC, SWPB, SXT; there is no immediate. Repeated ones take one cycle more for each repetition. */
static const uint8_t FORMAT_II[4] = {1, 3, 0, 4};
static const uint8_t FORMAT_II_EXTENDED[4] = {2, 4, 0, 5};
static const uint8_t FORMAT_II_ADDRESS[4] = {2, 6, 0, 7};

/* Extended, X(SP) takes one cycle more. */
static const uint8_t PUSH_CYCLES[4] = {3, 3, 3, 4};
static const uint8_t PUSH_EXTENDED[4] = {4, 4, 4, 5};
static const uint8_t PUSH_ADDRESS[4] = {5, 6, 5, 7};

static const uint8_t CALL_CYCLES[4] = {4, 4, 4, 5};
enum { CALL_ABSOLUTE = 6, RETI_CYCLES = 5, JUMP_CYCLES = 2 };

#endif
