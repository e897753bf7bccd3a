/*
 * Accesses that device memory does not take, those that are not aligned, on the memory of an ivshmem that was passed through (BAR 2, filled
 * by the other side with the bytes of `pattern`). Each is the first one to a fresh page. Where the guest's own tables say that it is a
 * device, the guest takes the alignment fault. Where they say Normal and the host's say device, what the BAR's policy promises: with the word
 * "inject" among the boot arguments the same fault, else what the instruction does to RAM. Says what the memory holds afterwards. With an
 * edu instead it writes unaligned words, for somebody who watches the bus.
 */
#include "runtime/runtime.h"

enum { EDU = 0x11e81234, IVSHMEM = 0x11101af4, BAR_BYTES = 1 << 20, PAGE = 4096 };
/* Units of the address space: the BAR, of which each view has two, then what EL0 needs, and the end of what is mapped. */
enum { VIEWS = 4, VIEW_UNITS = 2, RAM_EL0 = VIEWS * VIEW_UNITS, CODE_EL0, EDGE, HOLE };
/* In `ram`: two pages as the instruction finds them in the BAR, then its registers. */
enum { CONTEXT = 2 * PAGE };
enum { EDU_DMA_SOURCE = 0x80, TRACED = 4, TIMED = 100 };
/* The interrupt by which the second CPU says that it is done. */
enum { DONE = 1 };
enum { UART_FR = 0x18, UART_RX_EMPTY = 1 << 4 };
#define ESR_ALIGNMENT 0x2000021ull
#define ESR_WRITE (1 << 6)
/* A write to what no entry of the last level maps. */
#define ESR_EDGE 0x96000047

static uint8_t ram[PAGING_UNIT] __attribute__((aligned(65536)));
static uint64_t shared;
static volatile bool is_done;
static uint64_t first_mpidr;

struct view {
	const char *name;
	unsigned attribute;
	bool is_el0;
};

/* The one that is a device to the guest comes first: it does not need a policy. */
static const struct view views[VIEWS] = {
	{ "Device", .attribute = PAGING_DEVICE },
	{ "Normal non-cacheable", .attribute = PAGING_NONCACHEABLE },
	{ "Normal write-back", .attribute = PAGING_NORMAL },
	{ "EL0", .attribute = PAGING_NONCACHEABLE, .is_el0 = true },
};

/* An instruction with x1 as its base, and where in a page x1 points. */
struct row {
	const char *text;
	uint32_t word;
	uint16_t offset;
	bool is_store;
};

static const struct row rows[] = {
	{ "str w2, [x1]", 0xb9000022, 0x101, true },
	{ "ldr w2, [x1]", 0xb9400022, 0x203, false },
	{ "strh w2, [x1]", 0x79000022, 0x301, true },
	{ "ldrsw x2, [x1], #4", 0xb8804422, 0x105, false },
	{ "ldr x2, [x1], #8", 0xf8408422, 0x404, false },
	{ "str x2, [x1], into the next page", 0xf9000022, 0xffd, true },
	{ "ldr x2, [x1], into the next page", 0xf9400022, 0xffb, false },
	{ "stp x2, x3, [x1]", 0xa9000c22, 0x104, true },
	{ "ldp w2, w3, [x1]", 0x29400c22, 0x102, false },
	{ "str q2, [x1]", 0x3d800022, 0x201, true },
	{ "ldp q2, q3, [x1], #32", 0xacc10c22, 0x301, false },
	{ "st1 {v2.4s}, [x1]", 0x4c007822, 0x101, true },
};

/* The byte at an offset in the BAR before anybody wrote there (test/nested/device-faults.test.ts has the same). */
static uint8_t pattern(unsigned offset) { return (uint8_t)(offset * 31 + (offset >> 12) * 17); }

static struct context *context(void) { return (struct context *)(ram + CONTEXT); }

static void run(const struct view *view)
{
	if (!view->is_el0) {
		run_at_el1(context(), instruction_page, false);
		return;
	}
	uint64_t code = PAGING_ALIAS(CODE_EL0);
	uint64_t svc = code + (instruction_svc - instruction_code) * 4;
	run_at_el0((struct context *)(PAGING_ALIAS(RAM_EL0) + CONTEXT), (void *)code, (void *)svc);
}

