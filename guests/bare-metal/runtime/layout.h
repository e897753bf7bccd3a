/* Numbers that the assembly, the linker script and C share. */
#ifndef LAYOUT_H
#define LAYOUT_H

/* Loaders put a raw binary here: 512 KiB above the start of RAM (0x40000000 unless the config moves it). */
#define IMAGE_ADDRESS 0x40080000
/*
 * A payload's window for the host lies at a fixed distance from its start, hence at 0x40090000: `counters` puts its
 * counters there, `ordering` its mailbox. It is part of the image, so nothing else can be placed over it.
 */
#define WINDOW_OFFSET 0x10000
#define WINDOW_BYTES 0x1000

#define STACK_BYTES 8192
#define CPU_COUNT_MAX 64
/* x0 to x18, x30, ELR, SPSR. */
#define FRAME_BYTES 176

/* struct context of instruction.S. */
#define CONTEXT_SP 248
#define CONTEXT_V 256
#define CONTEXT_RETURN 768
#define CONTEXT_BYTES 776

#endif
