/* Start, exceptions, the PASS and FAIL lines, and the other CPUs. */
#include "runtime.h"

unsigned failures;
volatile bool aborts_are_skipped;
volatile unsigned aborts_skipped;
volatile uint64_t abort_syndrome, abort_address;
uint64_t svc_return;
interrupt_handler *volatile on_interrupt;

static unsigned passes;
static void (*volatile secondary_work)(unsigned index);

extern void secondary_entry(void);

static void finish(void)
{
	print("DONE passed=%u failed=%u\n", passes, failures);
	psci_system_off();
}

void runtime_start(const void *blob)
{
	fdt_open(blob);
	int node = fdt_compatible("arm,pl011");
	uint64_t size;
	if (node >= 0)
		fdt_reg(node, 0, &uart, &size);
	psci_open();
	print("PAYLOAD " PAYLOAD_NAME "\n");
	payload();
	finish();
}

void runtime_secondary(unsigned index)
{
	secondary_work(index);
	psci(0x84000002 /* CPU_OFF */, 0, 0, 0);
}

int64_t start_cpu(unsigned index, void (*work)(unsigned index))
{
	uint64_t mpidrs[CPU_COUNT_MAX];
	if (index >= fdt_cpus(mpidrs, CPU_COUNT_MAX))
		return -2;
	secondary_work = work;
	dsb();
	return psci(0xc4000003 /* CPU_ON */, mpidrs[index], (uint64_t)&secondary_entry, index);
}

void check(bool passed, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	print(passed ? "PASS " : "FAIL ");
	print_list(format, arguments);
	print("\n");
	va_end(arguments);
	if (passed)
		passes++;
	else
		failures++;
}

void skip(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	print("SKIP ");
	print_list(format, arguments);
	print("\n");
	va_end(arguments);
}

struct frame {
	uint64_t x[20];
	uint64_t elr;
	uint64_t spsr;
};

/*
 * Vectors 4 to 7 come from the current EL with its own stack pointer: synchronous, IRQ, FIQ, SError. 0 comes from the current
 * EL with EL0's stack pointer, 8 from EL0.
 */
enum { SYNC_SP0 = 0, SYNC = 4, IRQ = 5, SYNC_EL0 = 8 };
enum { EC_SVC = 0x15, EC_ABORT_EL0 = 0x24, EC_ABORT = 0x25 };
#define EL1H_MASKED 0x3c5

void handle_exception(uint64_t vector, struct frame *frame)
{
	if (vector == IRQ) {
		uint32_t acknowledged = gic_acknowledge();
		unsigned interrupt = gic_number(acknowledged);
		if (interrupt >= SPURIOUS_INTERRUPT && interrupt < LPI_FIRST)
			return;
		if (on_interrupt)
			on_interrupt(interrupt);
		gic_complete(acknowledged);
		return;
	}
	uint64_t syndrome = read_sysreg("esr_el1");
	unsigned class = syndrome >> 26;
	if (vector == SYNC_EL0 && class == EC_SVC) {
		frame->elr = svc_return;
		frame->spsr = EL1H_MASKED;
		return;
	}
	bool data_abort = vector == SYNC_EL0 ? class == EC_ABORT_EL0 : (vector == SYNC || vector == SYNC_SP0) && class == EC_ABORT;
	if (data_abort && aborts_are_skipped) {
		aborts_skipped++;
		abort_syndrome = syndrome;
		abort_address = read_sysreg("far_el1");
		frame->elr += 4;
		return;
	}
	check(false, "exception vector=%u esr=0x%lx elr=0x%lx far=0x%lx", (unsigned)vector, syndrome, frame->elr,
	      read_sysreg("far_el1"));
	finish();
}