static void set_registers(struct context *c, uint64_t base)
{
	for (unsigned n = 0; n < 31; n++)
		c->x[n] = (n + 1) * 0x9e3779b97f4a7c15;
	for (unsigned n = 0; n < 32; n++)
		c->v[n][0] = (n + 1) * 0xc2b2ae3d27d4eb4f, c->v[n][1] = (n + 1) * 0x165667b19e3779f9ull;
	c->sp = 0;
	c->x[1] = base;
}

/* The number of registers in which two states differ, x1 by what its base differs. */
static unsigned differences(const struct context *a, uint64_t base_a, const struct context *b, uint64_t base_b)
{
	unsigned count = a->x[1] - base_a != b->x[1] - base_b;
	for (unsigned n = 0; n < 31; n++)
		count += n != 1 && a->x[n] != b->x[n];
	for (unsigned n = 0; n < 32; n++)
		count += a->v[n][0] != b->v[n][0] || a->v[n][1] != b->v[n][1];
	return count;
}

/* In how many words the BAR is not as `ram`, there and around. */
static unsigned wrong_words(unsigned offset, unsigned near)
{
	unsigned count = 0;
	for (unsigned at = (near & ~7u) - 32; at < near + 64; at += 8) {
		uint64_t value;
		asm volatile("ldr %0, [%1]" : "=r"(value) : "r"(shared + offset + at) : "memory");
		count += value != *(volatile uint64_t *)(ram + at);
	}
	return count;
}

static void check_row(const struct view *view, const struct row *row)
{
	static struct context start, after;
	unsigned offset = (unsigned)(view - views) * VIEW_UNITS * PAGING_UNIT + (unsigned)(row - rows) * 2 * PAGE;
	uint64_t base = PAGING_ALIAS(0) + offset + row->offset;
	for (unsigned at = 0; at < 2 * PAGE; at++)
		((volatile uint8_t *)ram)[at] = pattern(offset + at);
	set_registers(context(), base);
	copy_context(&start, context());
	instruction_put(row->word);
	aborts_skipped = 0;
	aborts_are_skipped = true;
	run(view);
	aborts_are_skipped = false;
	copy_context(&after, context());
	unsigned aborts = aborts_skipped;
	bool is_refused = view->attribute == PAGING_DEVICE || bootargs_has("inject");
	uint64_t reference = base;
	copy_context(context(), &start);
	if (!is_refused) {
		reference = (view->is_el0 ? PAGING_ALIAS(RAM_EL0) : (uint64_t)ram) + row->offset;
		context()->x[1] = reference;
		run(view);
	} else if (aborts == 1) {
		uint64_t expected = ESR_ALIGNMENT | (view->is_el0 ? 0x24ull : 0x25ull) << 26 | (row->is_store ? ESR_WRITE : 0);
		check(abort_syndrome == expected && abort_address == base, "%s: %s: ESR_EL1 0x%lx, FAR_EL1 0x%lx for 0x%lx",
		      view->name, row->text, abort_syndrome, abort_address, base);
	}
	unsigned registers = differences(&after, base, context(), reference), words = wrong_words(offset, row->offset);
	check(aborts == is_refused && registers == 0 && words == 0, "%s: %s: %u aborts, %u registers and %u words not as they have to be",
	      view->name, row->text, aborts, registers, words);
	for (unsigned at = row->offset & ~7u; at < row->offset + 16u; at += 8)
		print("HOLDS %x %lx\n", offset + at, *(volatile uint64_t *)(ram + at));
}

/* A store that runs over the end of what is mapped, where another does what cannot be done at once: the guest's own page fault. */
static void check_edge(void)
{
	uint64_t at = PAGING_ALIAS(HOLE) - 3, before, after;
	asm volatile("ldr %0, [%1]" : "=r"(before) : "r"(shared + BAR_BYTES - 8) : "memory");
	aborts_skipped = 0;
	aborts_are_skipped = true;
	write64(at, 0);
	aborts_are_skipped = false;
	asm volatile("ldr %0, [%1]" : "=r"(after) : "r"(shared + BAR_BYTES - 8) : "memory");
	check(aborts_skipped == 1 && abort_syndrome == ESR_EDGE && abort_address == PAGING_ALIAS(HOLE) && before == after,
	      "over the edge: %u aborts, ESR_EL1 0x%lx, FAR_EL1 0x%lx, and the memory holds %lx as before", aborts_skipped,
	      abort_syndrome, abort_address, after);
}

