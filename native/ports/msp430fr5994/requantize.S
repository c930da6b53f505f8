; void requantize(const requantize_work *work) (requantize.h). Results of the multiplier are read when they are ready (SLAU367, table
; 5-1): RES0 of 32 x 16 bits 3 cycles after its last operand, RES1 5 cycles, RES3 of 32 x 32 bits 6 cycles.
	.include "port.inc"

; of a requantize_work
	.equ	ZERO_POINT, 0
	.equ	SCALE, 2
	.equ	LOW, 4
	.equ	HIGH, 6
	.equ	POOLS, 8
	.equ	SUMS, 10
	.equ	CHANNELS, 12
	.equ	TO, 14
	.equ	COUNT, 16
	.equ	BACK, 18

	function requantize
	save_r4_to_r10
	mov	r12, r15
	mov	SCALE(r15), r4
	mov	LOW(r15), r6
	mov	HIGH(r15), r7
	mov	TO(r15), r8
	mov	SUMS(r15), r9
	mov	COUNT(r15), r10
	mov	CHANNELS(r15), r14
1:	mov	@r9+, r12
	mov	@r9+, r13
	tst	POOLS(r15)
	jz	2f
	mov.b	@r8, r6
	sxt	r6
2:	call	#requantize_one
	mov.b	r12, 0(r8)
	inc	r8
	sub	BACK(r15), r14
	dec	r10
	jnz	1b
	restore_r4_to_r10
	ret
	end	requantize

; One accumulator r13:r12, for these and for dot.S. r14: its constants, goes on to the next ones; r15: where ZERO_POINT is; r4: scale,
; r6: low, r7: high. The result is in r12, r11 and r13 are lost.
	function requantize_one, .fast
	add	@r14+, r12
	addc	@r14+, r13
	mov	r12, &MPY32L		; << left_shift: the low 32 bits
	mov	r13, &MPY32H
	mov	r4, &OP2
	mov	2(r14), r11
	tst	r11			; N: until the jump
	mov	&RES0, r12
	mov	&RES1, r13
	mov	r12, &MPYS32L
	mov	r13, &MPYS32H
	mov_next 14, OP2L
	jn	5f			; shifts below 17
	mov	r11, &OP2H
	incd	r14
	nop
	nop
	mov	&RES3, r12
	rra	r12			; rounded: halves up
	adc	r12
rounded:
	add	@r15, r12
	cmp	r6, r12
	jge	4f
	mov	r6, r12
4:	cmp	r7, r12
	jl	6f
	mov	r7, r12
6:	ret
5:	br	#little_shifted
	end	requantize_one

; 32 bits are left, which may be more than 16 hold.
	.section .text.little_shifted,"ax",@progbits
	.type	little_shifted,@function
little_shifted:
	bic	#0x8000, r11
	mov	r11, &OP2H
	incd	r14
	nop
	nop
	mov	&RES2, r12
	mov	&RES3, r13
	rra	r13
	rrc	r12
	adc	r12
	adc	r13
	mov	r12, r11
	rla	r11
	subc	r11, r11
	inv	r11			; what r13 is where 16 bits do
	cmp	r13, r11
	jeq	1f
	tst	r13
	mov	#0x4000, r12		; far beyond any int8
	jge	1f
	mov	#0xc000, r12
1:	br	#rounded
	end	little_shifted
