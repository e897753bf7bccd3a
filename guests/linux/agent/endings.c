/* Ways for a guest to end or to stand still: panic, reboot, idle. */
#include "agent.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <unistd.h>

void check_panic(void)
{
	write_text("/proc/sys/kernel/sysrq", "1");
	write_text("/proc/sysrq-trigger", "c");
	report("panic", false, "the kernel is still here");
}

/* Where the kernel's text was put: kaslr-seed's doing. */
static unsigned long long text_address(void)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	char line[256];
	unsigned long long address = 0;
	while (symbols && fgets(line, sizeof line, symbols)) {
		char name[128];
		if (sscanf(line, "%llx %*c %127s", &address, name) == 2 && !strcmp(name, "_stext"))
			break;
		address = 0;
	}
	if (symbols)
		fclose(symbols);
	return address;
}

/* Says what should differ between boots, then reboots, every time: the host decides when it has seen enough. */
void check_reboot(void)
{
	char boot_id[64] = "none";
	uint8_t random[8] = { 0 };
	read_text("/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id);
	if (getrandom(random, sizeof random, 0) != sizeof random)
		report("reboot", false, "getrandom failed");
	char digits[17];
	for (size_t index = 0; index < sizeof random; index++)
		snprintf(digits + index * 2, 3, "%02x", random[index]);
	say("ORKO-BOOT id=%s text=0x%llx random=%s", boot_id, text_address(), digits);
	sync();
	reboot(RB_AUTOBOOT);
}

/* Does nothing for ever, so that memory and wake-ups can be measured. */
void check_idle(void)
{
	say("ORKO-IDLE");
	for (;;)
		pause();
}
