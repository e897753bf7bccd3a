/* Bus 0 behind a generic ECAM host bridge (Linux Documentation/devicetree/bindings/pci/host-generic-pci.yaml). */
#include "runtime.h"

enum { FUNCTIONS = 256, STATUS = 0x6, BARS = 0x10, CAPABILITIES = 0x34, PIN = 0x3d };
enum { STATUS_CAPABILITIES = 1 << 4, MEMORY_64 = 1 << 2 };
enum { SPACE_32 = 2, RANGE_CELLS = 7, MAP_CELLS = 10 };

static uint64_t ecam, window_next, window_end;
static int host;

static uint32_t cell(const void *property, unsigned index) { return __builtin_bswap32(((const uint32_t *)property)[index]); }

bool pci_open(void)
{
	uint64_t size;
	unsigned bytes;
	host = fdt_compatible("pci-host-ecam-generic");
	if (host < 0 || !fdt_reg(host, 0, &ecam, &size))
		return false;
	const void *ranges = fdt_property(host, "ranges", &bytes);
	for (unsigned at = 0; ranges && at + RANGE_CELLS <= bytes / 4; at += RANGE_CELLS) {
		if ((cell(ranges, at) >> 24 & 3) != SPACE_32)
			continue;
		window_next = (uint64_t)cell(ranges, at + 3) << 32 | cell(ranges, at + 4);
		window_end = window_next + ((uint64_t)cell(ranges, at + 5) << 32 | cell(ranges, at + 6));
	}
	return window_end != 0;
}

uint32_t pci_read(unsigned devfn, unsigned offset, unsigned bytes)
{
	uint64_t address = ecam + devfn * 4096 + offset;
	uint32_t value = 0;
	if (bytes == 1)
		value = read8(address);
	else if (bytes == 2)
		asm volatile("ldrh %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
	else
		value = read32(address);
	return value;
}

void pci_write(unsigned devfn, unsigned offset, unsigned bytes, uint32_t value)
{
	uint64_t address = ecam + devfn * 4096 + offset;
	if (bytes == 1)
		write8(address, (uint8_t)value);
	else if (bytes == 2)
		asm volatile("strh %w0, [%1]" : : "r"(value), "r"(address) : "memory");
	else
		write32(address, value);
}

int pci_find(uint32_t id, unsigned after)
{
	for (unsigned devfn = after + 1; devfn < FUNCTIONS; devfn++)
		if (pci_read(devfn, 0, 4) == id)
			return (int)devfn;
	return -1;
}

unsigned pci_capability(unsigned devfn, unsigned id)
{
	if (!(pci_read(devfn, STATUS, 2) & STATUS_CAPABILITIES))
		return 0;
	unsigned offset = pci_read(devfn, CAPABILITIES, 1);
	while (offset && pci_read(devfn, offset, 1) != id)
		offset = pci_read(devfn, offset + 1, 1);
	return offset;
}

uint64_t pci_place(unsigned devfn, unsigned bar, uint64_t *size)
{
	unsigned offset = BARS + 4 * bar;
	pci_write(devfn, offset, 4, 0xffffffff);
	uint32_t mask = pci_read(devfn, offset, 4);
	*size = -(mask & ~0xfu) & 0xffffffff;
	uint64_t base = (window_next + *size - 1) & -*size;
	window_next = base + *size;
	pci_write(devfn, offset, 4, (uint32_t)base);
	if (mask & MEMORY_64)
		pci_write(devfn, offset + 4, 4, 0);
	return base;
}

unsigned pci_interrupt(unsigned devfn)
{
	unsigned bytes;
	const void *mask = fdt_property(host, "interrupt-map-mask", &bytes);
	const void *map = fdt_property(host, "interrupt-map", &bytes);
	for (unsigned at = 0; at + MAP_CELLS <= bytes / 4; at += MAP_CELLS)
		if (cell(map, at) == (devfn << 8 & cell(mask, 0)) && cell(map, at + 3) == pci_read(devfn, PIN, 1))
			return 32 + cell(map, at + 8);
	return 0;
}
