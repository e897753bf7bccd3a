/*
 * Every kind of load and store, and DC ZVA, on memory that exits (the scratch device), as the same instruction does it on RAM.
 * First a table of instructions, with the accesses that have to arrive at the device, in their order; then generated
 * ones, of which nobody has said what they do: registers and bytes must come out as in RAM. With pages of every size, through
 * both halves of the address space, at EL1 and EL0, and with the MMU off. The mapping is Normal non-cacheable where an
 * access may be unaligned: a CPU refuses those on what stage 1 calls a device, before anybody could emulate them.
 */
#include "runtime/runtime.h"

/* Units of the address space: what is behind what matters where an access runs over an end. */
enum { SCRATCH_NC, HOLE, RAM_EL1, SCRATCH_DEVICE, RAM_EL0, CODE_EL0, SCRATCH_EL0, NOT_EL0 };
enum { MEMORY = 0x8000, COUNT = 0x8000, RECORDS = 0x9000, CONTEXT = 0x8000, AREA = 0x1000 };
enum { ROUNDS = 300, ROUNDS_MAIN = 2400 };
#define WRITE 0x100

static uint8_t ram[PAGING_UNIT] __attribute__((aligned(65536)));
static uint64_t scratch;

/* A way to use memory: who does it, and where scratch device and RAM are seen. */
struct view {
	const char *name;
	bool is_el0, is_mmu_off, is_aligned;
	uint64_t scratch, ram;
};

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t draw_word(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static unsigned below(unsigned bound) { return (draw_word() >> 20) % bound; }
static bool one_in(unsigned bound) { return below(bound) == 0; }

static struct context *context(void) { return (struct context *)(ram + CONTEXT); }

static void run(const struct view *view)
{
	if (!view->is_el0) {
		run_at_el1(context(), instruction_page, view->is_mmu_off);
		return;
	}
	uint64_t el0_code = PAGING_ALIAS(CODE_EL0);
	uint64_t svc = el0_code + (instruction_svc - instruction_code) * 4;
	run_at_el0((struct context *)(PAGING_ALIAS(RAM_EL0) + CONTEXT), (void *)el0_code, (void *)svc);
}

static uint64_t scratch64(uint64_t offset)
{
	uint64_t value;
	asm volatile("ldr %0, [%1]" : "=r"(value) : "r"(scratch + offset) : "memory");
	return value;
}

static uint64_t ram64(uint64_t offset) { return *(volatile uint64_t *)(ram + offset); }

static void fill(void)
{
	for (unsigned offset = 0; offset < AREA; offset += 8) {
		uint64_t value = draw_word();
		*(volatile uint64_t *)(ram + offset) = value;
		write64(scratch + offset, value);
	}
}

static void draw_registers(void)
{
	struct context *c = context();
	for (unsigned n = 0; n < 31; n++)
		c->x[n] = draw_word();
	for (unsigned n = 0; n < 32; n++)
		c->v[n][0] = draw_word(), c->v[n][1] = draw_word();
	c->sp = 0;
}

/* ---- A table: the instruction with x1 as its base, where x1 points, and what arrives: size, | WRITE for a write. ---- */

struct row {
	const char *text;
	uint32_t word;
	uint16_t offset;
	uint16_t accesses[17];
};

#define W(size) ((size) | WRITE)
static const struct row rows[] = {
	{ "ldp x2, x3, [x1]", 0xa9400c22, 0x100, { 8, 8 } },
	{ "stp x2, x3, [x1]", 0xa9000c22, 0x100, { W(8), W(8) } },
	{ "stp w2, w3, [x1, #4]!", 0x29808c22, 0x100, { W(4), W(4) } },
	{ "ldpsw x2, x3, [x1], #8", 0x68c10c22, 0x100, { 4, 4 } },
	{ "ldnp x2, x3, [x1, #16]", 0xa8410c22, 0x100, { 8, 8 } },
	{ "str w2, [x1], #4", 0xb8004422, 0x100, { W(4) } },
	{ "ldrb w2, [x1, #1]!", 0x38401c22, 0x100, { 1 } },
	{ "ldrsh x2, [x1], #2", 0x78802422, 0x100, { 2 } },
	{ "str b2, [x1]", 0x3d000022, 0x101, { W(1) } },
	{ "ldr s2, [x1, #4]", 0xbd400422, 0x100, { 4 } },
	{ "str q2, [x1]", 0x3d800022, 0x100, { W(8), W(8) } },
	{ "ldp q2, q3, [x1], #32", 0xacc10c22, 0x100, { 8, 8, 8, 8 } },
	{ "st1 {v2.4s}, [x1]", 0x4c007822, 0x100, { W(4), W(4), W(4), W(4) } },
	{ "ld2 {v2.2d, v3.2d}, [x1]", 0x4c408c22, 0x100, { 8, 8, 8, 8 } },
	{ "st3 {v2.h, v3.h, v4.h}[5], [x1]", 0x4d006822, 0x100, { W(2), W(2), W(2) } },
	{ "ld1r {v2.16b}, [x1], #1", 0x4ddfc022, 0x103, { 1 } },
	{ "str w2, [x1], #4, at an odd address", 0xb8004422, 0x101, { W(1), W(2), W(1) } },
	{ "stp x2, x3, [x1], between two words", 0xa9000c22, 0x104, { W(4), W(4), W(4), W(4) } },
};

static void check_row(const struct view *view, const struct row *row)
{
	draw_registers();
	context()->x[1] = view->scratch + row->offset;
	instruction_put(row->word);
	write64(scratch + COUNT, 0);
	run(view);
	uint64_t count = scratch64(COUNT);
	unsigned expected = 0;
	while (row->accesses[expected])
		expected++;
	bool right = count == expected;
	for (unsigned index = 0; right && index < expected; index++)
		right = (scratch64(RECORDS + 16 * index) >> 32) == row->accesses[index];
	if (right)
		return;
	check(false, "%s: %s: %u accesses arrived, not %u", view->name, row->text, (unsigned)count, expected);
	for (unsigned index = 0; index < count && index < 8; index++)
		print("  0x%lx\n", scratch64(RECORDS + 16 * index));
}

static void check_table(const struct view *view)
{
	unsigned before = failures, count = 0;
	for (unsigned index = 0; index < sizeof rows / sizeof *rows; index++) {
		if (view->is_aligned && index >= 16)
			continue;
		check_row(view, &rows[index]);
		count++;
	}
	check(failures == before, "%s: %u instructions, each in the accesses that it has to be", view->name, count);
}

/* ---- Generated instructions ---- */

struct generated {
	uint32_t word;
	unsigned base;         /* 31: SP */
	unsigned index;        /* register of the offset, 32: none */
	int64_t index_value;
	int64_t displacement;  /* from the base to the first byte */
	bool is_load;
	/* Of what hardware decodes itself: a load that extends a sign from this many bits. */
	unsigned signed_bits;
	unsigned data[2];      /* general registers that it moves, 32: none */
};

static unsigned other_than(unsigned a, unsigned b, unsigned c)
{
	unsigned n;
	do
		n = below(31);
	while (n == a || n == b || n == c);
	return n;
}

static int64_t sign_extend(uint64_t value, unsigned bits) { return (int64_t)(value << (64 - bits)) >> (64 - bits); }

static void draw_pair(struct generated *g)
{
	bool is_vector = one_in(2);
	unsigned opc = is_vector ? below(3) : (unsigned[]){ 0, 1, 2 }[below(3)];
	unsigned mode = below(4);
	g->is_load = one_in(2) || (!is_vector && opc == 1);
	if (!is_vector && opc == 1 && mode == 0)
		mode = 2;
	unsigned size = is_vector ? 4u << opc : opc == 2 ? 8 : 4;
	unsigned rt = other_than(g->base, 32, 32), rt2 = other_than(g->base, rt, 32);
	unsigned imm = below(128);
	g->word = 0x28000000 | opc << 30 | (unsigned)is_vector << 26 | mode << 23 | (unsigned)g->is_load << 22 | imm << 15 |
		  rt2 << 10 | g->base << 5 | rt;
	g->displacement = mode == 1 ? 0 : sign_extend(imm, 7) * size;
	if (!is_vector)
		g->data[0] = rt, g->data[1] = rt2;
}

static void draw_single(struct generated *g)
{
	bool is_vector = one_in(2);
	unsigned size, opc, scale;
	do {
		size = below(4), opc = below(4);
		scale = is_vector ? size + (opc & 2 ? 4 : 0) : size;
	} while (is_vector ? scale > 4 : (size == 3 && opc >= 2) || (size == 2 && opc == 3));
	g->is_load = is_vector ? opc & 1 : opc != 0;
	unsigned rt = other_than(g->base, 32, 32);
	g->word = 0x38000000 | size << 30 | (unsigned)is_vector << 26 | opc << 22 | g->base << 5 | rt;
	unsigned form = below(5), imm = below(512);
	if (form == 0) {
		imm = below(64);
		g->word |= 0x01000000 | imm << 10;
		g->displacement = (int64_t)imm << scale;
	} else if (form < 4) {
		/* Unscaled, post-index, pre-index. */
		g->word |= imm << 12 | (form == 1 ? 0 : form == 2 ? 1 : 3) << 10;
		g->displacement = form == 2 ? 0 : sign_extend(imm, 9);
	} else {
		unsigned option = (unsigned[]){ 2, 3, 6, 7 }[below(4)];
		bool is_shifted = one_in(2);
		g->index = other_than(g->base, rt, 32);
		int64_t value = option == 2 ? (int64_t)below(64) : sign_extend(below(128), 7);
		/* What lies above the word that is extended does not count. */
		g->index_value = option & 1 ? value : (int64_t)((uint64_t)value & 0xffffffff) | (int64_t)(draw_word() << 32);
		g->displacement = value * (is_shifted ? 1 << scale : 1);
		g->word |= 0x00200800 | g->index << 16 | option << 13 | (unsigned)is_shifted << 12;
	}
	if (!is_vector)
		g->data[0] = rt;
	if (!is_vector && opc >= 2 && form != 2 && form != 3)
		g->signed_bits = 8 << scale;
}

static void draw_structure(struct generated *g)
{
	static const uint8_t opcodes[] = { 0, 2, 4, 6, 7, 8, 10 };
	bool is_post = one_in(2), is_single = one_in(2);
	unsigned q = below(2), size = below(4), rm = is_post ? (one_in(2) ? 31 : other_than(g->base, 32, 32)) : 0;
	g->is_load = one_in(2);
	uint32_t word = (is_single ? 0x0d000000 : 0x0c000000) | q << 30 | (unsigned)is_post << 23 | (unsigned)g->is_load << 22 |
			rm << 16 | g->base << 5 | below(32);
	if (!is_single) {
		unsigned opcode = opcodes[below(7)];
		bool is_interleaved = opcode == 0 || opcode == 4 || opcode == 8;
		if (is_interleaved && !q && size == 3)
			size = 2;
		word |= opcode << 12 | size << 10;
	} else {
		unsigned scale = below(g->is_load ? 4 : 3), s = below(2);
		if (scale == 1)
			size &= 2;
		if (scale == 2)
			size = one_in(2), s = size ? 0 : s;
		if (scale == 3)
			s = 0;
		word |= below(2) << 21 | scale << 14 | below(2) << 13 | s << 12 | size << 10;
	}
	if (is_post && rm != 31)
		g->index = rm, g->index_value = draw_word();
	g->word = word;
}

static void draw(struct generated *g)
{
	*g = (struct generated){ .base = one_in(8) ? 31 : below(31), .index = 32, .data = { 32, 32 } };
	unsigned kind = below(16);
	if (kind < 5)
		draw_pair(g);
	else if (kind < 10)
		draw_single(g);
	else if (kind < 15)
		draw_structure(g);
	else {
		g->base = below(31);
		g->word = 0xd50b7420 | g->base;
	}
}

static uint64_t *base_register(struct context *c, unsigned base) { return base == 31 ? &c->sp : &c->x[base]; }

/*
 * KVM completes what hardware decodes, and before Linux has a fix for it, it extends the sign and then cuts the result to the
 * size of the access. That is no matter of ours, but worth a word.
 */
static unsigned signs_lost;

static void forgive_lost_sign(const struct generated *g, const struct context *in_ram, struct context *in_scratch)
{
	if (!g->signed_bits || in_scratch->x[g->data[0]] == in_ram->x[g->data[0]])
		return;
	uint64_t mask = ~0ull >> (64 - g->signed_bits);
	if (in_scratch->x[g->data[0]] != (in_ram->x[g->data[0]] & mask))
		return;
	in_scratch->x[g->data[0]] = in_ram->x[g->data[0]];
	signs_lost++;
}

static bool agrees(const struct generated *g, const struct context *in_ram, const struct context *in_scratch, uint64_t distance)
{
	bool is_overwritten = g->is_load && (g->data[0] == g->base || g->data[1] == g->base);
	for (unsigned n = 0; n < 31; n++)
		if (in_scratch->x[n] - in_ram->x[n] != (n == g->base && !is_overwritten ? distance : 0))
			return false;
	if (g->base == 31 && in_scratch->sp - in_ram->sp != distance)
		return false;
	for (unsigned n = 0; n < 32; n++)
		if (in_ram->v[n][0] != in_scratch->v[n][0] || in_ram->v[n][1] != in_scratch->v[n][1])
			return false;
	return true;
}

static void run_on(const struct view *view, const struct context *start, const struct generated *g, uint64_t address)
{
	struct context *c = context();
	copy_context(c, start);
	if (g->index < 31)
		c->x[g->index] = g->index_value;
	*base_register(c, g->base) = address - g->displacement;
	run(view);
}

static void check_generated(const struct view *view, unsigned rounds)
{
	static struct context start, in_ram;
	const struct view plain = { view->name, .is_el0 = view->is_el0 };
	unsigned before = failures;
	fill();
	for (unsigned round = 0; round < rounds && failures - before < 5; round++) {
		struct generated g;
		draw(&g);
		bool is_zva = g.word >> 5 == 0xd50b7420 >> 5;
		if (is_zva && view->is_aligned)
			continue;
		uint64_t offset = 0x200 + below(AREA - 0x400);
		if (view->is_aligned || one_in(2))
			offset &= ~15ull;
		/* A stack pointer has to be aligned. */
		if (g.base == 31)
			offset += (16 - (offset - g.displacement) % 16) % 16;
		if (view->is_aligned && offset % 16)
			continue;
		draw_registers();
		copy_context(&start, context());
		instruction_put(g.word);
		run_on(&plain, &start, &g, view->ram + offset);
		copy_context(&in_ram, context());
		run_on(view, &start, &g, view->scratch + offset);
		forgive_lost_sign(&g, &in_ram, context());
		bool right = agrees(&g, &in_ram, context(), view->scratch - view->ram);
		uint64_t from = (offset - 64) & ~7ull, wrong = 0;
		for (uint64_t at = from; at < from + 192 && !wrong; at += 8)
			if (ram64(at) != scratch64(at))
				wrong = at;
		if (!right || wrong)
			check(false, "%s: round %u, instruction 0x%x at 0x%lx: %s differ, 0x%lx", view->name, round, g.word, offset,
			      right ? "bytes" : "registers", wrong);
		if (wrong)
			fill();
	}
	unsigned wrong = 0;
	for (uint64_t at = 0; at < AREA; at += 8)
		wrong += ram64(at) != scratch64(at);
	check(failures == before && !wrong, "%s: %u generated instructions agree with RAM", view->name, rounds);
}

/* ---- What cannot be, and what runs over an end ---- */

static void check_abort(const struct view *view, const char *what, uint32_t word, uint64_t address, uint64_t far, unsigned status)
{
	draw_registers();
	uint64_t x2 = context()->x[2];
	context()->x[1] = address;
	instruction_put(word);
	unsigned before = aborts_skipped;
	aborts_are_skipped = true;
	run(view);
	aborts_are_skipped = false;
	bool is_there = aborts_skipped == before + 1;
	unsigned found = abort_syndrome & 0x3f;
	bool right = is_there && found == status && (!far || abort_address == far) && context()->x[2] == x2;
	check(right, "%s: %s: aborts=%u status=0x%x far=0x%lx", view->name, what, aborts_skipped - before, found, abort_address);
}

static void check_ends(const struct view *view, const struct view *el0)
{
	uint64_t end = view->scratch + PAGING_UNIT;
	enum { EXTERNAL = 0x10, TRANSLATION_3 = 0x07, PERMISSION_3 = 0x0f };
	check_abort(view, "ldxr is refused", 0x885f7c22, view->scratch + 0x100, 0, EXTERNAL);
	if (read_sysreg("id_aa64isar0_el1") >> 20 & 15)
		check_abort(view, "ldadd is refused", 0xb8230022, view->scratch + 0x100, 0, EXTERNAL);
	else
		skip("ldadd: this CPU has no LSE");
	check_abort(view, "a pair ends in a hole", 0xa9400c22, end - 8, end, TRANSLATION_3);
	uint64_t el0_end = el0->scratch + PAGING_UNIT;
	check_abort(el0, "a pair ends in memory of EL1", 0xa9400c22, el0_end - 8, el0_end, PERMISSION_3);
	/* From RAM into the device, which lies right behind it here. */
	uint64_t edge = PAGING_ALIAS(RAM_EL1) + PAGING_UNIT;
	draw_registers();
	context()->x[1] = edge - 8;
	uint64_t first = context()->x[2], second = context()->x[3];
	instruction_put(0xa9000c22); /* stp x2, x3, [x1] */
	run(view);
	check(ram64(PAGING_UNIT - 8) == first && scratch64(0) == second, "%s: a pair half in RAM, half in the device", view->name);
}

/* ---- What it costs ---- */

#define LOOPS 500
#define TIME(instruction) ({ \
	uint64_t start_ = counter(); \
	for (unsigned loop = 0; loop < LOOPS; loop++) \
		asm volatile(".arch armv8-a+fp+simd\n\t" instruction : : "r"(PAGING_ALIAS(SCRATCH_NC)) : "x2", "x3", "memory"); \
	(counter() - start_) * 1000000000 / frequency() / LOOPS; })

