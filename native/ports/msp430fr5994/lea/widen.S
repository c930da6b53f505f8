; void lea_widen(int16_t *to, const int8_t *from, uint16_t count) (lea.h): every fourth byte of `from`.
	.section .fast.lea_widen,"ax",@progbits
	.globl	lea_widen
	.type	lea_widen,@function
lea_widen:			; r12, r13, r14
	mov.b	@r13, r15
	sxt	r15
	add	#4, r13
	mov	r15, 0(r12)
	incd	r12
	dec	r14
	jnz	lea_widen
	ret
	.size	lea_widen, .-lea_widen
