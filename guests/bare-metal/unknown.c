/*
 * Touches more than 64 places of which no device is known, in every size, unaligned, with instructions that leave a
 * hypervisor no valid syndrome (pairs, write-back, DC ZVA). What comes back is the machine's affair (zero, or an external abort that
 * is skipped here): the virtual machine has to survive, or end with a sentence.
 */
#include "runtime/runtime.h"

/* Between the pvpanic device and the virtio-mmio slots of the memory map (0x090F_0000 and 0x0A00_0000) nothing is. */
#define HOLE 0x09800000ull
enum { PLACES = 100, STEP = 0x1000 };

static uint64_t nonzero;

static void read_sizes(uint64_t address)
{
	uint64_t value = 0;
	asm volatile("ldrb %w0, [%1]" : "+r"(value) : "r"(address) : "memory");
	nonzero |= value;
	value = 0;
	asm volatile("ldrh %w0, [%1, #2]" : "+r"(value) : "r"(address) : "memory");
	nonzero |= value;
	value = 0;
	asm volatile("ldr %w0, [%1, #4]" : "+r"(value) : "r"(address) : "memory");
	nonzero |= value;
	value = 0;
	asm volatile("ldr %0, [%1, #8]" : "+r"(value) : "r"(address) : "memory");
	nonzero |= value;
}

static void write_sizes(uint64_t address)
{
	asm volatile("strb %w0, [%1]" : : "r"(1), "r"(address) : "memory");
	asm volatile("strh %w0, [%1, #2]" : : "r"(2), "r"(address) : "memory");
	asm volatile("str %w0, [%1, #4]" : : "r"(3), "r"(address) : "memory");
	asm volatile("str %0, [%1, #8]" : : "r"(4ull), "r"(address) : "memory");
}

static void report(const char *what, unsigned before)
{
	check(true, "survived %s, aborts=%u", what, aborts_skipped - before);
}

static void without_syndrome(void)
{
	unsigned before = aborts_skipped;
	uint64_t low = 0, high = 0, address = HOLE;
	asm volatile("ldp %0, %1, [%2]" : "+r"(low), "+r"(high) : "r"(address) : "memory");
	report("ldp", before);
	before = aborts_skipped;
	asm volatile("stp %0, %1, [%2]" : : "r"(low), "r"(high), "r"(address) : "memory");
	report("stp", before);
	before = aborts_skipped;
	asm volatile("ldr %w0, [%1], #4" : "+r"(low), "+r"(address) : : "memory");
	report("ldr with write-back", before);
	before = aborts_skipped;
	address = HOLE;
	asm volatile("dc zva, %0" : : "r"(address) : "memory");
	report("dc zva", before);
}

void payload(void)
{
	aborts_are_skipped = true;
	unsigned before = aborts_skipped;
	for (unsigned place = 0; place < PLACES; place++) {
		read_sizes(HOLE + place * STEP);
		write_sizes(HOLE + place * STEP);
	}
	report("every size in 100 places", before);
	check(!nonzero, "unknown places read as zero");

	before = aborts_skipped;
	uint64_t value = 0;
	asm volatile("ldr %w0, [%1, #1]" : "+r"(value) : "r"(HOLE) : "memory");
	asm volatile("strh %w0, [%1, #3]" : : "r"(value), "r"(HOLE) : "memory");
	report("unaligned accesses", before);

	before = aborts_skipped;
	asm volatile("strb %w0, [%1, #0xe00]" : : "r"(0), "r"(uart) : "memory");
	asm volatile("ldrh %w0, [%1, #0xe02]" : "+r"(value) : "r"(uart) : "memory");
	report("odd sizes at unused offsets of a device", before);

	if (bootargs_has("nisv"))
		without_syndrome();
	else
		skip("accesses without a syndrome: add nisv to the boot arguments");
}
