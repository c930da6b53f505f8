; opened.h. The loop runs from SRAM, as dot.S does.
	.include "port.inc"

; of a requantize_range
	.equ	LOW, 4
	.equ	HIGH, 6

; of an opened_work
	.equ	HEADERS, 10
	.equ	WEIGHTS, 12
	.equ	CONSTANTS, 14
	.equ	TO, 16

; r5: headers, r10: weights, r8, r9: to; r12: places, r11: turns of the loop, r13: values
	function opened_pairs, .fast
	save_r4_to_r10
	mov	r12, r15
	mov	LOW(r15), r6
	mov	HIGH(r15), r7
	mov	HEADERS(r15), r5
	mov	WEIGHTS(r15), r10
	mov	CONSTANTS(r15), r14
	mov	TO(r15), r8
	mov	TO+2(r15), r9
	jmp	next
turn:
	.rept	4
	mov	@r12+, r13		; 14 cycles, two products, 14 bytes
	mov_b_next 10, MACS_B
	mov_next 13, OP2L
	mov_at 13, OP2H
	.endr
	dec	r11
	jnz	turn
	.globl	opened_end
opened_end:
	call	#encoded_finish_pair
next:	mov	@r5+, r12
	tst	r12
	jz	done
	mov	@r5+, r11
	clr	&MPYS			; no sum yet
	clr	&OP2L
	clr	&OP2H
	mov	@r5+, r0
done:	restore_r4_to_r10
	ret
	end	opened_pairs

; r12: to, r13: distances, r14: opened_steps, r15: entries, 1 at least -> r12: behind. r10: value, r8: step, r9: mask
	function opened_places
	push	r8
	push	r9
	push	r10
	mov	@r14+, r10
	mov	@r14+, r8
	mov	@r14, r9
1:	mov.b	@r13, r11
	add	r8, r13
	and	r9, r11
	rla	r11
	rla	r11
	add	r11, r10
	mov	r10, 0(r12)
	incd	r12
	dec	r15
	jnz	1b
	pop	r10
	pop	r9
	pop	r8
	ret
	end	opened_places

; r12: to, r13: the first weight, or code, r14: from entry to entry, r15: entries, 1 at least -> r12: behind
	.macro	opened name
	function opened_\name
1:	opened_\name
	add	r14, r13
	inc	r12
	dec	r15
	jnz	1b
	ret
	end	opened_\name
	.endm

	.macro	opened_weights
	.word	0x4dec, 0		; mov.b @r13, 0(r12), which clang's assembler refuses
	.endm

	.macro	opened_high
	mov.b	@r13, r11
	mov.b	encoded_high(r11), 0(r12)
	.endm

	.macro	opened_low
	mov.b	@r13, r11
	and	#15, r11
	mov.b	encoded_low(r11), 0(r12)
	.endm

	opened	weights
	opened	high
	opened	low
