/* Calls to the firmware interface (Arm DEN 0022 PSCI) through the conduit that the device tree names. */
#include "runtime.h"

static bool conduit_is_smc;

void psci_open(void)
{
	int node = fdt_node("psci");
	unsigned bytes;
	const char *method = node < 0 ? NULL : fdt_property(node, "method", &bytes);
	conduit_is_smc = method && method[0] == 's';
}

int64_t psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t x0 asm("x0") = function;
	register uint64_t x1 asm("x1") = a;
	register uint64_t x2 asm("x2") = b;
	register uint64_t x3 asm("x3") = c;
	/* SMCCC 1.0 (Arm DEN 0028) may clobber x4 to x17. */
	if (conduit_is_smc)
		asm volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "x4", "x5", "x6", "x7", "x8", "x9", "x10",
			     "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
	else
		asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "x4", "x5", "x6", "x7", "x8", "x9", "x10",
			     "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
	return (int64_t)x0;
}

void psci_system_off(void)
{
	psci(0x84000008, 0, 0, 0);
	print("FAIL SYSTEM_OFF returned\n");
	for (;;)
		wfi();
}
