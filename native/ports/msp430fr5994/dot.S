; dot.h. The functions run from SRAM (fr5994.ld): no wait states but for their data.
; MPY32 (SLAU367, chapter 5) extends the signs of bytes by itself. A tap is two or three moves; 4-cycle ones have an address to go with,
; which clang's assembler refuses and so stands here as words.
	.equ	MACS_B, 0x4c6
	.equ	OP2_B, 0x4c8
	.equ	OP2L, 0x4e0
	.equ	OP2H, 0x4e2
	.equ	RES0, 0x4e4
	.equ	RES1, 0x4e6
	.equ	RES2, 0x4e8
	.equ	RES3, 0x4ea

	.macro	function name
	.section .fast.\name,"ax",@progbits
	.globl	\name
	.type	\name,@function
\name:
	.endm

	.macro	end name
	.size	\name, .-\name
	.endm

; Taps, the rest of a division by 2^doublings first, then so many at a time.
	.macro	all_taps tap, doublings
	mov	r14, r11
	and	#(1 << \doublings) - 1, r11
	jz	2f
1:	\tap	0
	add	#4, r12
	dec	r11
	jnz	1b
2:	mov	r14, r11
	.rept	\doublings
	rra	r11
	.endr
	jz	4f
3:
	.set	at, 0
	.rept	1 << \doublings
	\tap	at
	.set	at, at + 4
	.endr
	add	#4 << \doublings, r12
	dec	r11
	jnz	3b
4:
	.endm

	.macro	pair_tap at		; 13 cycles, two products
	mov.b	\at(r12), &MACS_B
	.word	0x4db2, OP2L		; mov @r13+, &OP2L
	.word	0x4db2, OP2H		; mov @r13+, &OP2H
	.endm

	.macro	single_tap at		; 9 cycles
	.word	0x4df2, MACS_B		; mov.b @r13+, &MACS_B
	mov.b	\at(r12), &OP2_B
	.endm

; r12: weights, r13: values, r14: taps, r15: channels, stack: sums -> r8: weights, r9: values, r10: channels left, r15: sums
	.macro	begin
	push	r6
	push	r7
	push	r8
	push	r9
	push	r10
	mov	r12, r8
	mov	r13, r9
	mov	r15, r10
	mov	12(r1), r15
	.endm

	.macro	next_channel again
	add	#4, r15
	inc	r8
	dec	r10
	jnz	\again
	pop	r10
	pop	r9
	pop	r8
	pop	r7
	pop	r6
	ret
	.endm

	function dot_pack		; r12: pairs, r13: x0, r14: x1, r15: taps
	push	r10
1:	mov.b	@r14+, r11
	swpb	r11
	rra	r11
	mov.b	@r13+, r10
	sxt	r10			; N: its sign, until the jump
	mov	r10, 0(r12)
	jge	2f
	dec	r11			; x0's sign takes 1 from what stands above it
2:	mov	r11, 2(r12)
	add	#4, r12
	dec	r15
	jnz	1b
	pop	r10
	ret
	end	dot_pack

	function dot_pairs
	begin
5:	mov	r8, r12
	mov	r9, r13
	clr	&RES0
	clr	&RES1
	clr	&RES2
	clr	&RES3
	all_taps pair_tap, 3
; Shifted left by 1, the first sum is twice the lowest 24 bits with their sign, the second one the 32 bits above, and 1 more where the
; first is negative.
	mov	&RES0, r7
	mov	&RES1, r12
	mov	&RES2, r13
	mov	&RES3, r11
	rla	r7
	rlc	r12
	rlc	r13
	rlc	r11
	mov	r12, r6
	sxt	r6
	rra	r6
	rrc	r7
	mov	r7, 0(r15)
	mov	r6, 2(r15)
	rla	r6			; carry: its sign, until adc
	swpb	r12
	mov.b	r12, r12
	mov.b	r13, r6
	swpb	r6
	bis	r6, r12
	swpb	r13
	mov.b	r13, r13
	mov.b	r11, r11
	swpb	r11
	bis	r11, r13
	adc	r12
	adc	r13
	mov	r12, 16(r15)
	mov	r13, 18(r15)
	next_channel 5b
	end	dot_pairs

	function dot_single
	begin
5:	mov	r8, r12
	mov	r9, r13
	clr	&RES0
	clr	&RES1
	all_taps single_tap, 4
	mov	&RES0, 0(r15)
	mov	&RES1, 2(r15)
	next_channel 5b
	end	dot_single