#define TIME(address) ({ \
	uint64_t start_ = counter(); \
	for (unsigned round_ = 0; round_ < TIMED; round_++) \
		read32(address); \
	(counter() - start_) * 1000000000 / TIMED / frequency(); })

/* Of two pages that nobody has used. */
static void print_cost(void)
{
	uint64_t pages = PAGING_ALIAS(VIEW_UNITS) + VIEW_UNITS * PAGING_UNIT - 2 * PAGE;
	uint64_t aligned = TIME(pages), unaligned = TIME(pages + PAGE + 1);
	print("COST an aligned load %lu ns, an unaligned one %lu ns\n", aligned, unaligned);
}

static void use_pages(void)
{
	paging_begin(12);
	for (unsigned unit = 0; unit < VIEWS * VIEW_UNITS; unit++) {
		const struct view *view = &views[unit / VIEW_UNITS];
		paging_map(unit, shared + unit * PAGING_UNIT, view->attribute, view->is_el0 ? PAGING_EL0 : 0);
	}
	paging_map(RAM_EL0, (uint64_t)ram, PAGING_NORMAL, PAGING_EL0);
	paging_map(CODE_EL0, (uint64_t)instruction_page, PAGING_NORMAL, PAGING_EL0 | PAGING_READ_ONLY);
	paging_map(EDGE, shared + BAR_BYTES - PAGING_UNIT, PAGING_NONCACHEABLE, 0);
	paging_enable();
}

static void check_views(unsigned cpu)
{
	instruction_open();
	use_pages();
	print("CPU %u\n", cpu);
	for (unsigned index = 0; index < VIEWS; index++) {
		if (index > 0 && bootargs_has("own"))
			break;
		for (unsigned row = 0; row < sizeof rows / sizeof *rows; row++)
			check_row(&views[index], &rows[row]);
	}
}

static void check_on_second(unsigned cpu)
{
	check_views(cpu);
	is_done = true;
	gic_open_cpu();
	gic_send_sgi(DONE, first_mpidr, 0);
}

/* The first CPU sleeps meanwhile. */
static void use_second(void)
{
	gic_open();
	gic_enable(DONE);
	first_mpidr = read_sysreg("mpidr_el1");
	check(start_cpu(1, check_on_second) == 0, "there is a second CPU");
	while (!is_done)
		wfi();
}

/* Between two of its registers: a half goes into each. */
static void write_words(unsigned devfn)
{
	uint64_t size, edu = pci_place(devfn, 0, &size);
	pci_write(devfn, PCI_COMMAND, 2, PCI_MEMORY);
	paging_begin(12);
	paging_map(0, edu, PAGING_NONCACHEABLE, 0);
	paging_enable();
	for (unsigned round = 0; round < TRACED; round++)
		write64(PAGING_ALIAS(0) + EDU_DMA_SOURCE + 4, 0x1111111122222220 + round);
	check(true, "%u words are written", TRACED);
}

void payload(void)
{
	bool is_open = pci_open();
	int devfn = is_open ? pci_find(EDU, 0) : -1;
	uint64_t size;
	if (devfn >= 0) {
		write_words((unsigned)devfn);
		return;
	}
	devfn = is_open ? pci_find(IVSHMEM, 0) : -1;
	if (devfn < 0) {
		check(false, "there is no ivshmem");
		return;
	}
	shared = pci_place((unsigned)devfn, 2, &size);
	pci_write((unsigned)devfn, PCI_COMMAND, 2, PCI_MEMORY);
	if (size != BAR_BYTES) {
		check(false, "its memory has %lu bytes", size);
		return;
	}
	if (bootargs_has("second"))
		use_second();
	else
		check_views(0);
	if (bootargs_has("edge"))
		check_edge();
	if (bootargs_has("cost"))
		print_cost();
	print("HOLDING\n");
	while (read32(uart + UART_FR) & UART_RX_EMPTY)
		relax();
}
