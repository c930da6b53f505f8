; uint32_t fml_crc32(uint32_t crc, const void *bytes, size_t size) with the CRC32 module (SLAU367, chapter "CRC32 Module"): words at
; even addresses in 2 cycles a byte and their wait states, where the table of the core takes 86.
; CRC32DI takes the lowest bit of each byte first, as this CRC does, and the low byte of a word. CRC32RESR is the register
; with its bits in reverse order: what software knows as the CRC.
	.include "port.inc"

	.equ	CRC32DI, 0x980
	.equ	CRC32INIRES0, 0x988
	.equ	CRC32INIRES1, 0x98a
	.equ	CRC32RESR1, 0x98c
	.equ	CRC32RESR0, 0x98e

	.macro	feed_word
	mov_next 14, CRC32DI
	.endm
	.macro	feed_byte
	mov_b_next 14, CRC32DI
	.endm

; r13:r12: crc, r14: bytes, r15: size. The module itself reverses the bits of the crc to go on from.
	function fml_crc32
	inv	r12
	inv	r13
	mov	r12, &CRC32INIRES0
	mov	r13, &CRC32INIRES1
	mov	&CRC32RESR1, r13
	mov	&CRC32RESR0, &CRC32INIRES0
	mov	r13, &CRC32INIRES1
	tst	r15
	jz	5f
	bit	#1, r14
	jz	1f
	feed_byte
	dec	r15
1:	mov	r15, r13		; words in eights
	clrc
	rrc	r13
	rra	r13
	rra	r13
	rra	r13
	jz	3f
2:	feed_word
	feed_word
	feed_word
	feed_word
	feed_word
	feed_word
	feed_word
	feed_word
	dec	r13
	jnz	2b
3:	and	#15, r15
	jz	5f
4:	feed_byte
	dec	r15
	jnz	4b
5:	mov	&CRC32RESR0, r12
	mov	&CRC32RESR1, r13
	inv	r12
	inv	r13
	ret
	end	fml_crc32
