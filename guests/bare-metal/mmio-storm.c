/* The cost of one MMIO read exit: the RTC's data register read 10,000 times, less an empty loop of the same shape. */
#include "runtime/runtime.h"

enum { READS = 10000 };

static uint64_t loop_ticks(uint64_t address, bool is_empty)
{
	uint64_t start = counter();
	for (unsigned read = 0; read < READS; read++) {
		if (is_empty)
			asm volatile("" : : "r"(address) : "memory");
		else
			read32(address);
	}
	return counter() - start;
}

void payload(void)
{
	uint64_t rtc, size;
	int node = fdt_compatible("arm,pl031");
	if (node < 0 || !fdt_reg(node, 0, &rtc, &size)) {
		check(false, "no RTC in the device tree");
		return;
	}
	uint64_t empty = loop_ticks(rtc, true);
	uint64_t full = loop_ticks(rtc, false);
	print("MMIO-STORM reads=%u ticks=%lu freq=%lu\n", READS, full - empty, frequency());
	check(full > empty, "%lu ns a read", (full - empty) * 1000 / READS * 1000000 / frequency());
}
