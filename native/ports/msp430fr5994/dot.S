; dot.h. The functions run from SRAM (fr5994.ld): no wait states but for their data.
; A tap is two or three moves to the multiplier.
	.include "port.inc"

; of a dot_work
	.equ	SCALE, 2
	.equ	LOW, 4
	.equ	HIGH, 6
	.equ	POOLS, 8
	.equ	WEIGHTS, 10
	.equ	VALUES, 12
	.equ	TAPS, 14
	.equ	CHANNELS, 16
	.equ	CONSTANTS, 18
	.equ	TO, 20
	.equ	W, 24			; weights of the channel
	.equ	LOOPS, 26		; times that its loop runs, 8 taps each; the first tap comes before it
	.equ	ENTRY_1, 28		; where the loop of single pixels begins: the first time some taps are left out
	.equ	ENTRY_2, 30		; that of pairs
	.equ	END, 32			; r8 behind four channels
	.equ	LEFT, 34		; channels

	.macro	pair_tap		; 13 cycles, two products, 14 bytes
	mov_b_at 12, MACS_B
	add	#4, r12
	mov_next 13, OP2L
	mov_next 13, OP2H
	.endm

	.macro	single_tap		; 9 cycles, 10 bytes
	mov_b_next 13, MACS_B
	mov_b_at 12, OP2_B
	add	#4, r12
	.endm

	.macro	taps tap
	.rept	8
	\tap
	.endr
	.endm

; r12: work -> r15; registers of requantize_one; r8: to; all that is saved there
	.macro	begin
	save_r4_to_r10
	mov	r12, r15
	mov	SCALE(r15), r4
	mov	LOW(r15), r6
	mov	HIGH(r15), r7
	mov	TO(r15), r8
	mov	CONSTANTS(r15), r14
	mov	WEIGHTS(r15), W(r15)
	mov	CHANNELS(r15), LEFT(r15)
	.endm

; Channels in fours; the weights of the next four stand 4 * taps further on. Z: none are left; r11 is lost.
	.section .text.dot_four,"ax",@progbits
next_four:
	mov	TAPS(r15), r11
	dec	r11
	rla	r11
	rla	r11
	add	r11, W(r15)
this_four:
	mov	#4, r11
	cmp	r11, LEFT(r15)
	jhs	1f
	mov	LEFT(r15), r11
1:	sub	r11, LEFT(r15)
	add	r8, r11
	mov	r11, END(r15)
	cmp	r8, r11
	ret

	.macro	low_of to
	tst	POOLS(r15)
	jz	1f
	mov.b	@\to, r6
	sxt	r6
1:
	.endm

	function dot_prepare		; r12: work
	mov	TAPS(r12), r15
	dec	r15
	mov	#single_taps_end, ENTRY_1(r12)
	mov	#pair_taps_end, ENTRY_2(r12)
	mov	r15, r14
	add	#7, r14
	rra	r14
	rra	r14
	rra	r14
	mov	r14, LOOPS(r12)
	jz	1f
	rla	r14
	rla	r14
	rla	r14
	sub	r15, r14		; taps that are left out
	mov	r14, r15
	rla	r14			; r14: 2, r15: 8 times as many
	rla	r15
	rla	r15
	rla	r15
	mov	r15, ENTRY_1(r12)	; 10 bytes each
	add	r14, ENTRY_1(r12)
	add	#single_taps, ENTRY_1(r12)
	rla	r15
	sub	r14, r15		; 14 bytes each
	add	#pair_taps, r15
	mov	r15, ENTRY_2(r12)
1:	ret
	end	dot_prepare

	function dot_pack, .fast		; r12: rows. r15: work, r12: pairs, r13, r14: values; r8: taps left, r9: rows left
	.word	0x152a			; pushm #3, r10
	mov	r12, r15
	mov	@r15+, r12
	mov	@r15+, r13
	mov	@r15+, r14
	mov	2(r15), r9