static void print_cost(void)
{
	uint64_t plain = TIME("ldr x2, [%0]"), pair = TIME("ldp x2, x3, [%0]"), vector = TIME("str q0, [%0]");
	print("COST one load %lu ns, a pair %lu ns, a store of a vector %lu ns\n", plain, pair, vector);
}

/* Registers of a device: with a register page their reads stay in the guest, and writes leave it all the same. */
static void check_uart(const struct view *view)
{
	draw_registers();
	context()->x[1] = uart + 0xfe0;
	instruction_put(0x29400c22); /* ldp w2, w3, [x1] */
	run(view);
	check(context()->x[2] == 0x11 && context()->x[3] == 0x10, "%s: a pair of the UART's id registers", view->name);
	context()->x[1] = uart + 0x24;
	context()->x[2] = 0x1234, context()->x[3] = 0x15;
	instruction_put(0x29000c22); /* stp w2, w3, [x1] */
	run(view);
	check(read32(uart + 0x24) == 0x1234 && read32(uart + 0x28) == 0x15, "%s: a pair of its rate registers", view->name);
}

static void use_pages(unsigned bits)
{
	paging_begin(bits);
	paging_map(SCRATCH_NC, scratch, PAGING_NONCACHEABLE, 0);
	paging_map(RAM_EL1, (uint64_t)ram, PAGING_NORMAL, 0);
	paging_map(SCRATCH_DEVICE, scratch, PAGING_DEVICE, 0);
	paging_map(SCRATCH_EL0, scratch, PAGING_NONCACHEABLE, PAGING_EL0);
	paging_map(RAM_EL0, (uint64_t)ram, PAGING_NORMAL, PAGING_EL0);
	paging_map(NOT_EL0, (uint64_t)ram, PAGING_NORMAL, 0);
	paging_map(CODE_EL0, (uint64_t)instruction_page, PAGING_NORMAL, PAGING_EL0 | PAGING_READ_ONLY);
	paging_enable();
}

