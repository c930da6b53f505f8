; void fml_channels_unpack(fml_channel *to, const uint8_t *group, uint32_t total, uint32_t begin, uint32_t end), and
; uint32_t requantize_factor(uint16_t multiplier, uint8_t shift) (requantize.h), and
; bool encoded_unpack(requantize_channel *to, const uint8_t *group, uint16_t total, uint16_t count, uint8_t left_shift) (encoded.h):
; channels of 7 stored bytes become 8, at any alignment.
	.include "port.inc"

	.macro	copy_bias		; clang's assembler refuses mov.b @r13+, 0(r12)
	.word	0x4dfc, 0
	.word	0x4dfc, 1
	.word	0x4dfc, 2
	.word	0x4dfc, 3
	.endm

; r10: multiplier, r11: shift as it is stored -> r11:r10. With s = shift - 1: 2 * multiplier times 2^(15 - s % 16), and bit 31 says
; whether s is less than 16.
	.section .text.factor,"ax",@progbits
	.type	factor,@function
factor:
	rla	r10
	mov	r10, &MPY
	dec	r11
	mov	r11, r10
	and	#15, r10
	rla	r10
	mov	highest_first(r10), &OP2
	bit	#16, r11
	mov	&RESLO, r10
	mov	&RESHI, r11
	jz	1f
	bic	#0x8000, r11
	ret
1:	bis	#0x8000, r11
	ret
	end	factor

	.section .rodata.highest_first,"a",@progbits
	.balign	2
highest_first:
	.word	0x8000, 0x4000, 0x2000, 0x1000, 0x800, 0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10, 8, 4, 2, 1

	function requantize_factor
	push	r10
	mov	r12, r10
	mov	r13, r11
	call	#factor
	mov	r10, r12
	mov	r11, r13
	pop	r10
	ret
	end	requantize_factor

; r12: to, r13: biases, r14: total; begin: 2(r1), end: 6(r1), low words. Then r8: multipliers, r9: shifts, r15: channels left.
	function fml_channels_unpack
	push	r8
	push	r9
	push	r10
	mov	r14, r8
	rla	r8
	rla	r8
	add	r13, r8			; 4 bytes of bias, 2 of multiplier, 1 of shift for each
	mov	r14, r9
	rla	r9
	add	r8, r9
	mov	8(r1), r10
	mov	12(r1), r15
	sub	r10, r15
	add	r10, r9
	rla	r10
	add	r10, r8
	rla	r10
	add	r10, r13
	tst	r15
	jz	2f
1:	copy_bias
	mov.b	@r8+, r10
	mov.b	@r8+, r11
	swpb	r11
	bis	r11, r10
	mov.b	@r9+, r11
	call	#factor
	mov	r10, 4(r12)
	mov	r11, 6(r12)
	add	#8, r12
	dec	r15
	jnz	1b
2:	pop	r10
	pop	r9
	pop	r8
	ret
	end	fml_channels_unpack

; r12: to, r13: biases, r14: total, r15: channels left; left shift: 2(r1). Then r8: multipliers, r9: shifts, r14: left shift + 1.
	function encoded_unpack
	push	r8
	push	r9
	push	r10
	mov	r14, r9
	rla	r14
	rla	r14
	add	r13, r14
	mov	r14, r8
	rla	r9
	add	r8, r9
	mov	8(r1), r14
	inc	r14
1:	copy_bias
	mov.b	@r8+, r10
	mov.b	@r8+, r11
	swpb	r11
	bis	r11, r10
	rla	r10
	mov	r10, &MPY
	mov.b	@r9+, r11
	sub	r14, r11
	cmp	#16, r11
	jhs	3f
2:	rla	r11
	mov	highest_first(r11), &OP2
	add	#8, r12
	dec	r15
	mov	&RESLO, -4(r12)
	mov	&RESHI, -2(r12)
	jnz	1b
	mov	#1, r12
	jmp	4f
3:	clr	r11
	tst	r10			; 0 has any shift
	jz	2b
	clr	r12
4:	pop	r10
	pop	r9
	pop	r8
	ret
	end	encoded_unpack
