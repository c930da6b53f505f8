; pool.h. Registers of both functions: r4: first tap, r6: columns, r7: next_row, r8: column_step, r9: channels left; r10: columns left,
; r11: tap, r12: rows left, r13: to. On the stack: rows.
	.include "port.inc"

	.macro	begin name
	.section .text.\name,"ax",@progbits
	.globl	\name
	.type	\name,@function
	.balign	8
\name:
	save_r4_to_r10
	mov	r12, r15
	mov	@r15+, r4
	mov	@r15+, r9
	mov	@r15+, r6
	push	r6
	mov	@r15+, r6
	mov	@r15+, r8
	mov	@r15+, r7
	.endm

	.macro	finish name
	inc	r4
	dec	r9
	jnz	1b
	incd	r1
	restore_r4_to_r10
	ret
	.size	\name, .-\name
	.endm

	begin	pool_sums		; r14, r15: sum; r5: value
1:	mov	r4, r11
	mov	@r1, r12
	clr	r14
	clr	r15
2:	mov	r6, r10
3:	mov.b	@r11, r5
	xor.b	#0x80, r5
	add	r5, r14
	adc	r15
	add	r8, r11
	dec	r10
	jnz	3b
	add	r7, r11
	dec	r12
	jnz	2b
	mov	r14, 0(r13)
	mov	r15, 2(r13)
	add	#4, r13
	finish	pool_sums

	begin	pool_largest		; r5: largest; r14: low, r15: high
	mov	@r15+, r14
	mov	@r15, r15
1:	mov	r4, r11
	mov	@r1, r12
	mov	r14, r5
2:	mov	r6, r10
3:	cmp.b	@r11, r5
	jge	4f
	mov.b	@r11, r5
4:	add	r8, r11
	dec	r10
	jnz	3b
	add	r7, r11
	dec	r12
	jnz	2b
	cmp.b	r15, r5
	jl	5f
	mov	r15, r5
5:	mov.b	r5, 0(r13)
	inc	r13
	finish	pool_largest
