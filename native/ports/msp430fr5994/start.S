; From reset to main(). Only what cannot wait: watchdog, wait states before the clock is raised (board.c does that), stack, code for SRAM,
; zeroed variables.
	.section .start,"ax",@progbits
	.globl _start
	.type _start,@function
_start:
	mov	#0x5a80, &0x015c	; WDTCTL: password, hold
	mov	#0xa510, &0x0140	; FRCTL0: password, one wait state
	mov	#stack_top, r1
	mov	#fast_begin, r12
	mov	#fast_stored, r13
	mov	#fast_size, r14
	call	#memcpy
	mov	#bss_begin, r12
1:	cmp	#bss_end, r12
	jhs	2f
	clr	0(r12)
	incd	r12
	jmp	1b
2:	call	#main
	.globl	left_out		; what freeml_pack/firmware/msp430.py has left out of the core, because the blob does not use it
left_out:
3:	bis	#0xf0, r2		; LPM4: until the next reset
	jmp	3b
	.size _start, .-_start
