/* The smallest guest: one line on the UART, then PSCI SYSTEM_OFF. */
#include "runtime/runtime.h"

void payload(void)
{
	check(true, "hello from EL%u", (unsigned)(read_sysreg("currentel") >> 2));
}
