/*
 * For pause and resume: CPU n adds one to the 64-bit word at window + 64 × n (0x40090000 + 64 n) for ever, so the host sees
 * in guest memory which CPUs run. Prints `COUNTERS address=… stride=64 cpus=N` when all run; a byte on the UART ends it.
 */
#include "runtime/runtime.h"

enum { STRIDE = 64, UART_DR = 0x0, UART_FR = 0x18, UART_RXFE = 1 << 4 };

static volatile uint64_t *word(unsigned index) { return (volatile uint64_t *)(window + STRIDE * index); }

static void count_for_ever(unsigned index)
{
	for (;;)
		store_release(word(index), *word(index) + 1);
}

void payload(void)
{
	uint64_t mpidrs[CPU_COUNT_MAX];
	unsigned cpus = fdt_cpus(mpidrs, CPU_COUNT_MAX), started = 1;
	for (unsigned index = 1; index < cpus; index++)
		started += start_cpu(index, count_for_ever) == 0 && wait_until(load_acquire(word(index)), 5000);
	check(started == cpus, "cpus started=%u of %u", started, cpus);
	print("COUNTERS address=0x%lx stride=%u cpus=%u\n", (uint64_t)window, STRIDE, cpus);
	/* Looking at the UART every 2^20 rounds keeps exits out of the way of the counting. */
	do {
		for (unsigned round = 0; round < 1 << 20; round++)
			store_release(word(0), *word(0) + 1);
	} while (read32(uart + UART_FR) & UART_RXFE);
	read32(uart + UART_DR);
	for (unsigned index = 0; index < cpus; index++)
		print("COUNTER cpu=%u value=%lu\n", index, load_acquire(word(index)));
}
