/*
 * Runs one instruction with given registers and says what became of them. `instruction_code` is copied to where it can be
 * changed and where EL0 may run it; the instruction goes to `instruction_slot` in the copy. What it needs is in a struct
 * context (runtime.h), to which TPIDRRO_EL0 points: EL0 may read that too.
 */
#include "layout.h"

	.arch armv8-a+fp+simd
	.section .text.instruction, "ax"
	.global instruction_code, instruction_slot, instruction_end, instruction_svc
instruction_code:
	mrs	x30, tpidrro_el0
	add	x1, x30, #CONTEXT_V
	.set	number, 0
	.rept	8
	.inst	0x4cdf2020 | number	/* ld1 {vN.16b-vN+3.16b}, [x1], #64 */
	.set	number, number + 4
	.endr
	ldr	x1, [x30, #CONTEXT_SP]
	mov	sp, x1
	.irp	pair, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28
	.inst	0xa9400000 | ((\pair) << 15) | ((\pair + 1) << 10) | (30 << 5) | (\pair)	/* ldp xN, xN+1, [x30, #8 * N] */
	.endr
	ldr	x30, [x30, #240]
instruction_slot:
	nop
	msr	tpidr_el0, x30
	mrs	x30, tpidrro_el0
	.irp	pair, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28
	.inst	0xa9000000 | ((\pair) << 15) | ((\pair + 1) << 10) | (30 << 5) | (\pair)	/* stp xN, xN+1, [x30, #8 * N] */
	.endr
	mrs	x0, tpidr_el0
	str	x0, [x30, #240]
	mov	x1, sp
	str	x1, [x30, #CONTEXT_SP]
	add	x1, x30, #CONTEXT_V
	.set	number, 0
	.rept	8
	.inst	0x4c9f2020 | number	/* st1 {vN.16b-vN+3.16b}, [x1], #64 */
	.set	number, number + 4
	.endr
	ldr	x30, [x30, #CONTEXT_RETURN]
	br	x30
instruction_svc:
	svc	#0
instruction_end:

	.macro	save
	stp	x19, x20, [sp, #-96]!
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	.endm
	.macro	restore
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	x19, x20, [sp], #96
	ret
	.endm

/* run_at_el1(context, code, turn the MMU off): the instruction has SP_EL0 as its stack pointer, exceptions have ours. */
	.global run_at_el1
run_at_el1:
	save
	msr	tpidrro_el0, x0
	adr	x3, 1f
	str	x3, [x0, #CONTEXT_RETURN]
	cbz	x2, 2f
	dc	civac, x0	/* With the MMU off it is read past the caches, and no line of it lies under two. */
	add	x3, x0, #64
	dc	civac, x3
	add	x4, x0, #CONTEXT_BYTES
3:	dc	civac, x3
	add	x3, x3, #64
	cmp	x3, x4
	b.lo	3b
	dsb	sy
	mrs	x3, sctlr_el1
	bic	x3, x3, #1
	msr	sctlr_el1, x3
	isb
2:	msr	spsel, #0
	br	x1
1:	msr	spsel, #1
	mrs	x3, sctlr_el1
	orr	x3, x3, #1
	msr	sctlr_el1, x3
	isb
	restore

/* run_at_el0(context, code, address of its SVC): all as EL0 sees them. */
	.global run_at_el0
run_at_el0:
	save
	msr	tpidrro_el0, x0
	str	x2, [x0, #CONTEXT_RETURN]
	adr	x3, 1f
	adrp	x4, svc_return
	add	x4, x4, :lo12:svc_return
	str	x3, [x4]
	msr	elr_el1, x1
	mov	x3, #0x3c0
	msr	spsr_el1, x3
	eret
1:	restore

/* switch_tables(ttbr, tcr, mair): both halves get the same table. Nothing is read or written while the MMU is off. */
	.global switch_tables
switch_tables:
	mrs	x3, sctlr_el1
	bic	x4, x3, #1
	msr	sctlr_el1, x4
	isb
	msr	mair_el1, x2
	msr	tcr_el1, x1
	msr	ttbr0_el1, x0
	msr	ttbr1_el1, x0
	isb
	tlbi	vmalle1
	dsb	nsh
	isb
	msr	sctlr_el1, x3
	isb
	ret
