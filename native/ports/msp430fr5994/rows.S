; void copy_rows(const row_copies *copies) (gather.h)
	.include "port.inc"

	.equ	HEIGHT, 8
	.equ	DILATION, 10
	.equ	BEFORE, 12
	.equ	BYTES, 14
	.equ	AFTER, 16
	.equ	FROM_STEP, 18
	.equ	TO_GAP, 20
	.equ	TO_STEP, 22
	.equ	ZERO_POINT, 24

; r15: copies, r13: row's bytes, r12: to, r5: its step, r6: rows left, r7: row, r8: zero point; r9: bytes left, r10, r11, r14: values
	function copy_rows
	.word	0x155a			; pushm #6, r10
	mov	r12, r15
	mov	r12, r14
	mov	@r14+, r13
	mov	@r14+, r12
	mov	@r14+, r6
	mov	@r14, r7
	mov	TO_STEP(r15), r5
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
	sub	#2, r10
	jlo	4f
3:	.word	0x4efc, 0		; mov.b @r14+, 0(r12), which clang's assembler refuses
	add	r5, r12
	.word	0x4efc, 0
	add	r5, r12
	sub	#2, r10
	jhs	3b
4:	add	#2, r10
	jz	6f
	.word	0x4efc, 0
	add	r5, r12
6:	mov	r11, r9
	call	#fill
	add	FROM_STEP(r15), r13
	add	TO_GAP(r15), r12
	add	DILATION(r15), r7
	dec	r6
	jnz	1b
	.word	0x1755			; popm #6, r10
	ret
fill:
	tst	r9
	jz	8f
7:	mov.b	r8, 0(r12)
	add	r5, r12
	dec	r9
	jnz	7b
8:	ret
	end	copy_rows
