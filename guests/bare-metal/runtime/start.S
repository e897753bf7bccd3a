/*
 * Entry of every bare-metal payload, as a raw binary without an Image header: the loader puts it 512 KiB above the start of
 * RAM with x0 = DTB, MMU and caches off, at EL1. Nothing is written to memory before the MMU is on, because such a write
 * would bypass the caches through which the host sees this memory.
 */
#include "layout.h"

#define SCTLR_M  (1 << 0)
#define SCTLR_C  (1 << 2)
#define SCTLR_I  (1 << 12)

/* MAIR: attribute 0 = Device-nGnRE, attribute 1 = Normal write-back. */
#define MAIR_VALUE 0xff04
/* TCR_EL1: T0SZ 25 (39 bits, one table of 1 GiB blocks), inner and outer write-back, inner shareable, EPD1, 40-bit IPS. */
#define TCR_VALUE (25 | (1 << 8) | (1 << 10) | (3 << 12) | (1 << 23) | (2 << 32))

/* Block descriptors: valid, access flag, inner shareable, attribute index; execute-never for devices. */
#define BLOCK_DEVICE (0x0060000000000000 | (1 << 10) | (3 << 8) | (0 << 2) | 1)
#define BLOCK_NORMAL ((1 << 10) | (3 << 8) | (1 << 2) | 1)

	.section .text.start, "ax"
	.global _start
_start:
	mov	x19, x0
	bl	enable_mmu
	adrp	x1, __stacks_end
	add	x1, x1, :lo12:__stacks_end
	mov	sp, x1
	adrp	x1, __bss_start
	add	x1, x1, :lo12:__bss_start
	adrp	x2, __bss_end
	add	x2, x2, :lo12:__bss_end
1:	cmp	x1, x2
	b.hs	2f
	str	xzr, [x1], #8
	b	1b
2:	mov	x0, x19
	bl	runtime_start
	b	.

/* Where PSCI CPU_ON sends the others; x0 = the index that CPU_ON was given as its context. */
	.global secondary_entry
secondary_entry:
	mov	x19, x0
	bl	enable_mmu
	adrp	x1, __stacks_end
	add	x1, x1, :lo12:__stacks_end
	mov	x2, #STACK_BYTES
	msub	x1, x19, x2, x1
	mov	sp, x1
	mov	x0, x19
	bl	runtime_secondary
	b	.

enable_mmu:
	adrp	x1, vectors
	add	x1, x1, :lo12:vectors
	msr	vbar_el1, x1
	ldr	x1, =MAIR_VALUE
	msr	mair_el1, x1
	ldr	x1, =TCR_VALUE
	msr	tcr_el1, x1
	adrp	x1, page_table
	msr	ttbr0_el1, x1
	/* Floating point stays off limits (-mgeneral-regs-only), so CPACR_EL1 is left alone. */
	tlbi	vmalle1
	dsb	nsh
	isb
	mrs	x1, sctlr_el1
	ldr	x2, =(SCTLR_M | SCTLR_C | SCTLR_I)
	orr	x1, x1, x2
	msr	sctlr_el1, x1
	isb
	ret
	.ltorg

/* Every vector saves what C may clobber and calls handle_exception(kind, frame); kind = the vector's number, 0 to 15. */
	.macro vector kind
	.balign 0x80
	sub	sp, sp, #FRAME_BYTES
	stp	x0, x1, [sp, #0]
	mov	x0, #\kind
	b	exception_common
	.endm

	.balign 0x800
vectors:
	.set	kind_number, 0
	.rept	16
	vector	kind_number
	.set	kind_number, kind_number + 1
	.endr

exception_common:
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x30, [sp, #144]
	mrs	x2, elr_el1
	mrs	x3, spsr_el1
	stp	x2, x3, [sp, #160]
	mov	x1, sp
	bl	handle_exception
	ldp	x2, x3, [sp, #160]
	msr	elr_el1, x2
	msr	spsr_el1, x3
	ldp	x18, x30, [sp, #144]
	ldp	x16, x17, [sp, #128]
	ldp	x14, x15, [sp, #112]
	ldp	x12, x13, [sp, #96]
	ldp	x10, x11, [sp, #80]
	ldp	x8, x9, [sp, #64]
	ldp	x6, x7, [sp, #48]
	ldp	x4, x5, [sp, #32]
	ldp	x2, x3, [sp, #16]
	ldp	x0, x1, [sp, #0]
	add	sp, sp, #FRAME_BYTES
	eret

/* Identity map: the first GiB is devices, all above is RAM as far as there is any; only RAM is ever touched there. */
	.section .rodata.page_table, "a"
	.balign 4096
page_table:
	.quad	BLOCK_DEVICE
	.set	gib, 1
	.rept	511
	.quad	(gib << 30) | BLOCK_NORMAL
	.set	gib, gib + 1
	.endr
