/* Writes and reads back the first page of RAM, 4 GiB ± one page, both as an address and as a distance, and the last page. */
#include "runtime/runtime.h"

enum { PAGE = 4096, PAGES_MAX = 16 };

static uint64_t base, size;
static uint64_t pages[PAGES_MAX];
static unsigned count;

extern uint8_t _start[], __stacks_end[];

static bool overlaps(uint64_t page, uint64_t start, uint64_t end) { return page < end && page + PAGE > start; }

static void add(uint64_t page)
{
	bool is_ram = page >= base && page <= base + size - PAGE;
	if (!is_ram || overlaps(page, (uint64_t)_start, (uint64_t)__stacks_end) ||
	    overlaps(page, fdt_address(), fdt_address() + fdt_bytes())) {
		skip("page at 0x%lx: %s", page, is_ram ? "in use" : "not RAM");
		return;
	}
	for (unsigned index = 0; index < count; index++)
		if (pages[index] == page)
			return;
	pages[count++] = page;
}

/* Every word depends on its address, so that two addresses of one page of memory are noticed. */
static uint64_t pattern(uint64_t address) { return address * 0x9e3779b97f4a7c15; }

void payload(void)
{
	if (!fdt_reg(fdt_node("memory"), 0, &base, &size)) {
		check(false, "no memory in the device tree");
		return;
	}
	print("RAM base=0x%lx size=0x%lx\n", base, size);
	const uint64_t edge = 1ull << 32;
	add(base);
	add(edge - PAGE);
	add(edge);
	add(base + edge - PAGE);
	add(base + edge);
	add(base + size - PAGE);
	for (unsigned index = 0; index < count; index++)
		for (uint64_t word = pages[index]; word < pages[index] + PAGE; word += 8)
			*(volatile uint64_t *)word = pattern(word);
	for (unsigned index = 0; index < count; index++) {
		unsigned wrong = 0;
		for (uint64_t word = pages[index]; word < pages[index] + PAGE; word += 8)
			wrong += *(volatile uint64_t *)word != pattern(word);
		check(!wrong, "page at 0x%lx, wrong words=%u", pages[index], wrong);
	}
}
