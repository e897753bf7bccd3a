/* The interrupt controllers GICv2 (Arm IHI 0048) and GICv3 (Arm IHI 0069), found in the device tree. */
#include "runtime.h"

/* Distributor, and the redistributor's SGI frame, which repeats its first words. */
enum { GICD_CTLR = 0x0, IGROUPR = 0x80, ISENABLER = 0x100, ICENABLER = 0x180, ISPENDR = 0x200, IPRIORITYR = 0x400, ITARGETSR = 0x800, ICFGR = 0xc00, GICD_SGIR = 0xf00 };
enum { GICC_CTLR = 0x0, GICC_PMR = 0x4, GICC_IAR = 0xc, GICC_EOIR = 0x10 };
enum { GICR_CTLR = 0x0, GICR_TYPER = 0x8, GICR_WAKER = 0x14, GICR_PROPBASER = 0x70, GICR_PENDBASER = 0x78, GICR_FRAME_BYTES = 0x20000, GICR_SGI_FRAME = 0x10000 };

static unsigned version;
static uint64_t distributor;
static uint64_t cpu_interface;
static uint64_t redistributors;

/* This CPU's redistributor, by the affinity in GICR_TYPER's upper half; bit 4 marks the last one. */
static uint64_t own_redistributor(void)
{
	uint64_t mpidr = read_sysreg("mpidr_el1");
	uint32_t affinity = (uint32_t)((mpidr & 0xffffff) | (mpidr >> 32 & 0xff) << 24);
	for (uint64_t frame = redistributors;; frame += GICR_FRAME_BYTES)
		if (read32(frame + GICR_TYPER + 4) == affinity || read32(frame + GICR_TYPER) & 1 << 4)
			return frame;
}

/* The registers of interrupts 0 to 31 lie in the redistributor on GICv3, else in the distributor. */
static uint64_t bank(unsigned interrupt)
{
	return version == 3 && interrupt < 32 ? own_redistributor() + GICR_SGI_FRAME : distributor;
}

void gic_enable_messages(uint64_t properties, uint64_t pending)
{
	uint64_t frame = own_redistributor();
	write64(frame + GICR_PROPBASER, properties);
	write64(frame + GICR_PENDBASER, pending);
	write32(frame + GICR_CTLR, 1);
	dsb();
}

void gic_open_cpu(void)
{
	if (version == 3) {
		uint64_t frame = own_redistributor();
		write32(frame + GICR_WAKER, 0);
		while (read32(frame + GICR_WAKER) & 1 << 2)
			relax();
		write32(frame + GICR_SGI_FRAME + IGROUPR, 0xffffffff);
		write_sysreg("s3_0_c12_c12_5" /* ICC_SRE_EL1 */, 7);
		isb();
		write_sysreg("s3_0_c4_c6_0" /* ICC_PMR_EL1 */, 0xff);
		write_sysreg("s3_0_c12_c12_7" /* ICC_IGRPEN1_EL1 */, 1);
		isb();
	} else {
		write32(cpu_interface + GICC_PMR, 0xff);
		write32(cpu_interface + GICC_CTLR, 1);
	}
}

unsigned gic_open(void)
{
	uint64_t size;
	int node = fdt_compatible("arm,gic-v3");
	if (node >= 0 && fdt_reg(node, 0, &distributor, &size) && fdt_reg(node, 1, &redistributors, &size)) {
		version = 3;
		write32(distributor + GICD_CTLR, 1 << 4 | 1 << 1); /* ARE, group 1 */
	} else {
		node = fdt_compatible("arm,cortex-a15-gic");
		if (node < 0)
			node = fdt_compatible("arm,gic-400");
		if (node < 0 || !fdt_reg(node, 0, &distributor, &size) || !fdt_reg(node, 1, &cpu_interface, &size))
			return 0;
		version = 2;
		write32(distributor + GICD_CTLR, 1);
	}
	gic_open_cpu();
	return version;
}

void gic_enable(unsigned interrupt)
{
	uint64_t base = bank(interrupt);
	write8(base + IPRIORITYR + interrupt, 0x80);
	if (interrupt >= 32 && version == 3) {
		uint64_t group = base + IGROUPR + interrupt / 32 * 4;
		write32(group, read32(group) | 1u << interrupt % 32);
		write64(base + 0x6000 + interrupt * 8 /* IROUTER */, read_sysreg("mpidr_el1") & 0xff00ffffff);
	} else if (interrupt >= 32) {
		write8(base + ITARGETSR + interrupt, 1);
	}
	write32(base + ISENABLER + interrupt / 32 * 4, 1u << interrupt % 32);
	dsb();
}

/* What an SPI is after a reset is for the implementation to choose; KVM's are edge-triggered. */
void gic_make_level(unsigned interrupt)
{
	uint64_t config = distributor + ICFGR + interrupt / 16 * 4;
	write32(config, read32(config) & ~(2u << 2 * (interrupt % 16)));
}

void gic_disable(unsigned interrupt)
{
	write32(bank(interrupt) + ICENABLER + interrupt / 32 * 4, 1u << interrupt % 32);
	dsb();
}

bool gic_pending(unsigned interrupt)
{
	return read32(bank(interrupt) + ISPENDR + interrupt / 32 * 4) >> interrupt % 32 & 1;
}

/* GICv3 addresses a CPU by affinity (ICC_SGI1R_EL1), GICv2 by the interface number, which is the index for the first eight. */
void gic_send_sgi(unsigned interrupt, uint64_t mpidr, unsigned index)
{
	dsb();
	if (version == 3) {
		uint64_t low = mpidr & 0xff;
		write_sysreg("s3_0_c12_c11_5" /* ICC_SGI1R_EL1 */,
			     (uint64_t)interrupt << 24 | 1ull << low % 16 | low / 16 << 44 | (mpidr >> 8 & 0xff) << 16 |
				     (mpidr >> 16 & 0xff) << 32 | (mpidr >> 32 & 0xff) << 48);
		isb();
	} else {
		write32(distributor + GICD_SGIR, 1u << (16 + index) | interrupt);
	}
}

/* The whole of IAR, because on GICv2 the sender's number (bits 12:10) has to come back with the completion. */
uint32_t gic_acknowledge(void)
{
	if (version == 2)
		return read32(cpu_interface + GICC_IAR);
	uint64_t value = read_sysreg("s3_0_c12_c12_0" /* ICC_IAR1_EL1 */);
	dsb();
	return (uint32_t)value;
}

/* GICv2 has the sender above it; GICv3 has numbers of 24 bits, for messages. */
unsigned gic_number(uint32_t acknowledged) { return acknowledged & (version == 2 ? 0x3ff : 0xffffff); }

void gic_complete(uint32_t acknowledged)
{
	if (version == 2) {
		write32(cpu_interface + GICC_EOIR, acknowledged);
	} else {
		write_sysreg("s3_0_c12_c12_1" /* ICC_EOIR1_EL1 */, acknowledged);
		isb();
	}
}
