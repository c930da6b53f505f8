; encoded.h. The functions run from SRAM, as those of dot.S. What clang's assembler refuses stands here as words.
	.equ	MACS_B, 0x4c6
	.equ	OP2_B, 0x4c8
	.equ	RES0, 0x4e4
	.equ	RES1, 0x4e6

	.macro	function name
	.section .fast.\name,"ax",@progbits
	.globl	\name
	.type	\name,@function
\name:
	.word	0x156a			; pushm #7, r10
	.endm

	.macro	end name
	.word	0x1764			; popm #7, r10
	ret
	.size	\name, .-\name
	.endm

	.section .noinit.encoded_tables,"aw",@nobits
high:					; the weight whose code is the high half of a byte
	.space	256
low:					; the weights
	.space	16

; Loops of four taps. r11: taps -> r11: times, r14: taps that are left out the first time; Z: none.
	.section .fast.encoded_times,"ax",@progbits
times:
	mov	r11, r14
	inv	r14
	inc	r14
	and	#3, r14
	add	#3, r11
	clrc
	rrc	r11
	rra	r11
	ret

	.macro	sparse_8 		; 11 cycles, 12 bytes
	mov.b	@r12+, r11
	add	r11, r13
	.word	0x4de2, MACS_B		; mov.b @r13, &MACS_B
	.word	0x4cf2, OP2_B		; mov.b @r12+, &OP2_B
	.endm

	.macro	sparse_4		; 13 cycles, 16 bytes
	mov.b	@r12+, r11
	mov.b	high(r11), &MACS_B
	and	r7, r11
	add	r11, r13
	.word	0x4de2, OP2_B		; mov.b @r13, &OP2_B
	.endm

; r15: lists, r12: entries, r8: counts, r13, r5: values, r9: sums, r10: lists left, r4: times, r7: 15
	.macro	lists name, tap, bytes
	function \name
	mov	r12, r15
	mov	@r15, r12
	mov	2(r15), r8
	mov	4(r15), r5
	mov	6(r15), r9
	mov	8(r15), r10
	mov	#15, r7
1:	mov.b	@r8+, r11
	mov.b	@r8+, r14
	swpb	r14
	bis	r14, r11
	clr	&RES0
	clr	&RES1
	mov	r5, r13
	call	#times
	jz	3f
	mov	r11, r4
	rla	r14
	rla	r14
	mov	r14, r11
	rla	r11
	.if	\bytes == 16
	rla	r11
	.else
	add	r14, r11
	.endif
	add	#2f, r11
	mov	r11, r0
2:	\tap
	\tap
	\tap
	\tap
	dec	r4
	jnz	2b
3:	mov	&RES0, 0(r9)
	mov	&RES1, 2(r9)
	add	#4, r9
	dec	r10
	jnz	1b
	mov	r12, 0(r15)
	mov	r8, 2(r15)
	mov	r9, 6(r15)
	end \name
	.endm

	lists	encoded_sparse_8, sparse_8, 12
	lists	encoded_sparse_4, sparse_4, 16

; r15: four, r8: weights, r5, r13: values, r9: sums, r6: step, r10: times, r11: times left, r7: where they begin
	.macro	four name
	function \name
	mov	r12, r15
	mov	@r15+, r8
	mov	@r15+, r5
	mov	@r15+, r9
	mov	@r15+, r11
	mov	@r15+, r6
	call	#times
	mov	r11, r10
	mov	r14, r7
	rla	r7
	.endm

; One channel, whose weights are at r14; `entry`: where its loop of taps begins.
	.macro	channel entry, tap
	mov	@r9, &RES0
	mov	2(r9), &RES1
	mov	r5, r13
	mov	r10, r11
	mov	\entry, r0
\tap\()_taps:
	\tap
	\tap
	\tap
	\tap
	dec	r11
	jnz	\tap\()_taps
	mov	&RES0, 0(r9)
	mov	&RES1, 2(r9)
	add	#4, r9
	.endm

	.macro	byte			; 9 cycles, 10 bytes
	.word	0x4df2, MACS_B		; mov.b @r13+, &MACS_B
	.word	0x4ee2, OP2_B		; mov.b @r14, &OP2_B
	add	r6, r14
	.endm

	four	encoded_four_8
	mov	r7, r14
	rla	r7
	rla	r7
	add	r14, r7
	add	#byte_taps, r7
	mov	#4, r4
1:	mov	r8, r14
	inc	r8
	channel	r7, byte
	dec	r4
	jnz	1b
	end	encoded_four_8

	.macro	low_half		; 13 cycles, 16 bytes
	mov.b	@r14, r12
	add	r6, r14
	and	r15, r12
	mov.b	low(r12), &MACS_B
	.word	0x4df2, OP2_B		; mov.b @r13+, &OP2_B
	.endm

	.macro	high_half		; 12 cycles, 14 bytes
	mov.b	@r14, r12
	add	r6, r14
	mov.b	high(r12), &MACS_B
	.word	0x4df2, OP2_B
	.endm

	four	encoded_four_4
	mov	r7, r4			; 2, 14, 16 bytes each
	rla	r7
	rla	r7
	rla	r7
	sub	r7, r4
	inv	r4
	inc	r4
	add	#high_half_taps, r4
	add	#low_half_taps, r7
	mov	#15, r15
	push	#2
1:	mov	r8, r14
	channel	r7, low_half
	mov	r8, r14
	channel	r4, high_half
	inc	r8
	dec	0(r1)
	jnz	1b
	incd	r1
	end	encoded_four_4

; r12: entries, r13: from, r14: taps, r15: step, r10: to
	.section .fast.encoded_take,"ax",@progbits
	.globl	encoded_take
	.type	encoded_take,@function
encoded_take:
	push	r10
	mov	4(r1), r10
1:	mov.b	@r12, r11
	add	r15, r12
	add	r11, r13
	mov.b	@r13, 0(r10)
	inc	r10
	dec	r14
	jz	2f
	mov.b	@r12, r11
	add	r15, r12
	add	r11, r13
	mov.b	@r13, 0(r10)
	inc	r10
	dec	r14
	jnz	1b
2:	mov	r13, r12
	pop	r10
	ret
	.size	encoded_take, .-encoded_take

	.section .text.encoded_open_codebook,"ax",@progbits
	.globl	encoded_open_codebook
	.type	encoded_open_codebook,@function
encoded_open_codebook:
	mov	#low, r13
	mov	#high, r14
1:	mov.b	@r12+, r15
	mov.b	r15, 0(r13)
	inc	r13
	mov	r15, r11
	swpb	r11
	bis	r15, r11
	.irp	at, 0, 2, 4, 6, 8, 10, 12, 14
	mov	r11, \at(r14)
	.endr
	add	#16, r14
	cmp	#high + 256, r14
	jne	1b
	ret
	.size	encoded_open_codebook, .-encoded_open_codebook
