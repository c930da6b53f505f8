; encoded.h. All of it runs from SRAM, as dot.S does.
	.include "port.inc"

; of an encoded_work
	.equ	SCALE, 2
	.equ	LOW, 4
	.equ	HIGH, 6
	.equ	POOLS, 8
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
high:					; the weight whose code is the high half of a byte
	.space	256
low:					; the weights
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

; From value to value by the distance in r11. Of a pair, r13 is at the upper half of the one before.
	.macro	go_one
	add	r11, r13
	.endm

	.macro	go_pair
	rla	r11
	dec	r11
	rla	r11
	add	r11, r13
	.endm

	.macro	multiply_one
	mov_b_at 13, OP2_B
	.endm

	.macro	multiply_pair
	mov_next 13, OP2L
	mov_at 13, OP2H
	.endm

	.macro	multiply_next_one
	mov_b_next 13, OP2_B
	.endm

	.macro	multiply_next_pair
	mov_next 13, OP2L
	mov_next 13, OP2H
	.endm

	.macro	sparse_8 values		; 11 cycles, 18 of a pair
	mov.b	@r12+, r11
	go_\values
	mov_b_next 12, MACS_B
	multiply_\values
	.endm

	.macro	sparse_4 values		; 14, 21
	mov.b	@r12+, r11
	mov.b	high(r11), &MACS_B
	and	r5, r11
	go_\values
	multiply_\values
	.endm

	.macro	block_8 values		; 13, 20
	mov.b	@r12, r11
	go_\values
	add	r6, r12
	mov_b_at 12, MACS_B
	add	r7, r12
	multiply_\values
	.endm

	.macro	block_codes values
	mov.b	@r12, r11
	go_\values
	add	r6, r12
	mov.b	@r12, r11
	add	r7, r12
	.endm

	.macro	block_low values	; 18, 25
	block_codes \values
	and	r5, r11
	mov.b	low(r11), &MACS_B
	multiply_\values
	.endm

	.macro	block_high values	; 17, 24
	block_codes \values
	mov.b	high(r11), &MACS_B
	multiply_\values
	.endm

	.macro	dense_low values	; 14, 18
	mov.b	@r12, r11
	incd	r12
	and	r5, r11
	mov.b	low(r11), &MACS_B
	multiply_next_\values
	.endm

	.macro	dense_high values	; 13, 17
	mov.b	@r12, r11
	incd	r12
	mov.b	high(r11), &MACS_B
	multiply_next_\values
	.endm

; Taps of `bytes` each, four or eight in a turn of the loop; the first turn leaves some out.
	.macro	loop tap, values, turn, bytes
	function encoded_\tap\()_\values, .fast
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
	\tap \values
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

	loop	sparse_8, one, 8, 12
	loop	sparse_8, pair, 4, 22
	loop	sparse_4, one, 8, 16
	loop	sparse_4, pair, 4, 26
	loop	block_8, one, 8, 16
	loop	block_8, pair, 4, 26
	loop	block_low, one, 8, 22
	loop	block_low, pair, 4, 32
	loop	block_high, one, 8, 20
	loop	block_high, pair, 4, 30
	loop	dense_low, one, 8, 16
	loop	dense_low, pair, 4, 20
	loop	dense_high, one, 8, 14
	loop	dense_high, pair, 4, 18

; --- What becomes of a channel's sums. r4, r6, r7, r14, r15: of requantize_one; r8, r9: to; that of a pair: dot.S

	function encoded_finish_one, .fast
	mov	&RES0, r12
	mov	&RES1, r13
	tst	POOLS(r15)
	jz	1f
	mov.b	@r8, r6
	sxt	r6
1:	call	#requantize_one
	mov.b	r12, 0(r8)
	inc	r8
	ret
	end	encoded_finish_one

	function encoded_keep_sum, .fast
	mov	&RES0, 0(r9)
	mov	&RES1, 2(r9)
	add	#4, r9
	ret
	end	encoded_keep_sum

; --- Channels ------------------------------------------------------------------------------------------------------

	.macro	begin			; r12: work -> r15
	save_r4_to_r10
	mov	r12, r15
	mov	SCALE(r15), r4
	mov	LOW(r15), r6
	mov	HIGH(r15), r7
	mov	CONSTANTS(r15), r14
	mov	TO(r15), r8
	mov	TO+2(r15), r9
	mov	#15, r5
	.endm

	.macro	next_count to		; r12: COUNTS
	incd	COUNTS(r15)
	mov.b	@r12+, r11
	mov.b	@r12, r10
	swpb	r10
	bis	r10, r11
	.endm

	function encoded_lists, .fast
	begin
1:	mov	COUNTS(r15), r12
	next_count
	mov	ENTRIES(r15), r12
	mov	VALUES(r15), r13
	call	LOOPS(r15)
	mov	r12, ENTRIES(r15)
	call	FINISH(r15)
	dec	CHANNELS(r15)
	jnz	1b
	restore_r4_to_r10
	ret
	end	encoded_lists

; r6: from an entry to the channel's weight, r7: from there to the next entry
	function encoded_fours, .fast
	begin
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
	mov	#low, r13
	mov	#high, r14
1:	mov.b	@r12+, r15
	mov.b	r15, 0(r13)
	inc	r13
	mov	r15, r11
	swpb	r11
	bis	r15, r11
	mov	#8, r15
2:	mov	r11, 0(r14)
	incd	r14
	dec	r15
	jnz	2b
	cmp	#high + 256, r14
	jne	1b
	ret
	end	encoded_open_codebook
