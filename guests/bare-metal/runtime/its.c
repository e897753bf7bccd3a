/* Message-signalled interrupts of a GICv3: the tables of the redistributor and of the ITS, and its commands (Arm IHI 0069 §5, §12.19). */
#include "runtime.h"

enum { GITS_CTLR = 0x0, GITS_CBASER = 0x80, GITS_CWRITER = 0x88, GITS_CREADR = 0x90, GITS_BASER = 0x100, GITS_TRANSLATER = 0x10040 };
enum { DEVICES = 1, COLLECTIONS = 4 }; /* types of tables, GITS_BASER bits 58:56 */
enum { MAPD = 0x8, MAPC = 0x9, MAPTI = 0xa, INV = 0xc, SYNC = 0x5 };
enum { TABLE_BYTES = 0x10000, ITT_BYTES = 0x1000, DEVICES_MAX = 8, EVENT_BITS = 5, ID_BITS = 14 };
#define VALID (1ull << 63)

static uint8_t properties[TABLE_BYTES] __attribute__((aligned(TABLE_BYTES)));
static uint8_t pending[TABLE_BYTES] __attribute__((aligned(TABLE_BYTES)));
static uint8_t tables[2][TABLE_BYTES] __attribute__((aligned(TABLE_BYTES)));
static uint64_t commands[TABLE_BYTES / 8] __attribute__((aligned(TABLE_BYTES)));
static uint8_t translations[DEVICES_MAX][ITT_BYTES] __attribute__((aligned(ITT_BYTES)));
static unsigned devices[DEVICES_MAX], device_count;
static uint64_t its, command_offset;

/* Memory that is shared with a GIC: inner shareable, write-back. */
static uint64_t shared(const void *table) { return (uint64_t)table | 1ull << 10 | 7ull << 7; }

static uint64_t read64(uint64_t address) { return read32(address) | (uint64_t)read32(address + 4) << 32; }

static void command(uint64_t a, uint64_t b, uint64_t c)
{
	volatile uint64_t *words = commands + command_offset / 8;
	words[0] = a;
	words[1] = b;
	words[2] = c;
	words[3] = 0;
	dsb();
	command_offset = (command_offset + 32) % TABLE_BYTES;
	write64(its + GITS_CWRITER, command_offset);
	wait_until(read64(its + GITS_CREADR) == command_offset, 1000);
}

bool its_open(void)
{
	uint64_t size;
	int node = fdt_compatible("arm,gic-v3-its");
	if (node < 0 || !fdt_reg(node, 0, &its, &size))
		return false;
	for (unsigned index = 0; index < TABLE_BYTES; index++)
		((volatile uint8_t *)properties)[index] = 0xa0 | 1; /* priority, enabled */
	gic_enable_messages(shared(properties) | (ID_BITS - 1), (uint64_t)pending | 1ull << 62 | 1ull << 10);
	unsigned table = 0;
	for (unsigned index = 0; index < 8; index++) {
		unsigned type = read64(its + GITS_BASER + 8 * index) >> 56 & 7;
		if (type == DEVICES || type == COLLECTIONS)
			write64(its + GITS_BASER + 8 * index, VALID | (uint64_t)tables[table++] | 1ull << 59 | 2ull << 8);
	}
	write64(its + GITS_CBASER, VALID | (uint64_t)commands | 1ull << 59 | 1ull << 10 | (TABLE_BYTES / 4096 - 1));
	write64(its + GITS_CWRITER, 0);
	write32(its + GITS_CTLR, 1);
	command(MAPC, 0, VALID); /* collection 0 leads to processor 0 */
	command(SYNC, 0, 0);
	return true;
}

void its_map(unsigned device, unsigned event, unsigned interrupt)
{
	unsigned number = 0;
	while (number < device_count && devices[number] != device)
		number++;
	if (number == device_count) {
		devices[device_count++] = device;
		command(MAPD | (uint64_t)device << 32, EVENT_BITS - 1, VALID | (uint64_t)translations[number]);
	}
	command(MAPTI | (uint64_t)device << 32, event | (uint64_t)interrupt << 32, 0);
	command(INV | (uint64_t)device << 32, event, 0);
	command(SYNC, 0, 0);
}

uint64_t its_doorbell(void) { return its + GITS_TRANSLATER; }
