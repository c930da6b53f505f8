; encoded.h. What runs from SRAM is .fast, as in dot.S; each reset copies it, so what is seldom used is not.
	.include "port.inc"
	.include "outputs.inc"

; of an encoded_work
	.equ	ENTRIES, 10
	.equ	COUNTS, 12
	.equ	VALUES, 14
	.equ	CONSTANTS, 16
	.equ	TO, 18
	.equ	CHANNELS, 22
	.equ	LOOPS, 24
	.equ	FINISH, 28
	.equ	COUNT, 30		; of four
	.equ	FIRST, 32
	.equ	STEP, 34
	.equ	CODES, 36
	.equ	CHANNEL, 38

	.section .noinit.encoded_tables,"aw",@nobits
	.globl	encoded_high, encoded_low
encoded_high:				; the weight whose code is the high half of a byte
	.space	256
encoded_low:				; the weights
	.space	16

; --- Loops: a channel's entries, or taps. r12: the first one, r11: how many; r13: VALUES. r12 goes on; r10, r11, r13 are lost. r5: 15.

	.macro	clear_one
	clr	&RES0
	clr	&RES1
	.endm

	.macro	clear_pair
	clear_one
	clr	&RES2
	clr	&RES3
	.endm

	.macro	multiply_next_one
	mov_b_next 13, OP2_B
	.endm

	.macro	multiply_next_pair
	mov_next 13, OP2L
	mov_next 13, OP2H
	.endm

	.macro	sparse_8		; 11 cycles
	mov.b	@r12+, r11
	add	r11, r13
	mov_b_next 12, MACS_B
	mov_b_at 13, OP2_B
	.endm

	.macro	sparse_4		; 13
	mov.b	@r12+, r11
	mov.b	encoded_high(r11), &MACS_B
	and	r5, r11
	add	r11, r13
	mov_b_at 13, OP2_B
	.endm

	.macro	block_8			; 13
	mov.b	@r12, r11
	add	r11, r13
	add	r6, r12
	mov_b_at 12, MACS_B
	add	r7, r12
	mov_b_at 13, OP2_B
	.endm

	.macro	block_codes
	mov.b	@r12, r11
	add	r11, r13
	add	r6, r12
	mov.b	@r12, r11
	add	r7, r12
	.endm

	.macro	block_low		; 17
	block_codes
	and	r5, r11
	mov.b	encoded_low(r11), &MACS_B
	mov_b_at 13, OP2_B
	.endm

	.macro	block_high		; 16
	block_codes
	mov.b	encoded_high(r11), &MACS_B
	mov_b_at 13, OP2_B
	.endm

	.macro	dense_low values	; 13, 17 of a pair
	mov.b	@r12, r11
	incd	r12
	and	r5, r11
	mov.b	encoded_low(r11), &MACS_B
	multiply_next_\values
	.endm

	.macro	dense_high values	; 12, 16
	mov.b	@r12, r11
	incd	r12
	mov.b	encoded_high(r11), &MACS_B
	multiply_next_\values
	.endm

; Taps of `bytes` each, four or eight in a turn of the loop; the first turn leaves some out.
	.macro	loop tap, values, turn, bytes, code, section
	function encoded_\tap\()_\values, \section
	clear_\values
	mov	r11, r10
	and	#\turn - 1, r11
	rla	r11
	add	#\turn - 1, r10
	clrc
	rrc	r10
	rra	r10
	.if	\turn == 8
	rra	r10
	.endif
	jz	4f
	mov	3f(r11), r0
2:	.rept	\turn
	\code
	.endr
	dec	r10
	jnz	2b
4:	ret
3:	.word	2b
	.irp	left, 7, 6, 5, 4, 3, 2, 1
	.if	\left < \turn
	.word	2b + \left * \bytes
	.endif
	.endr
	end	encoded_\tap\()_\values
	.endm

	loop	block_8, one, 8, 16, block_8, .text
	loop	block_low, one, 8, 22, block_low, .text
	loop	block_high, one, 8, 20, block_high, .text
	loop	dense_low, one, 8, 16, "dense_low one", .fast
	loop	dense_low, pair, 4, 20, "dense_low pair", .fast
	loop	dense_high, one, 8, 14, "dense_high one", .fast
	loop	dense_high, pair, 4, 18, "dense_high pair", .fast

; --- What becomes of a channel's sums. Constants are those of encoded_unpack; r6, r7, r14, r15: as requantize_one wants them; r8, r9: to.
; encoded_finish_one loses r4, r10, -_pair r4, r11 to r13, others r4, r11, r13.

	function encoded_finish_one, .fast
	mov	&RES0, r10
	mov	&RES1, r4
	scale	r10, r4
	output	one, r8, r10, r4
	ret
	far_output one, r10, r4
	end	encoded_finish_one

	function encoded_finish_pair, .fast
	pair_outputs pair
	ret
	far_pair_outputs pair
	end	encoded_finish_pair

