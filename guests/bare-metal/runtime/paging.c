/*
 * Address spaces of 36 bits with pages of 4, 16 or 64 KiB: memory below 64 GiB as it lies, the first GiB as devices; and from
 * PAGING_ALIASES on what a payload maps there, in steps of 64 KiB, which every page size divides. TTBR1 has the same table.
 */
#include "runtime.h"

enum { TOP_ENTRIES = 2048, LEAF_ENTRIES = 8192, ADDRESS_BITS = 36 };
#define VALID 1ull
#define TABLE 2ull
#define ACCESSED (1ull << 10)
#define INNER_SHAREABLE (3ull << 8)
#define EXECUTE_NEVER (3ull << 53)
#define ATTRIBUTE(index) ((uint64_t)(index) << 2)
/* Attribute 0 Device-nGnRE, 1 Normal write-back, 2 Normal non-cacheable. */
#define MAIR 0x44ff04

/* Two of each: while the ones are filled the others are in use. */
static uint64_t tops[2][TOP_ENTRIES] __attribute__((aligned(16384)));
static uint64_t middles[2][512] __attribute__((aligned(4096)));
static uint64_t leaves[2][LEAF_ENTRIES] __attribute__((aligned(65536)));
static uint64_t *top, *middle, *leaf;
static unsigned page_bits, filled;

extern void switch_tables(uint64_t ttbr, uint64_t tcr, uint64_t mair);

bool paging_has(unsigned bits)
{
	uint64_t features = read_sysreg("id_aa64mmfr0_el1");
	unsigned small = features >> 28 & 15, medium = features >> 20 & 15, large = features >> 24 & 15;
	return bits == 12 ? small != 15 : bits == 14 ? medium != 0 : large != 15;
}

void paging_begin(unsigned bits)
{
	page_bits = bits;
	filled ^= 1;
	top = tops[filled], middle = middles[filled], leaf = leaves[filled];
	for (unsigned index = 0; index < LEAF_ENTRIES; index++)
		leaf[index] = 0;
	unsigned shift = bits == 12 ? 30 : bits + bits - 3;
	for (unsigned index = 0; index < 1u << (ADDRESS_BITS - shift) && index < TOP_ENTRIES; index++) {
		uint64_t address = (uint64_t)index << shift;
		bool is_device = address < 1ull << 30;
		top[index] = address >= PAGING_ALIASES ? 0
			: address | VALID | ACCESSED | INNER_SHAREABLE | ATTRIBUTE(!is_device) | (is_device ? EXECUTE_NEVER : 0);
	}
	top[PAGING_ALIASES >> shift] = (uint64_t)(bits == 12 ? middle : leaf) | VALID | TABLE;
	middle[0] = (uint64_t)leaf | VALID | TABLE;
}

void paging_map(unsigned unit, uint64_t address, unsigned attribute, uint64_t flags)
{
	uint64_t page = 1ull << page_bits;
	for (uint64_t offset = 0; offset < PAGING_UNIT; offset += page)
		leaf[(unit * PAGING_UNIT + offset) >> page_bits] =
			(address + offset) | VALID | TABLE | ACCESSED | INNER_SHAREABLE | ATTRIBUTE(attribute) | flags;
}

void paging_enable(void)
{
	/* TG0 and TG1 name the page sizes in different ways. */
	uint64_t tg0 = page_bits == 12 ? 0 : page_bits == 14 ? 2 : 1;
	uint64_t tg1 = page_bits == 12 ? 2 : page_bits == 14 ? 1 : 3;
	uint64_t half = (64 - ADDRESS_BITS) | 1 << 8 | 1 << 10 | 3 << 12;
	dsb();
	switch_tables((uint64_t)top, half | tg0 << 14 | half << 16 | tg1 << 30 | 2ull << 32, MAIR);
}
