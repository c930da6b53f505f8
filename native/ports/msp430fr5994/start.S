; From reset to main(). Only what cannot wait: watchdog, wait states before the clock is raised (board.c does that), stack, zeroed variables.
	.section .start,"ax",@progbits
	.globl _start
	.type _start,@function
_start:
	mov	#0x5a80, &0x015c	; WDTCTL: password, hold
	mov	#0xa510, &0x0140	; FRCTL0: password, one wait state
	mov	#stack_top, r1
	mov	#bss_begin, r12
1:	cmp	#bss_end, r12
	jhs	2f
	clr	0(r12)
	incd	r12
	jmp	1b
2:	call	#main
3:	bis	#0xf0, r2		; LPM4: until the next reset
	jmp	3b
	.size _start, .-_start
