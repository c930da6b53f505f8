; The inner loops of CONV_2D (kernels.h) on the hardware multiplier: one sum at a time, because MACS_B has one accumulator.
; It extends the signs of bytes by itself, so a tap is two moves and a step of 4 over the weights: 10 cycles.
	.equ	MACS_B, 0x4c6
	.equ	OP2_B, 0x4c8
	.equ	RESLO, 0x4ca
	.equ	RESHI, 0x4cc

	.macro	tap
	.word	0x4df2, MACS_B		; mov.b @r13+, &MACS_B, which clang's assembler refuses
	mov.b	0(r12), &OP2_B
	add	#4, r12
	.endm

; r12: weights of a channel, every fourth byte; r13: values; r14: taps, 1 at least; r15: where the sum goes; advances r15.
; Changes r11..r13.
	.section .text.sum,"ax",@progbits
	.type	sum,@function
sum:
	clr	&RESLO
	clr	&RESHI
	mov	r14, r11
	and	#7, r11
	jz	2f
1:	tap
	dec	r11
	jnz	1b
2:	mov	r14, r11
	rra	r11
	rra	r11
	rra	r11
	jz	4f
3:	tap
	tap
	tap
	tap
	tap
	tap
	tap
	tap
	dec	r11
	jnz	3b
4:	mov	&RESLO, 0(r15)
	mov	&RESHI, 2(r15)
	add	#4, r15
	ret
	.size	sum, .-sum

; r8: weights, r9: values, r14: taps, r15: four sums.
	.section .text.four,"ax",@progbits
	.type	four,@function
four:
	mov	r8, r10
	add	#4, r10
1:	mov	r8, r12
	mov	r9, r13
	call	#sum
	inc	r8
	cmp	r10, r8
	jne	1b
	ret
	.size	four, .-four

; void fml_dot_4x1(const int8_t *w, const int8_t *x0, uint32_t taps, int32_t *sums): r12, r13, r15:r14, stack.
	.section .text.fml_dot_4x1,"ax",@progbits
	.globl	fml_dot_4x1
	.type	fml_dot_4x1,@function
fml_dot_4x1:
	push	r8
	push	r9
	push	r10
	mov	r12, r8
	mov	r13, r9
	mov	8(r1), r15
	call	#four
	pop	r10
	pop	r9
	pop	r8
	ret
	.size	fml_dot_4x1, .-fml_dot_4x1

; void fml_dot_4x2(const int8_t *w, const int8_t *x0, ptrdiff_t second, uint32_t taps, int32_t *sums): r12, r13, r14,
; r15 and stack (taps are less than 64 K here), stack.
	.section .text.fml_dot_4x2,"ax",@progbits
	.globl	fml_dot_4x2
	.type	fml_dot_4x2,@function
fml_dot_4x2:
	push	r7
	push	r8
	push	r9
	push	r10
	mov	r12, r8
	mov	r13, r9
	mov	r14, r7
	mov	r15, r14
	mov	12(r1), r15
	call	#four
	sub	#4, r8
	add	r7, r9
	call	#four
	pop	r10
	pop	r9
	pop	r8
	pop	r7
	ret
	.size	fml_dot_4x2, .-fml_dot_4x2
