; What clang expects of a run-time library (MSP430 EABI, SLAA534, "helper functions"), for the hardware multiplier MPY32.
; 32-bit values lie in register pairs, the low word first. No interrupts are used, so that nothing saves the multiplier.
	.include "port.inc"

	function __mspabi_mpyi_f5hw	; r12 * r13 -> r12
	mov	r12, &MPY
	mov	r13, &OP2
	mov	&RESLO, r12
	ret
	end	__mspabi_mpyi_f5hw

	function __mspabi_mpyl_f5hw	; r13:r12 * r15:r14 -> r13:r12
	mov	r12, &MPY32L
	mov	r13, &MPY32H
	mov	r14, &OP2L
	mov	r15, &OP2H
	nop				; RES0 and RES1 are ready 3 and 5 cycles after OP2L, 3 after OP2H (SLAU367, table 5-4)
	mov	&RES0, r12
	mov	&RES1, r13
	ret
	end	__mspabi_mpyl_f5hw

; Shifts of r13:r12 by r14, 0 to 31: a word at a time, then bit by bit.
	function __mspabi_slll
	bit	#16, r14
	jz	1f
	mov	r12, r13
	clr	r12
1:	and	#15, r14
	jz	3f
2:	rla	r12
	rlc	r13
	dec	r14
	jnz	2b
3:	ret
	end	__mspabi_slll

	function __mspabi_srll
	bit	#16, r14
	jz	1f
	mov	r13, r12
	clr	r13
1:	and	#15, r14
	jz	3f
2:	clrc
	rrc	r13
	rrc	r12
	dec	r14
	jnz	2b
3:	ret
	end	__mspabi_srll

	function __mspabi_sral
	bit	#16, r14
	jz	1f
	mov	r13, r12
	rla	r13
	subc	r13, r13		; 0 where the sign was set, else -1
	inv	r13
1:	bit	#8, r14
	jz	4f
	swpb	r12
	mov.b	r12, r12
	mov.b	r13, r15
	swpb	r15
	bis	r15, r12
	swpb	r13
	sxt	r13
4:	and	#7, r14
	jz	3f
2:	rra	r13
	rrc	r12
	dec	r14
	jnz	2b
3:	ret
	end	__mspabi_sral

; Shifts of r12 by r13, 0 to 15.
	function __mspabi_slli
	and	#15, r13
	jz	2f
1:	rla	r12
	dec	r13
	jnz	1b
2:	ret
	end	__mspabi_slli

	function __mspabi_srli
	and	#15, r13
	jz	2f
1:	clrc
	rrc	r12
	dec	r13
	jnz	1b
2:	ret
	end	__mspabi_srli

	function __mspabi_srai
	and	#15, r13
	jz	2f
1:	rra	r12
	dec	r13
	jnz	1b
2:	ret
	end	__mspabi_srai

; One bit of the quotient after the other, 16 of them: r11:word / r14 -> quotient word, remainder r11; r11 is less than r14.
	.macro	divide_word word
	mov	#16, r15
1:	rla	\word
	rlc	r11
	jc	2f			; more than any divisor
	cmp	r14, r11
	jlo	3f
2:	sub	r14, r11
	bis	#1, \word
3:	dec	r15
	jnz	1b
	.endm

; r13:r12 / r15:r14 -> quotient r13:r12, remainder r15:r14.
	function __mspabi_divul
divide_long:
	tst	r15
	jnz	divide_by_long
	tst	r13
	jnz	4f
	mov	r14, r13
	call	#__mspabi_divu
	clr	r13
	mov	r11, r14
	clr	r15
	ret
4:	clr	r11
	divide_word r13
	divide_word r12			; leaves r15 = 0
	mov	r11, r14
	ret
divide_by_long:				; the quotient has 16 bits: they come from r12, the remainder r11:r10 begins as the high word
	push	r9
	push	r10
	mov	r13, r10
	clr	r11
	clr	r13
	mov	#16, r9
1:	rla	r12
	rlc	r10
	rlc	r11
	jc	2f
	cmp	r15, r11
	jlo	3f
	jne	2f
	cmp	r14, r10
	jlo	3f
2:	sub	r14, r10
	subc	r15, r11
	bis	#1, r12
3:	dec	r9
	jnz	1b
	mov	r10, r14
	mov	r11, r15
	pop	r10
	pop	r9
	ret
	end	__mspabi_divul

	function __mspabi_remul
	call	#divide_long
	mov	r14, r12
	mov	r15, r13
	ret
	end	__mspabi_remul

; r12 / r13 -> quotient r12, remainder r11. Quotients up to 16, which most are, by subtraction.
	function __mspabi_divu
divide:
	clr	r11
	cmp	#1, r13			; groups of convolutions, mostly
	jeq	3f
	mov	r12, r11
	mov	r12, r14
	clrc
	rrc	r14
	rra	r14
	rra	r14
	rra	r14
	cmp	r13, r14
	jhs	2f
	mov	#-1, r12
1:	inc	r12
	sub	r13, r11
	jhs	1b
	add	r13, r11
3:	ret
2:	mov	r13, r14
	clr	r11
	divide_word r12
	ret
	end	__mspabi_divu

	function __mspabi_remu
	call	#divide
	mov	r11, r12
	ret
	end	__mspabi_remu
