; void copy_rows(const row_copies *copies) (gather.h)
	.equ	HEIGHT, 8
	.equ	DILATION, 10
	.equ	BEFORE, 12
	.equ	BYTES, 14
	.equ	AFTER, 16
	.equ	FROM_STEP, 18
	.equ	TO_GAP, 20
	.equ	ZERO_POINT, 22

; r15: copies, r13: row's bytes, r12: to, r6: rows left, r7: row, r8: zero point; r9: bytes left, r10, r11, r14: values
	.section .fast.copy_rows,"ax",@progbits
	.globl	copy_rows
	.type	copy_rows,@function
copy_rows:
	.word	0x154a			; pushm #5, r10
	mov	r12, r15
	mov	r12, r14
	mov	@r14+, r13
	mov	@r14+, r12
	mov	@r14+, r6
	mov	@r14, r7
	mov	ZERO_POINT(r15), r8
1:	mov	BEFORE(r15), r9
	mov	BYTES(r15), r10
	mov	AFTER(r15), r11
	cmp	HEIGHT(r15), r7		; before the input: more than any height
	jlo	2f
	add	r10, r9
	add	r11, r9
	clr	r10
	clr	r11
2:	call	#fill
	mov	r13, r14
	sub	#4, r10
	jlo	4f
3:	.word	0x4efc, 0		; mov.b @r14+, 0(r12), which clang's assembler refuses
	.word	0x4efc, 1
	.word	0x4efc, 2
	.word	0x4efc, 3
	add	#4, r12
	sub	#4, r10
	jhs	3b
4:	add	#4, r10
	jz	6f
5:	.word	0x4efc, 0
	inc	r12
	dec	r10
	jnz	5b
6:	mov	r11, r9
	call	#fill
	add	FROM_STEP(r15), r13
	add	TO_GAP(r15), r12
	add	DILATION(r15), r7
	dec	r6
	jnz	1b
	.word	0x1746			; popm #5, r10
	ret
fill:
	sub	#4, r9
	jlo	8f
7:	mov.b	r8, 0(r12)
	mov.b	r8, 1(r12)
	mov.b	r8, 2(r12)
	mov.b	r8, 3(r12)
	add	#4, r12
	sub	#4, r9
	jhs	7b
8:	add	#4, r9
	jz	10f
9:	mov.b	r8, 0(r12)
	inc	r12
	dec	r9
	jnz	9b
10:	ret
	.size	copy_rows, .-copy_rows
