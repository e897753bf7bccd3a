/*
 * The cost of one MMIO read, less an empty loop of the same shape: of the RTC's data register, or, told "bar", of the shared memory of
 * ivshmem (QEMU docs/specs/ivshmem-spec.rst) in its BAR 2, which was passed through. What does not exit is read for longer, and
 * says too what the loop itself took, which is more.
 */
#include "runtime/runtime.h"

enum { READS = 10000, ENOUGH_MS = 200 };
enum { IVSHMEM = 0x11101af4, SHARED_BAR = 2 };

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

static uint64_t rtc_address(void)
{
	uint64_t rtc, size;
	int node = fdt_compatible("arm,pl031");
	if (node >= 0 && fdt_reg(node, 0, &rtc, &size))
		return rtc;
	check(false, "no RTC in the device tree");
	return 0;
}

static uint64_t bar_address(void)
{
	uint64_t size;
	int devfn = pci_open() ? pci_find(IVSHMEM, 0) : -1;
	if (devfn < 0) {
		check(false, "no ivshmem on the PCI bus");
		return 0;
	}
	uint64_t shared = pci_place((unsigned)devfn, SHARED_BAR, &size);
	pci_write((unsigned)devfn, PCI_COMMAND, 2, PCI_MEMORY);
	return shared;
}

void payload(void)
{
	uint64_t address = bootargs_has("bar") ? bar_address() : rtc_address();
	if (!address)
		return;
	unsigned reads = 0;
	uint64_t empty = 0, full = 0;
	do {
		empty += loop_ticks(address, true);
		full += loop_ticks(address, false);
		reads += READS;
	} while (full < frequency() / 1000 * ENOUGH_MS);
	print("MMIO-STORM reads=%u ticks=%lu loop=%lu freq=%lu\n", reads, full - empty, empty, frequency());
	check(full > empty, "%lu ns a read", (full - empty) * 1000 / reads * 1000000 / frequency());
}
