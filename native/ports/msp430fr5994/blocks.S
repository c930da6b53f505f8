; blocks.h. The loops run from SRAM, as dot.S does.
	.include "port.inc"

; of an encoded_work
	.equ	LOW, 4
	.equ	HIGH, 6
	.equ	ENTRIES, 10
	.equ	COUNTS, 12
	.equ	VALUES, 14
	.equ	CONSTANTS, 16
	.equ	TO, 18
	.equ	CHANNELS, 22
	.equ	COUNT, 30		; of four
	.equ	SPARE, 28		; in the place of finish
; In the place of loops, finish and count, for blocks_8:
	.equ	TAPS, 24		; where its loop begins: the first turn leaves some taps out
	.equ	WEIGHTS, 26		; of the channel
	.equ	KEPT, 28		; the first value
	.equ	TURNS, 30

	.section .noinit.blocks_tables,"aw",@nobits
	.balign	2
low_words:				; of w0 + 2^23 w1, by the byte that has both codes
	.space	512
high_words:
	.space	512

	.macro	turns name
	clr	&MPYS			; no sum yet
	clr	&OP2L
	clr	&OP2H
	mov	VALUES(r15), r13
	mov	r11, r10
	and	#3, r11
	rla	r11
	add	#3, r10
	rra	r10
	rra	r10
	jz	sums_\name
	mov	entries_\name(r11), r0
turn_\name:
	.rept	4
	\name
	.endr
	dec	r10
	jnz	turn_\name
sums_\name:
	.endm

	.macro	entry_table name
entries_\name:
	.word	turn_\name, turn_\name + 78, turn_\name + 52, turn_\name + 26
	.endm

; r11: a byte of two codes
	.macro	multiply_codes
	rla	r11
	mov	low_words(r11), &OP2L
	mov	high_words(r11), &OP2H
	.endm

	.macro	codes_01		; 21 cycles, two products, 26 bytes
	mov.b	@r12+, r11
	add	r11, r13
	mov_b_at 13, MACS_B
	mov.b	@r12, r11
	incd	r12
	multiply_codes
	.endm

	.macro	codes_23
	mov.b	@r12, r11
	incd	r12
	add	r11, r13
	mov_b_at 13, MACS_B
	mov.b	@r12+, r11
	multiply_codes
	.endm

	.macro	begin			; r12: work -> r15
	save_r4_to_r10
	mov	r12, r15
	mov	LOW(r15), r6
	mov	HIGH(r15), r7
	mov	CONSTANTS(r15), r14
	mov	TO(r15), r8
	.endm

	.macro	next_count at
	mov.b	@\at+, r11
	mov.b	@\at+, r10
	swpb	r10
	bis	r10, r11
	.endm

; Two channels take the place of two pixels, r9 is behind r8; behind the last channel it is some place that is free.
	.macro	two_outputs
	mov	r8, r9
	inc	r9
	sub	#2, CHANNELS(r15)
	jhs	1f
	mov	r15, r9
	add	#SPARE, r9
1:	call	#encoded_finish_pair
	inc	r8
	cmp	#1, CHANNELS(r15)
	.endm

; r5: COUNTS, r12: entries, r13: values, r10: turns
	function blocks_4, .fast
	begin
	mov	COUNTS(r15), r5
four:	next_count r5
	mov	r11, COUNT(r15)
	mov	ENTRIES(r15), r12
	turns	codes_01
	two_outputs
	jl	done
	mov	COUNT(r15), r11
	mov	ENTRIES(r15), r12
	turns	codes_23
	mov	r12, ENTRIES(r15)
	two_outputs
	jge	four
done:	restore_r4_to_r10
	ret
	entry_table codes_01
	entry_table codes_23
	end	blocks_4

; The values of the taps that four channels have go to opened_lists, then each channel multiplies these. In turns of 16 taps, 10 bytes
; each in both loops. r9: COUNTS, r12: entries, r13: values, r10: turns, r5: kept values, then channels left of the four
	function blocks_8, .fast
	begin
	mov	COUNTS(r15), r9
next_four:
	next_count r9
	mov	r11, r10
	add	#15, r10
	.rept	4
	rra	r10
	.endr
	mov	r10, TURNS(r15)
	clr	r13
	sub	r11, r13
	and	#15, r13		; taps that the first turn leaves out
	mov	r13, r4
	rla	r4
	rla	r4
	add	r13, r4
	mov	ENTRIES(r15), r12
	mov	r12, r11
	inc	r11
	sub	r4, r11
	mov	r11, WEIGHTS(r15)
	rla	r4
	mov	r4, TAPS(r15)
	add	#taps, TAPS(r15)
	mov	#opened_lists, r5
	add	r5, r13
	mov	r13, KEPT(r15)
	mov	VALUES(r15), r13
	tst	r10
	jz	channels
	mov	r4, r11
	add	#gather, r11
	mov	#5, r4
	mov	r11, r0
gather:
	.irp	at, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	mov.b	@r12, r11
	add	r11, r13
	add	r4, r12
	.word	0x4de5, \at		; mov.b @r13, \at(r5)
	.endr
	add	#16, r5
	dec	r10
	jnz	gather
channels:
	mov	r12, ENTRIES(r15)
	mov	#4, r5
channel:
	mov	WEIGHTS(r15), r12
	inc	WEIGHTS(r15)
	mov	KEPT(r15), r13
	clr	&RES0
	clr	&RES1
	mov	TURNS(r15), r10
	tst	r10
	jz	sum
	mov	TAPS(r15), r0
taps:
	.irp	at, 0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75
	.word	0x4cd2, \at, MACS_B	; mov.b \at(r12), &MACS_B: never without an index
	mov_b_next 13, OP2_B
	.endr
	add	#80, r12
	dec	r10
	jnz	taps
sum:	call	#encoded_finish_one
	dec	CHANNELS(r15)
	jz	all_done
	dec	r5
	jnz	channel
	jmp	next_four
all_done:
	restore_r4_to_r10
	ret
	end	blocks_8

; r12: codebook. r10: w0, r8: place; on the stack all w1, times 128, and the same less 1, for negative w0
	function blocks_open
	push	r8
	push	r10
	sub	#64, r1
	mov	r12, r13
	mov	r1, r14
	mov	r1, r15
	add	#32, r15
1:	mov.b	@r13+, r11
	swpb	r11
	rra	r11
	mov	r11, 0(r14)
	dec	r11
	mov	r11, 32(r14)
	incd	r14
	cmp	r15, r14
	jne	1b
	clr	r8
2:	mov	r1, r14
	mov.b	@r12+, r10
	sxt	r10
	jge	3f
	mov	r15, r14
3:	.irp	at, 0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 480
	.word	0x4eb8, high_words + \at ; mov @r14+, high_words + \at(r8), which clang's assembler refuses
	mov	r10, low_words + \at(r8)
	.endr
	incd	r8
	cmp	#32, r8
	jne	2b
	add	#64, r1
	pop	r10
	pop	r8
	ret
	end	blocks_open