5:	mov	@r15, r8
	bit	#1, r8
	jz	4f
	inc	r8
	jmp	6f
	.macro	pack_tap at
	mov.b	@r14+, r11
	swpb	r11
	rra	r11
	mov.b	@r13+, r10
	sxt	r10			; N: its sign, until the jump
	mov	r10, \at(r12)
	jge	7f
	dec	r11			; x0's sign takes 1 from what stands above it
7:	mov	r11, \at + 2(r12)
	.endm
4:	pack_tap 0
	add	#4, r12
6:	pack_tap 0
	add	#4, r12
	decd	r8
	jnz	4b
	dec	r9
	jz	8f
	mov	4(r15), r11
	sub	@r15, r11
	add	r11, r13
	add	r11, r14
	jmp	5b
8:	.word	0x1728			; popm #3, r10
	ret
	end	dot_pack

	function dot_pack_turns		; r12: pairs, r13: values, r14: taps
	push	r10
1:	mov.b	@r13+, r10
	mov.b	@r13+, r11
	swpb	r11
	rra	r11
	sxt	r10			; as in pack_tap
	mov	r10, 0(r12)
	jge	2f
	dec	r11
2:	mov	r11, 2(r12)
	add	#4, r12
	dec	r14
	jnz	1b
	pop	r10
	ret
	end	dot_pack_turns

; The int8 of both sums of a channel. r15: a work that begins with its requantize_range; r4, r6, r7, r14: as requantize_one wants
; them; r8, r9: to. r5, r10 to r13 are lost.
	.macro	pair_outputs
; Shifted left by 1, the first sum is twice the lowest 24 bits with their sign, the second one the 32 bits above, and 1 more where the
; first is negative.
	mov	&RES0, r12
	mov	&RES1, r13
	mov	&RES2, r10
	mov	&RES3, r5
	rla	r12
	rlc	r13
	rlc	r10
	rlc	r5
	xor	r10, r5			; r5: its low byte, then the high byte of r10
	mov.b	r5, r5
	xor	r10, r5
	swpb	r5
	xor	r13, r10
	mov.b	r10, r10
	xor	r13, r10
	swpb	r10
	sxt	r13
	rra	r13
	rrc	r12
	bit	#0x8000, r13		; carry: its sign
	adc	r10
	adc	r5
	low_of	r8
	call	#requantize_one
	mov.b	r12, 0(r8)
	inc	r8
	mov	r10, r12
	mov	r5, r13
	sub	#8, r14
	low_of	r9
	call	#requantize_one
	mov.b	r12, 0(r9)
	inc	r9
	.endm

	function dot_pairs, .fast
	begin
	mov	TO+2(r15), r9
	call	#this_four
5:	mov	W(r15), r12
	mov	VALUES(r15), r13
	inc	W(r15)
	mov_b_at 12, MPYS_B
	mov_next 13, OP2L
	mov_next 13, OP2H
	add	#4, r12
	mov	LOOPS(r15), r11
	mov	ENTRY_2(r15), r0
pair_taps:
	taps	pair_tap
	dec	r11
	jnz	pair_taps
pair_taps_end:
	pair_outputs
	cmp	END(r15), r8
	jne	5b
	call	#next_four
	jne	5b
	restore_r4_to_r10
	ret
	end	dot_pairs

; sum: of the channel at W, in r13:r12; only r11 is lost.
	function dot_sum, .fast
	mov	r12, r15
sum:
	mov	W(r15), r12
	mov	VALUES(r15), r13
	inc	W(r15)
	mov_b_next 13, MPYS_B
	mov_b_at 12, OP2_B
	add	#4, r12
	mov	LOOPS(r15), r11
	mov	ENTRY_1(r15), r0
single_taps:
	taps	single_tap
	dec	r11
	jnz	single_taps
single_taps_end:
	mov	&RES0, r12
	mov	&RES1, r13
	ret
	end	dot_sum

	function dot_single, .fast
	begin
	call	#this_four
5:	call	#sum
	low_of	r8
	call	#requantize_one
	mov.b	r12, 0(r8)
	inc	r8
	cmp	END(r15), r8
	jne	5b
	call	#next_four
	jne	5b
	restore_r4_to_r10
	ret
	end	dot_single