; Constants are those of fml_channels_unpack. r4: scale
	function encoded_finish_any
	push	r12
	mov	SCALE(r15), r4
	mov	&RES0, r12
	mov	&RES1, r13
	tst	POOLS(r15)
	jz	1f
	mov.b	@r8, r6
	sxt	r6
1:	call	#requantize_one
	mov.b	r12, 0(r8)
	inc	r8
	pop	r12
	ret
	end	encoded_finish_any

	function encoded_keep_sum
	mov	TO+2(r15), r13
	mov	&RES0, 0(r13)
	mov	&RES1, 2(r13)
	add	#4, TO+2(r15)
	ret
	end	encoded_keep_sum

; --- Channels ------------------------------------------------------------------------------------------------------

	.macro	begin			; r12: work -> r15
	save_r4_to_r10
	mov	r12, r15
	mov	LOW(r15), r6
	mov	HIGH(r15), r7
	mov	CONSTANTS(r15), r14
	mov	TO(r15), r8
	mov	#15, r5
	.endm

	.macro	next_count to		; r12: COUNTS
	incd	COUNTS(r15)
	mov.b	@r12+, r11
	mov.b	@r12, r10
	swpb	r10
	bis	r10, r11
	.endm

; r9: COUNTS, r12: ENTRIES; 8 or 16 entries of `bytes` in a turn, the first turn leaves some out. What is not the plain way is FINISH's.
	.macro	lists name, turn, bytes
	function encoded_lists_\name, .fast
	begin
	mov	COUNTS(r15), r9
	mov	ENTRIES(r15), r12
next_\name:
	mov.b	@r9+, r11
	mov.b	@r9+, r10
	swpb	r10
	bis	r10, r11
	mov	VALUES(r15), r13
	clear_one
	mov	r11, r10
	.if	\turn == 16
	and	r5, r11
	add	r5, r10
	rra	r10
	.else
	and	#\turn - 1, r11
	add	#\turn - 1, r10
	.endif
	rla	r11
	.rept	3
	rra	r10
	.endr
	jz	sum_\name
	mov	entries_\name(r11), r0
turn_\name:
	.rept	\turn
	sparse_\name
	.endr
	dec	r10
	jnz	turn_\name
sum_\name:
	tst	FINISH(r15)
	jnz	finish_\name
	.if	\turn == 16
	mov	&RES0, r10
	mov	&RES1, r4
	scale	r10, r4
	output	\name, r8, r10, r4
	.else
	call	#encoded_finish_one
	.endif
left_\name:
	dec	CHANNELS(r15)
	jnz	next_\name
	mov	r12, ENTRIES(r15)
	mov	r9, COUNTS(r15)
	restore_r4_to_r10
	ret
	.if	\turn == 16
	far_output \name, r10, r4
	.endif
finish_\name:
	call	FINISH(r15)
	jmp	left_\name
entries_\name:
	.word	turn_\name
	.irp	left, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1
	.if	\left < \turn
	.word	turn_\name + \left * \bytes
	.endif
	.endr
	end	encoded_lists_\name
	.endm

	lists	8, 16, 12
	lists	4, 8, 16

; r6: from an entry to the channel's weight, r7: from there to the next entry
	function encoded_fours, .fast
	begin
	mov	TO+2(r15), r9
1:	clr	CHANNEL(r15)
	mov	COUNTS(r15), r12
	tst	r12
	jz	2f			; all taps
	next_count
	mov	r11, COUNT(r15)
2:	mov	CHANNEL(r15), r6
	mov	r15, r10
	bit	#1, r6
	jz	3f
	incd	r10			; the loop of odd channels
3:	tst	CODES(r15)
	jz	4f
	rra	r6
4:	add	FIRST(r15), r6
	mov	STEP(r15), r7
	sub	r6, r7
	mov	ENTRIES(r15), r12
	mov	VALUES(r15), r13
	mov	COUNT(r15), r11
	tst	FIRST(r15)
	jnz	5f
	add	r6, r12			; no distances: from weight to weight
5:	call	LOOPS(r10)
	inc	CHANNEL(r15)
	cmp	#4, CHANNEL(r15)
	jne	6f
	tst	FIRST(r15)
	jnz	7f
	sub	r6, r12
7:	mov	r12, ENTRIES(r15)
6:	mov	LOW(r15), r6
	mov	HIGH(r15), r7
	call	FINISH(r15)
	dec	CHANNELS(r15)
	jz	8f
	cmp	#4, CHANNEL(r15)
	jne	2b
	jmp	1b
8:	restore_r4_to_r10
	ret
	end	encoded_fours

	function encoded_open_codebook
	mov	#encoded_low, r13
	mov	#encoded_high, r14
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
	cmp	#encoded_high + 256, r14
	jne	1b
	ret
	end	encoded_open_codebook
