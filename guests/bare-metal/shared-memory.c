/*
 * Shared memory of the first virtio device (virtio 1.4 §2.10, §4.2.2), which a test's back-end shows and takes back: after each
 * WAIT line it does so. Region 3 has 16 pages of 64 KiB; the first word of what is shown is VALUE + its page.
 */
#include "runtime/runtime.h"

enum { SHM_SEL = 0xac, SHM_LEN = 0xb0, SHM_BASE = 0xb8, STATUS = 0x70, FEATURES_SEL = 0x24, FEATURES = 0x20 };
enum { REGION = 3, PAGE = 65536, PAGES = 16, NO_REGION = 99, WAIT_MS = 60000 };
enum { VALUE = 0x600d0000, WRITTEN = 0x12345678 };
enum { DRIVER_OK = 4, UP_TO_FEATURES_OK = 0xb };

static uint64_t device, base;

static uint64_t read_pair(unsigned offset)
{
	return read32(device + offset) | (uint64_t)read32(device + offset + 4) << 32;
}

static uint32_t at(unsigned page) { return read32(base + (uint64_t)page * PAGE); }

static void drive(void)
{
	write32(device + STATUS, 1);
	write32(device + STATUS, 3);
	write32(device + FEATURES_SEL, 1);
	write32(device + FEATURES, 1);
	write32(device + STATUS, UP_TO_FEATURES_OK);
	write32(device + STATUS, UP_TO_FEATURES_OK | DRIVER_OK);
	check(read32(device + STATUS) == (UP_TO_FEATURES_OK | DRIVER_OK), "status=0x%x", read32(device + STATUS));
}

void payload(void)
{
	uint64_t size;
	int node = fdt_compatible("virtio,mmio");
	if (node < 0 || !fdt_reg(node, 0, &device, &size)) {
		check(false, "no virtio device in the device tree");
		return;
	}
	write32(device + SHM_SEL, NO_REGION);
	check(read_pair(SHM_LEN) == ~0ull && read_pair(SHM_BASE) == ~0ull, "no such region");
	write32(device + SHM_SEL, REGION);
	base = read_pair(SHM_BASE);
	check(read_pair(SHM_LEN) == PAGE * PAGES, "region of 0x%lx at 0x%lx", read_pair(SHM_LEN), base);

	write32(base, WRITTEN);
	check(at(0) == 0, "nothing is shown: 0x%x", at(0));
	aborts_are_skipped = true;
	uint64_t low = 0, high = 0;
	asm volatile("ldp %0, %1, [%2]" : "+r"(low), "+r"(high) : "r"(base) : "memory");
	aborts_are_skipped = false;
	check(!low && !high, "a pair where nothing is shown is 0: 0x%lx 0x%lx, aborts=%u", low, high, aborts_skipped);

	print("WAIT show\n");
	check(wait_until(at(0) == VALUE, WAIT_MS), "page 0 is shown: 0x%x", at(0));
	write32(base + 4, WRITTEN);
	check(read32(base + 4) == WRITTEN, "page 0 can be written");
	check(at(1) == 0, "page 1 is not shown: 0x%x", at(1));

	print("WAIT show read-only\n");
	check(wait_until(at(5) == VALUE + 5, WAIT_MS), "page 5 is shown: 0x%x", at(5));
	write32(base + 5 * PAGE, WRITTEN);
	check(at(5) == VALUE + 5, "page 5 cannot be written: 0x%x", at(5));

	print("WAIT take back\n");
	check(wait_until(at(0) == 0, WAIT_MS), "page 0 is taken back: 0x%x", at(0));
	check(at(5) == VALUE + 5, "page 5 is still shown: 0x%x", at(5));

	drive();
	check(at(5) == VALUE + 5, "page 5 stays for the driver: 0x%x", at(5));
	write32(device + STATUS, 0);
	check(at(5) == 0, "nothing is shown after a reset: 0x%x", at(5));

	print("WAIT show again\n");
	check(wait_until(at(0) == VALUE, WAIT_MS), "page 0 is shown again: 0x%x", at(0));
	print("WAIT end\n");
	check(wait_until(at(0) == 0, WAIT_MS), "nothing is shown of a back-end that is gone: 0x%x", at(0));
}
