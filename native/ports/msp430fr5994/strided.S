; void strided(const strided_run *run) (strided.h)
	.include "port.inc"

; of a strided_run
	.equ	LOOKUP, 6
	.equ	COUNT, 8
	.equ	FROM_STEP, 10
	.equ	TO_STEP, 12
	.equ	ENTRY_STEP, 14
	.equ	LOW, 16
	.equ	HIGH, 18
	.equ	TYPE, 20

; r10: run, r4: from, r5: to, r6: entry, r7: elements left, r8: type, r9: lookup; values in r11 to r15
	.section .text.strided,"ax",@progbits
	.globl	strided
	.type	strided,@function
	.balign	8
strided:
	save_r4_to_r10
	mov	r12, r10
	mov	@r12+, r4
	mov	@r12+, r5
	mov	@r12+, r6
	mov	@r12, r9
	mov	COUNT(r10), r7
	mov	TYPE(r10), r8
1:	mov.b	@r4, r12
	cmp	#4, r8
	jne	quantized
	sxt	r12
	tst	r9
	jnz	looked_up
clamped:
	cmp	LOW(r10), r12
	jge	2f
	mov	LOW(r10), r12
2:	cmp	HIGH(r10), r12
	jl	3f
	mov	HIGH(r10), r12
3:	tst	r9
	jz	4f
looked_up:
	add	r9, r12
	mov.b	128(r12), r12
4:	mov.b	r12, 0(r5)
	add	FROM_STEP(r10), r4
	add	TO_STEP(r10), r5
	add	ENTRY_STEP(r10), r6
	dec	r7
	jnz	1b
	restore_r4_to_r10
	ret

quantized:				; r13:r12: the sample
	bit	#2, r8
	jz	5f
	mov.b	1(r4), r13
	swpb	r13
	bis	r13, r12
	jmp	6f
5:	bit	#1, r8
	jz	6f
	sxt	r12
6:	clr	r13
	bit	#1, r8
	jz	7f
	tst	r12
	jge	7f
	mov	#-1, r13
7:	mov	r6, r14			; multiplier 2 bytes, addend 4, shift 1
	mov.b	@r14+, r15
	mov.b	@r14+, r11
	swpb	r11
	bis	r11, r15
	push	r15
	mov.b	@r14+, r15
	mov.b	@r14+, r11
	swpb	r11
	bis	r11, r15
	mov	r15, &RES0
	mov.b	@r14+, r15
	mov.b	@r14+, r11
	swpb	r11
	bis	r11, r15
	mov	r15, &RES1
	mov.b	@r14, r14
	and	#31, r14
	mov	r12, &MACS32L
	mov	r13, &MACS32H
	pop	r15
	mov	r15, &OP2
	nop
	nop
	nop
	mov	&RES0, r12
	mov	&RES1, r13
	call	#__mspabi_sral		; r13:r12 >> r14; r15 is lost
	mov	r12, r11
	rla	r11
	subc	r11, r11
	inv	r11			; what r13 is where 16 bits do
	cmp	r13, r11
	jeq	clamped
	tst	r13
	mov	#0x7fff, r12
	jge	clamped
	inc	r12
	jmp	clamped
	end	strided
