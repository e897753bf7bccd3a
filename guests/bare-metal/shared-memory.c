/*
 * Shared memory of the first virtio device, on mmio or on pci (virtio 1.4 §2.10, §4.2.2, §4.1.4.7), which a test's back-end shows and
 * takes back: after each WAIT line it does so. Region 3 has 16 pages of 64 KiB; the first word of what is shown is VALUE + its page.
 */
#include "runtime/runtime.h"

enum { SHM_SEL = 0xac, SHM_LEN = 0xb0, SHM_BASE = 0xb8, STATUS = 0x70, FEATURES_SEL = 0x24, FEATURES = 0x20 };
/* On pci: the common configuration structure, where our functions have it, and a capability of the vendor. */
enum { PCI_ID = 0x106a1af4, FEATURES_SEL_PCI = 0x08, FEATURES_PCI = 0x0c, STATUS_PCI = 0x14 };
enum { CAP_VENDOR = 9, CAP_NEXT = 1, CAP_TYPE = 3, CAP_BAR = 4, CAP_ID = 5, CAP_OFFSET = 8, CAP_LENGTH = 12, SHARED_MEMORY = 8 };
enum { REGION = 3, PAGE = 65536, PAGES = 16, NO_REGION = 99, WAIT_MS = 60000 };
enum { VALUE = 0x600d0000, WRITTEN = 0x12345678 };
enum { DRIVER_OK = 4, UP_TO_FEATURES_OK = 0xb };

static uint64_t device, base;

static uint64_t read_pair(unsigned offset)
{
	return read32(device + offset) | (uint64_t)read32(device + offset + 4) << 32;
}

static uint32_t at(unsigned page) { return read32(base + (uint64_t)page * PAGE); }

static bool is_pci;
static int function;

static void set_status(uint32_t status)
{
	if (is_pci)
		write8(device + STATUS_PCI, (uint8_t)status);
	else
		write32(device + STATUS, status);
}

static uint32_t status(void) { return is_pci ? read8(device + STATUS_PCI) : read32(device + STATUS); }

static void drive(void)
{
	set_status(1);
	set_status(3);
	write32(device + (is_pci ? FEATURES_SEL_PCI : FEATURES_SEL), 1);
	write32(device + (is_pci ? FEATURES_PCI : FEATURES), 1);
	set_status(UP_TO_FEATURES_OK);
	set_status(UP_TO_FEATURES_OK | DRIVER_OK);
	check(status() == (UP_TO_FEATURES_OK | DRIVER_OK), "status=0x%x", status());
}

static bool find_on_mmio(void)
{
	uint64_t size;
	int node = fdt_compatible("virtio,mmio");
	if (node < 0 || !fdt_reg(node, 0, &device, &size))
		return false;
	write32(device + SHM_SEL, NO_REGION);
	check(read_pair(SHM_LEN) == ~0ull && read_pair(SHM_BASE) == ~0ull, "no such region");
	write32(device + SHM_SEL, REGION);
	base = read_pair(SHM_BASE);
	check(read_pair(SHM_LEN) == PAGE * PAGES, "region of 0x%lx at 0x%lx", read_pair(SHM_LEN), base);
	return true;
}

static bool find_on_pci(void)
{
	uint64_t size;
	if (!pci_open() || (function = pci_find(PCI_ID, 0)) < 0)
		return false;
	is_pci = true;
	device = pci_place(function, 0, &size);
	unsigned capability = pci_capability(function, CAP_VENDOR), regions = 0;
	for (; capability; capability = pci_read(function, capability + CAP_NEXT, 1)) {
		if (pci_read(function, capability, 1) != CAP_VENDOR || pci_read(function, capability + CAP_TYPE, 1) != SHARED_MEMORY)
			continue;
		check(pci_read(function, capability + CAP_ID, 1) == REGION, "region %u", pci_read(function, capability + CAP_ID, 1));
		uint64_t bar = pci_place(function, pci_read(function, capability + CAP_BAR, 1), &size);
		base = bar + pci_read(function, capability + CAP_OFFSET, 4);
		check(pci_read(function, capability + CAP_LENGTH, 4) == PAGE * PAGES, "region of 0x%x at 0x%lx", PAGE * PAGES, base);
		regions++;
	}
	check(regions == 1, "%u regions", regions);
	pci_write(function, PCI_COMMAND, 2, PCI_MEMORY | PCI_MASTER);
	return true;
}

/* What is shown goes with the BAR. */
static void move(void)
{
	uint64_t size, old = base;
	pci_write(function, PCI_COMMAND, 2, PCI_MASTER);
	check(at(5) != VALUE + 5, "without memory decoding nothing is there: 0x%x", at(5));
	base = pci_place(function, 2, &size);
	pci_write(function, PCI_COMMAND, 2, PCI_MEMORY | PCI_MASTER);
	check(base != old && at(5) == VALUE + 5, "page 5 has moved with its BAR: 0x%x", at(5));
	check(read32(old + 5 * PAGE) != VALUE + 5, "and is not where it was: 0x%x", read32(old + 5 * PAGE));
}

void payload(void)
{
	if (!find_on_mmio() && !find_on_pci()) {
		check(false, "no virtio device in the device tree");
		return;
	}

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

	if (is_pci)
		move();
	drive();
	check(at(5) == VALUE + 5, "page 5 stays for the driver: 0x%x", at(5));
	set_status(0);
	check(at(5) == 0, "nothing is shown after a reset: 0x%x", at(5));

	print("WAIT show again\n");
	check(wait_until(at(0) == VALUE, WAIT_MS), "page 0 is shown again: 0x%x", at(0));
	print("WAIT end\n");
	check(wait_until(at(0) == 0, WAIT_MS), "nothing is shown of a back-end that is gone: 0x%x", at(0));
}
