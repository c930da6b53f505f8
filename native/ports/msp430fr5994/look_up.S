; void fml_look_up(int8_t *to, const uint8_t *table, fml_index count)
	.section .text.fml_look_up,"ax",@progbits
	.globl	fml_look_up
	.type	fml_look_up,@function
fml_look_up:				; r12: to, r13: table, r14: count, 1 at least
	add	#128, r13
1:	mov.b	@r12, r15
	sxt	r15
	add	r13, r15
	mov.b	@r15, 0(r12)
	inc	r12
	dec	r14
	jnz	1b
	ret
	.size	fml_look_up, .-fml_look_up
