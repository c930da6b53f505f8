; void requantize(const requantize_work *work) (requantize.h). Results of the multiplier are read when they are ready (SLAU367, table
; 5-1): RES1 of 32 x 16 bits 5 cycles after its last operand, RES3 of 32 x 32 bits 6 cycles.
	.equ	MPY32L, 0x4d0
	.equ	MPY32H, 0x4d2
	.equ	MPYS32L, 0x4d4
	.equ	MPYS32H, 0x4d6
	.equ	OP2, 0x4c8
	.equ	OP2H, 0x4e2
	.equ	RES0, 0x4e4
	.equ	RES1, 0x4e6
	.equ	RES2, 0x4e8
	.equ	RES3, 0x4ea

; r12: sums, r13: channels, r14: to, r15: outputs left; r4: scale, r5: zero point, r6: low, r7: high, r11: pools; r8..r10: values
	.section .fast.requantize,"ax",@progbits
	.globl	requantize
	.type	requantize,@function
requantize:
	push	r4
	push	r5
	push	r6
	push	r7
	push	r8
	push	r9
	push	r10
	mov	r12, r11
	mov	@r11+, r12
	mov	@r11+, r13
	mov	@r11+, r14
	mov	@r11+, r15
	mov	@r11+, r4
	mov	@r11+, r5
	mov	@r11+, r6
	mov	@r11+, r7
	mov	@r11, r11
1:	mov	@r12+, r8
	mov	@r12+, r9
	add	@r13+, r8
	addc	@r13+, r9
	mov	r8, &MPY32L		; << left_shift: the low 32 bits
	mov	r9, &MPY32H
	mov	r4, &OP2
	tst	r11
	jz	2f
	mov.b	@r14, r6
	sxt	r6
2:	mov	&RES0, r8
	mov	&RES1, r9
	mov	r8, &MPYS32L
	mov	r9, &MPYS32H
	.word	0x4db2, 0x4e0		; mov @r13+, &OP2L, which clang's assembler refuses
	mov	@r13+, r10
	tst	r10
	jn	5f
	mov	r10, &OP2H
	nop
	nop
	nop
	mov	&RES3, r8
	rra	r8			; rounded: halves up
	adc	r8
3:	add	r5, r8
	cmp	r6, r8
	jge	4f
	mov	r6, r8
4:	cmp	r7, r8
	jl	6f
	mov	r7, r8
6:	mov.b	r8, 0(r14)
	inc	r14
	dec	r15
	jnz	1b
	pop	r10
	pop	r9
	pop	r8
	pop	r7
	pop	r6
	pop	r5
	pop	r4
	ret
5:	bic	#0x8000, r10		; shifts below 17: 32 bits are left, which may be more than 16 hold
	mov	r10, &OP2H
	nop
	nop
	nop
	mov	&RES2, r8
	mov	&RES3, r9
	rra	r9
	rrc	r8
	adc	r8
	adc	r9
	mov	r8, r10
	rla	r10
	subc	r10, r10
	inv	r10			; what r9 is where 16 bits do
	cmp	r9, r10
	jeq	3b
	tst	r9
	mov	#0x4000, r8		; far beyond any int8
	jge	3b
	mov	#0xc000, r8
	jmp	3b
	.size	requantize, .-requantize
