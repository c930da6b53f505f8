; What freeml_pack/firmware/msp430.py puts into the firmware: the blob (its metadata where C reaches it), room for samples and for NVM.
	.section .near_blob,"a",@progbits
	.globl	near_blob
near_blob:
	.incbin	NEAR_FILE

	.section .far_blob,"a",@progbits
	.incbin	FAR_FILE

	.section .mailbox,"aw",@progbits
	.globl	mailbox
	.balign	4
mailbox:
	.long	0
	.space	SAMPLE_BYTES

	.section .nvm,"aw",@progbits
	.globl	nvm_begin
	.balign	4
nvm_begin:
	.space	NVM_BYTES
