/* A reader of the flattened device tree (Devicetree Specification 0.4, chapter 5), as much of it as payloads need. */
#include "runtime.h"

enum { BEGIN_NODE = 1, END_NODE = 2, PROP = 3, NOP = 4, END = 9 };

static const uint8_t *blob;
static const uint8_t *structure;
static const char *strings;

static uint32_t big32(const void *bytes)
{
	const uint8_t *b = bytes;
	return (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
}

static bool equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static unsigned length(const char *text)
{
	unsigned count = 0;
	while (text[count])
		count++;
	return count;
}

void fdt_open(const void *start)
{
	blob = start;
	structure = blob + big32(blob + 8);
	strings = (const char *)blob + big32(blob + 12);
}

uint64_t fdt_address(void) { return (uint64_t)blob; }
uint64_t fdt_bytes(void) { return big32(blob + 4); }

/* The offset of the token after the one at `offset`. */
static int next_token(int offset)
{
	uint32_t token = big32(structure + offset);
	if (token == BEGIN_NODE)
		return offset + 4 + (int)((length((const char *)structure + offset + 4) + 4) & ~3u);
	if (token == PROP)
		return offset + 12 + (int)((big32(structure + offset + 4) + 3) & ~3u);
	return offset + 4;
}

static int next_node(int offset)
{
	for (offset = next_token(offset);; offset = next_token(offset)) {
		uint32_t token = big32(structure + offset);
		if (token == BEGIN_NODE)
			return offset;
		if (token == END)
			return -1;
	}
}

const void *fdt_property(int node, const char *name, unsigned *bytes)
{
	for (int offset = next_token(node);; offset = next_token(offset)) {
		uint32_t token = big32(structure + offset);
		if (token == NOP)
			continue;
		if (token != PROP)
			return NULL;
		if (equal(strings + big32(structure + offset + 8), name)) {
			*bytes = big32(structure + offset + 4);
			return structure + offset + 12;
		}
	}
}

int fdt_compatible(const char *compatible)
{
	for (int node = 0; node >= 0; node = next_node(node)) {
		unsigned bytes;
		const char *list = fdt_property(node, "compatible", &bytes);
		for (const char *entry = list; entry && entry < list + bytes; entry += length(entry) + 1)
			if (equal(entry, compatible))
				return node;
	}
	return -1;
}

static bool is_named(int node, const char *name)
{
	const char *own = (const char *)structure + node + 4;
	while (*name && *own == *name)
		own++, name++;
	return !*name && (!*own || *own == '@');
}

int fdt_node(const char *name)
{
	for (int node = next_node(0); node >= 0; node = next_node(node))
		if (is_named(node, name))
			return node;
	return -1;
}

/* Two address and two size cells, as the root of every machine has that payloads run on. */
bool fdt_reg(int node, unsigned index, uint64_t *address, uint64_t *size)
{
	unsigned bytes;
	const uint8_t *reg = fdt_property(node, "reg", &bytes);
	if (!reg || bytes < (index + 1) * 16)
		return false;
	reg += index * 16;
	*address = (uint64_t)big32(reg) << 32 | big32(reg + 4);
	*size = (uint64_t)big32(reg + 8) << 32 | big32(reg + 12);
	return true;
}

/* The children of /cpus whose device_type is "cpu"; their `reg` has one cell or two. */
unsigned fdt_cpus(uint64_t *mpidrs, unsigned countMax)
{
	unsigned count = 0;
	for (int node = next_node(0); node >= 0 && count < countMax; node = next_node(node)) {
		unsigned bytes;
		const char *type = fdt_property(node, "device_type", &bytes);
		const uint8_t *reg = type && equal(type, "cpu") ? fdt_property(node, "reg", &bytes) : NULL;
		if (reg)
			mpidrs[count++] = bytes == 4 ? big32(reg) : (uint64_t)big32(reg) << 32 | big32(reg + 4);
	}
	return count;
}

int fdt_interrupt(int node, unsigned index)
{
	unsigned bytes;
	const uint8_t *cells = node < 0 ? NULL : fdt_property(node, "interrupts", &bytes);
	if (!cells || bytes < (index + 1) * 12)
		return -1;
	cells += index * 12;
	return (int)big32(cells + 4) + (big32(cells) == 0 ? 32 : 16);
}

bool bootargs_has(const char *word)
{
	unsigned bytes;
	const char *text = fdt_property(fdt_node("chosen"), "bootargs", &bytes);
	while (text && *text) {
		unsigned matched = 0;
		while (word[matched] && text[matched] == word[matched])
			matched++;
		if (!word[matched] && (!text[matched] || text[matched] == ' '))
			return true;
		while (*text && *text++ != ' ')
			;
	}
	return false;
}
