; void copy_rows(const row_copies *copies) (rows.h)
; r13: from, r12: to, r14: bytes, r15: rows left, r8, r9: from a row's end to the next one's begin; r11: bytes left
	.section .fast.copy_rows,"ax",@progbits
	.globl	copy_rows
	.type	copy_rows,@function
copy_rows:
	push	r8
	push	r9
	mov	@r12+, r13
	mov	@r12+, r11
	mov	@r12+, r14
	mov	@r12+, r15
	mov	@r12+, r8
	mov	@r12+, r9
	mov	r11, r12
	sub	r14, r8
	sub	r14, r9
1:	mov	r14, r11
	sub	#4, r11
	jlo	3f
2:	.word	0x4dfc, 0		; mov.b @r13+, 0(r12), which clang's assembler refuses
	.word	0x4dfc, 1
	.word	0x4dfc, 2
	.word	0x4dfc, 3
	add	#4, r12
	sub	#4, r11
	jhs	2b
3:	add	#4, r11
	jz	5f
4:	.word	0x4dfc, 0
	inc	r12
	dec	r11
	jnz	4b
5:	add	r8, r13
	add	r9, r12
	dec	r15
	jnz	1b
	pop	r9
	pop	r8
	ret
	.size	copy_rows, .-copy_rows
