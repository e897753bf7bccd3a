/* The interrupt controller, whichever the device tree names: SGIs to every CPU, the timer's PPI, SPIs of the UART and the RTC. */
#include "runtime/runtime.h"

enum { SGI = 5 };
enum { UART_DR = 0x0, UART_IMSC = 0x38, UART_ICR = 0x44, UART_TX = 1 << 5 };
enum { RTC_DR = 0x0, RTC_MR = 0x4, RTC_IMSC = 0x10, RTC_ICR = 0x1c };

static volatile unsigned sgis[CPU_COUNT_MAX];
static volatile unsigned seen[1020];
static volatile uint64_t ready[CPU_COUNT_MAX];
static volatile bool done;
static uint64_t rtc;

static void on_any(unsigned interrupt)
{
	seen[interrupt]++;
	if (interrupt == TIMER_INTERRUPT)
		timer_stop();
	if (interrupt >= 32) {
		write32(uart + UART_IMSC, 0);
		write32(uart + UART_ICR, 0x7ff);
		if (rtc)
			write32(rtc + RTC_ICR, 1);
	}
}

static uint64_t own_index(void)
{
	uint64_t mpidrs[CPU_COUNT_MAX];
	unsigned count = fdt_cpus(mpidrs, CPU_COUNT_MAX);
	for (unsigned index = 0; index < count; index++)
		if (mpidrs[index] == (read_sysreg("mpidr_el1") & 0xff00ffffff))
			return index;
	return 0;
}

static void on_sgi(unsigned interrupt)
{
	if (interrupt == SGI)
		sgis[own_index()]++;
}

static void receive(unsigned index)
{
	gic_open_cpu();
	gic_enable(SGI);
	interrupts_on();
	store_release(&ready[index], 1);
	while (!done)
		wfi();
	interrupts_off();
}

static void check_sgis(void)
{
	uint64_t mpidrs[CPU_COUNT_MAX];
	unsigned count = fdt_cpus(mpidrs, 8); /* GICv2 has eight interfaces */
	on_interrupt = on_sgi;
	gic_enable(SGI);
	for (unsigned index = 0; index < count; index++) {
		if (index && (start_cpu(index, receive) || !wait_until(load_acquire(&ready[index]), 5000))) {
			check(false, "cpu %u did not start", index);
			continue;
		}
		for (unsigned round = 0; round < 10; round++) {
			gic_send_sgi(SGI, mpidrs[index], index);
			wait_until(sgis[index] > round, 5000);
		}
		check(sgis[index] == 10, "SGI %u to cpu %u: %u of 10", SGI, index, sgis[index]);
	}
	done = true;
	for (unsigned index = 1; index < count; index++) {
		gic_send_sgi(SGI, mpidrs[index], index);
		wait_until(psci(0xc4000004 /* AFFINITY_INFO */, mpidrs[index], 0, 0) == 1, 5000);
	}
}

static void check_spi(const char *name, int interrupt, void (*cause)(void))
{
	if (interrupt < 32) {
		skip("%s has no interrupt in the device tree", name);
		return;
	}
	cause();
	check(wait_until(gic_pending((unsigned)interrupt), 5000) && !seen[interrupt], "%s SPI %d is pending while disabled", name,
	      interrupt - 32);
	gic_enable((unsigned)interrupt);
	check(wait_until(seen[interrupt], 5000), "%s SPI %d arrives once enabled", name, interrupt - 32);
	check(!wait_until(seen[interrupt] > 1, 20), "%s SPI %d is quiet after its cause was cleared", name, interrupt - 32);
	gic_disable((unsigned)interrupt);
}

static void cause_uart(void)
{
	/* The transmit interrupt rises when the FIFO drains through its level: a character has to be sent. */
	write32(uart + UART_ICR, 0x7ff);
	write32(uart + UART_IMSC, UART_TX);
	put('\n');
}

static void cause_rtc(void)
{
	write32(rtc + RTC_ICR, 1);
	write32(rtc + RTC_MR, read32(rtc + RTC_DR) + 1);
	write32(rtc + RTC_IMSC, 1);
}

void payload(void)
{
	unsigned version = gic_open();
	check(version != 0, "GICv%u", version);
	if (!version)
		return;
	interrupts_on();
	check_sgis();

	on_interrupt = on_any;
	gic_enable(TIMER_INTERRUPT);
	timer_after(frequency() / 1000);
	check(wait_until(seen[TIMER_INTERRUPT], 5000), "PPI %u of the timer", TIMER_INTERRUPT - 16);
	gic_disable(TIMER_INTERRUPT);

	check_spi("UART", fdt_interrupt(fdt_compatible("arm,pl011"), 0), cause_uart);
	uint64_t size;
	int node = fdt_compatible("arm,pl031");
	if (node >= 0 && fdt_reg(node, 0, &rtc, &size))
		check_spi("RTC", fdt_interrupt(node, 0), cause_rtc);
	else
		skip("no RTC in the device tree");
}