void payload(void)
{
	uint64_t size;
	int node = fdt_compatible("orko,scratch");
	if (node < 0 || !fdt_reg(node, 0, &scratch, &size)) {
		check(false, "no scratch device in the device tree: set scratch-device to true");
		return;
	}
	instruction_open();
	/* DZE: EL0 may use DC ZVA. */
	write_sysreg("sctlr_el1", read_sysreg("sctlr_el1") | 1 << 14);
	isb();

	bool is_brief = bootargs_has("brief");
	static const struct { unsigned bits; const char *name; } granules[] = { { 12, "4K" }, { 14, "16K" }, { 16, "64K" } };
	for (unsigned index = 0; index < 3; index++) {
		if (!paging_has(granules[index].bits)) {
			skip("pages of %s: this CPU has none", granules[index].name);
			continue;
		}
		print("PAGES %s\n", granules[index].name);
		use_pages(granules[index].bits);
		const struct view low = { "EL1", .scratch = PAGING_ALIAS(SCRATCH_NC), .ram = (uint64_t)ram };
		const struct view high = { "EL1, TTBR1", .scratch = PAGING_HIGH(PAGING_ALIAS(SCRATCH_NC)), .ram = (uint64_t)ram };
		const struct view device = { "EL1, Device", .is_aligned = true, .scratch = PAGING_ALIAS(SCRATCH_DEVICE),
					     .ram = (uint64_t)ram };
		const struct view user = { "EL0", .is_el0 = true, .scratch = PAGING_ALIAS(SCRATCH_EL0),
					   .ram = PAGING_ALIAS(RAM_EL0) };
		check_table(&low);
		check_table(&high);
		check_table(&device);
		check_table(&user);
		check_uart(&low);
		check_ends(&low, &user);
		if (is_brief)
			continue;
		check_generated(&low, index == 0 ? ROUNDS_MAIN : ROUNDS);
		check_generated(&high, ROUNDS / 4);
		check_generated(&device, ROUNDS / 4);
		check_generated(&user, ROUNDS);
		print_cost();
	}
	const struct view off = { "MMU off", .is_mmu_off = true, .is_aligned = true, .scratch = scratch, .ram = (uint64_t)ram };
	print("PAGES none\n");
	check_table(&off);
	check_generated(&off, ROUNDS / 4);
	if (signs_lost)
		skip("%u loads that hardware decodes: this host's KVM lost the sign of what they loaded", signs_lost);
}
