; Bytes from place to place, and sizes: bytes.h, what clang wants of <string.h>, far_copy of board.h.
	.include "port.inc"

	.section .text.memcpy,"ax",@progbits
	.balign	8
	nop				; so that the loop over words fills three lines of the FRAM's cache
	.globl	memcpy
	.type	memcpy,@function
	.globl	fml_copy		; bytes.h, whose size is r15:r14
	.type	fml_copy,@function
fml_copy:
memcpy:					; r12: to (also the result), r13: from (up to 20 bits), r14: bytes
	mov	r12, r15
	mov	r12, r11
	xor	r13, r11
	bit	#1, r11			; one odd and one even address: no words
	jnz	4f
	bit	#1, r12
	jz	1f
	tst	r14
	jz	6f
	.word	0x4dff, 0		; mov.b @r13+, 0(r15)
	inc	r15
	dec	r14
1:	sub	#8, r14			; four words at a time
	jlo	3f
2:	.word	0x4dbf, 0		; mov @r13+, 0(r15), which clang's assembler refuses
	.word	0x4dbf, 2
	.word	0x4dbf, 4
	.word	0x4dbf, 6
	add	#8, r15
	sub	#8, r14
	jhs	2b
3:	add	#8, r14
4:	sub	#4, r14			; four bytes at a time
	jlo	8f
7:	.word	0x4dff, 0		; mov.b @r13+, 0(r15)
	.word	0x4dff, 1
	.word	0x4dff, 2
	.word	0x4dff, 3
	add	#4, r15
	sub	#4, r14
	jhs	7b
8:	add	#4, r14
	jz	6f
5:	.word	0x4dff, 0
	inc	r15
	dec	r14
	jnz	5b
6:	ret
	end	memcpy

	function memset		; r12: to (also the result), r13: value, r14: bytes
	mov	r12, r15
	sub	#4, r14
	jlo	4f
3:	mov.b	r13, 0(r15)
	mov.b	r13, 1(r15)
	mov.b	r13, 2(r15)
	mov.b	r13, 3(r15)
	add	#4, r15
	sub	#4, r14
	jhs	3b
4:	add	#4, r14
	jz	2f
1:	mov.b	r13, 0(r15)
	inc	r15
	dec	r14
	jnz	1b
2:	ret
	end	memset

; void far_copy(void *to, uint32_t from, uint16_t size): from anywhere in the 1 MB, which C pointers do not reach. @r13+ uses all
; 20 bits of a register. Firmware that wants it copies most of its constants, so it runs from SRAM; memcpy does what is left.
	function far_copy, .fast		; r12: to, r14:r13: from, r15: size
	push	r14
	push	r13
	.word	0x010d			; mova @r1, r13: 20 bits
	add	#4, r1
	mov	r15, r14
	bit	#1, r12
	jnz	2f
	bit	#1, r13
	jnz	2f
	sub	#16, r14
	jlo	1f
3:	.word	0x4dbc, 0		; mov @r13+, 0(r12), which clang's assembler refuses
	.word	0x4dbc, 2
	.word	0x4dbc, 4
	.word	0x4dbc, 6
	.word	0x4dbc, 8
	.word	0x4dbc, 10
	.word	0x4dbc, 12
	.word	0x4dbc, 14
	add	#16, r12
	sub	#16, r14
	jhs	3b
1:	add	#16, r14
2:	br	#memcpy
	end	far_copy

; uint32_t fml_product(uint32_t a, uint32_t b), bytes.h
	function fml_product		; r13:r12, r15:r14
	mov	r12, &MPY32L
	mov	r13, &MPY32H
	mov	r14, &OP2L
	mov	r15, &OP2H
	nop				; RES0 and RES1 are ready 3 cycles after OP2H, RES2 and RES3 6 (SLAU367, table 5-4)
	mov	&RES0, r12
	mov	&RES1, r13
	mov	&RES2, r14
	bis	&RES3, r14
	tst	r14
	jnz	1f
	tst	r13
	jge	2f
1:	mov	#-1, r12		; FML_SIZE_MAX
	mov	#0x7fff, r13
2:	ret
	end	fml_product
