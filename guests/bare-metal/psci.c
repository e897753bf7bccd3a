/*
 * PSCI (Arm DEN 0022): version and features, every CPU on and off twice, CPU_SUSPEND, AFFINITY_INFO, then SYSTEM_RESET,
 * SYSTEM_RESET2 where there is one, and SYSTEM_OFF. A marker in RAM tells the three boots apart; memory survives a reset.
 */
#include "runtime/runtime.h"

enum { SUCCESS = 0, NOT_SUPPORTED = -1, INVALID_PARAMETERS = -2, ALREADY_ON = -4 };
enum { AFFINITY_ON = 0, AFFINITY_OFF = 1 };

#define PSCI_VERSION 0x84000000
#define CPU_SUSPEND 0xc4000001
#define CPU_OFF 0x84000002
#define CPU_ON 0xc4000003
#define AFFINITY_INFO 0xc4000004
#define SYSTEM_OFF 0x84000008
#define SYSTEM_RESET 0x84000009
#define PSCI_FEATURES 0x8400000a
#define SYSTEM_RESET2 0xc4000012

/* The second half of the 64 MiB above the image, beyond what loaders use for small machines; moved when the DTB is there. */
#define MARKER_DISTANCE (32 << 20)
#define MARKER_VALUE 0x4f524b4f50534349ull

static volatile uint64_t mpidr_seen[CPU_COUNT_MAX];
static volatile uint64_t runs[CPU_COUNT_MAX];
extern uint8_t _start[];

static void report_in(unsigned index)
{
	mpidr_seen[index] = read_sysreg("mpidr_el1") & 0xff00ffffff;
	store_release(&runs[index], runs[index] + 1);
}

static int64_t affinity(uint64_t mpidr) { return psci(AFFINITY_INFO, mpidr, 0, 0); }

static void check_features(void)
{
	uint32_t version = (uint32_t)psci(PSCI_VERSION, 0, 0, 0);
	check(version >= 0x10000, "version=%u.%u", version >> 16, version & 0xffff);
	const struct { uint32_t function; const char *name; } functions[] = {
		{ CPU_SUSPEND, "CPU_SUSPEND" }, { CPU_OFF, "CPU_OFF" }, { CPU_ON, "CPU_ON" },
		{ AFFINITY_INFO, "AFFINITY_INFO" }, { SYSTEM_OFF, "SYSTEM_OFF" }, { SYSTEM_RESET, "SYSTEM_RESET" },
	};
	for (unsigned index = 0; index < sizeof functions / sizeof *functions; index++) {
		int64_t answer = (int32_t)psci(PSCI_FEATURES, functions[index].function, 0, 0);
		check(answer >= 0, "feature %s=%ld", functions[index].name, answer);
	}
	check((int32_t)psci(PSCI_FEATURES, 0x8400ffff, 0, 0) == NOT_SUPPORTED, "an unknown function is not supported");
}

static void check_cpus(void)
{
	uint64_t mpidrs[CPU_COUNT_MAX];
	unsigned count = fdt_cpus(mpidrs, CPU_COUNT_MAX);
	check((read_sysreg("mpidr_el1") & 0xff00ffffff) == mpidrs[0], "cpu 0 mpidr=0x%lx", mpidrs[0]);
	check(psci(CPU_ON, mpidrs[0], 0, 0) == ALREADY_ON, "CPU_ON of a running cpu");
	check(psci(CPU_ON, 0xff00ffffff, 0, 0) == INVALID_PARAMETERS, "CPU_ON of a cpu that is not there");
	for (unsigned round = 1; round <= 2; round++) {
		for (unsigned index = 1; index < count; index++) {
			bool was_off = affinity(mpidrs[index]) == AFFINITY_OFF;
			int64_t answer = start_cpu(index, report_in);
			bool ran = wait_until(load_acquire(&runs[index]) == round, 10000);
			bool is_off = wait_until(affinity(mpidrs[index]) == AFFINITY_OFF, 10000);
			check(was_off && answer == SUCCESS && ran && is_off && mpidr_seen[index] == mpidrs[index],
			      "cpu %u on and off, round %u, mpidr=0x%lx", index, round, (uint64_t)mpidr_seen[index]);
		}
	}
	check(affinity(mpidrs[0]) == AFFINITY_ON, "AFFINITY_INFO of a running cpu");
	print("CPUS %u\n", count);
}

/* A standby request (power state 0) returns when the timer's interrupt is pending, masked as it is. */
static void check_suspend(void)
{
	gic_open();
	gic_enable(TIMER_INTERRUPT);
	timer_after(frequency() / 20);
	uint64_t due = read_sysreg("cntv_cval_el0");
	int64_t answer = SUCCESS;
	while (answer == SUCCESS && counter() < due)
		answer = psci(CPU_SUSPEND, 0, 0, 0);
	timer_stop();
	check(answer == SUCCESS, "CPU_SUSPEND=%ld", answer);
}

static volatile uint64_t *marker(void)
{
	uint64_t address = ((uint64_t)_start & ~0xfffffull) + MARKER_DISTANCE;
	bool holds_dtb = fdt_address() < address + 4096 && fdt_address() + fdt_bytes() > address;
	return (volatile uint64_t *)(holds_dtb ? address + (4 << 20) : address);
}

void payload(void)
{
	volatile uint64_t *state = marker();
	uint64_t resets = state[0] == MARKER_VALUE ? state[1] : 0;
	print("PSCI-BOOT %lu\n", resets);
	if (resets == 0) {
		check_features();
		check_cpus();
		check_suspend();
	}
	state[0] = MARKER_VALUE;
	if (resets == 0 && !failures) {
		state[1] = 1;
		dsb();
		psci(SYSTEM_RESET, 0, 0, 0);
		check(false, "SYSTEM_RESET returned");
	}
	if (resets == 1) {
		state[1] = 2;
		dsb();
		check(true, "came back from SYSTEM_RESET");
		if ((int32_t)psci(PSCI_FEATURES, SYSTEM_RESET2, 0, 0) < 0) {
			skip("SYSTEM_RESET2 is not offered");
		} else {
			/* Reset type 0 = SYSTEM_WARM_RESET. */
			psci(SYSTEM_RESET2, 0, 0, 0);
			check(false, "SYSTEM_RESET2 returned");
		}
	}
	if (resets == 2)
		check(true, "came back from SYSTEM_RESET2");
	state[0] = 0;
	dsb();
}
