/* Which optional CPU features this guest has, each proved by use: SVE, pointer authentication, MTE, the PMU. */
#include "agent.h"

#include <linux/perf_event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* arch/arm64/include/uapi/asm/hwcap.h and mman.h, newer than some C libraries. */
#define ORKO_HWCAP_SVE (1ul << 22)
#define ORKO_HWCAP_PACA (1ul << 30)
#define ORKO_HWCAP2_MTE (1ul << 18)
#define ORKO_PROT_MTE 0x20
/* include/uapi/linux/prctl.h */
#define ORKO_PR_SVE_GET_VL 51
#define ORKO_PR_SET_TAGGED_ADDR_CTRL 55
#define ORKO_TAGGED_SYNC_ALL_TAGS (1ul | 1ul << 1 | 0xfffeul << 3)

static sigjmp_buf after_fault;
static volatile int fault_code;

static void on_fault(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	fault_code = info->si_code;
	siglongjmp(after_fault, 1);
}

/* The vector length in bytes, 0 without SVE. */
static int sve_bytes(void)
{
	if (!(getauxval(AT_HWCAP) & ORKO_HWCAP_SVE))
		return 0;
	return prctl(ORKO_PR_SVE_GET_VL) & 0xffff;
}

/* A signed return address differs from the plain one and authenticates back to it. */
static bool has_pointer_authentication(void)
{
	if (!(getauxval(AT_HWCAP) & ORKO_HWCAP_PACA))
		return false;
	uint64_t plain = (uint64_t)(uintptr_t)&fault_code, value = plain;
	/* pacia/autia x0, x1 as numbers, since the base architecture's assembler does not know them. */
	for (uint64_t modifier = 1; modifier < 8; modifier++) {
		register uint64_t x0 asm("x0") = plain;
		register uint64_t x1 asm("x1") = modifier;
		asm volatile(".inst 0xdac10020" : "+r"(x0) : "r"(x1));
		uint64_t sealed = x0;
		asm volatile(".inst 0xdac11020" : "+r"(x0) : "r"(x1));
		if (x0 != plain)
			return false;
		value |= sealed;
	}
	return value != plain;
}

/* A load through a pointer of the wrong tag has to fault, one of the right tag not. */
static bool has_memory_tagging(void)
{
	if (!(getauxval(AT_HWCAP2) & ORKO_HWCAP2_MTE) || prctl(ORKO_PR_SET_TAGGED_ADDR_CTRL, ORKO_TAGGED_SYNC_ALL_TAGS, 0, 0, 0))
		return false;
	uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | ORKO_PROT_MTE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return false;
	register uint64_t x0 asm("x0") = (uint64_t)(uintptr_t)page | 5ull << 56;
	/* stg x0, [x0] */
	asm volatile(".inst 0xd9200800" : : "r"(x0) : "memory");
	volatile uint8_t *right = (uint8_t *)x0, *wrong = (uint8_t *)(x0 ^ 3ull << 56);
	*right = 1;
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, saved;
	sigaction(SIGSEGV, &action, &saved);
	bool faulted = sigsetjmp(after_fault, 1) ? true : (*wrong = 2, false);
	sigaction(SIGSEGV, &saved, NULL);
	munmap(page, 4096);
	return faulted;
}

/* Cycles counted over a short loop, 0 without a PMU. */
static uint64_t pmu_cycles(void)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_HARDWARE, .size = sizeof attributes,
					      .config = PERF_COUNT_HW_CPU_CYCLES, .exclude_kernel = 1 };
	int fd = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
	uint64_t cycles = 0;
	if (fd < 0)
		return 0;
	for (volatile int round = 0; round < 1000000; round++)
		;
	if (read(fd, &cycles, sizeof cycles) != sizeof cycles)
		cycles = 0;
	close(fd);
	return cycles;
}

static bool expects(const char *list, char sign, const char *name)
{
	char word[16];
	snprintf(word, sizeof word, "%c%s", sign, name);
	return strstr(list, word) != NULL;
}

/* `orko.features=+sve,-mte` names what has to be there and what must not. */
void check_features(void)
{
	int vector = sve_bytes();
	uint64_t cycles = pmu_cycles();
	const struct { const char *name; bool is_there; } features[] = {
		{ "sve", vector > 0 }, { "paca", has_pointer_authentication() }, { "mte", has_memory_tagging() }, { "pmu", cycles > 0 },
	};
	const char *expected = parameter("features", "");
	bool passed = true;
	for (size_t index = 0; index < sizeof features / sizeof *features; index++)
		passed = passed && !expects(expected, features[index].is_there ? '-' : '+', features[index].name);
	report("features", passed, "sve=%d paca=%d mte=%d pmu=%d sve-bytes=%d cycles=%llu", features[0].is_there, features[1].is_there,
	       features[2].is_there, features[3].is_there, vector, (unsigned long long)cycles);
}
