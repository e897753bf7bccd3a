/* The copy of instruction.S whose one instruction changes. */
#include "runtime.h"

uint32_t instruction_page[PAGING_UNIT / 4] __attribute__((aligned(65536)));

static void show_to_fetches(const void *address)
{
	asm volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" : : "r"(address) : "memory");
}

void instruction_open(void)
{
	write_sysreg("cpacr_el1", 3ull << 20);
	isb();
	for (unsigned index = 0; instruction_code + index < instruction_end; index++)
		instruction_page[index] = instruction_code[index];
	for (unsigned index = 0; instruction_code + index < instruction_end; index += 4)
		show_to_fetches(instruction_page + index);
}

void instruction_put(uint32_t word)
{
	volatile uint32_t *slot = instruction_page + (instruction_slot - instruction_code);
	*slot = word;
	show_to_fetches((const void *)slot);
}

/* By words: a copy as C has it would be a call of the C library. */
void copy_context(struct context *to, const struct context *from)
{
	for (unsigned word = 0; word < sizeof *to / 8; word++)
		((volatile uint64_t *)to)[word] = ((const volatile uint64_t *)from)[word];
}
