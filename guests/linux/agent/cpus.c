/* CPUs: all online, working, interruptible by each other, removable; and counters that the host can watch. */
#include "agent.h"

#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { BARRIERS = 50, MIGRATIONS = 50, COUNTER_STRIDE_WORDS = 8, SPIN_SECONDS_MAX = 30 };

static volatile uint64_t *counters;
static volatile bool is_over;

double seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int online_cpus(int cpus[CPUS_MAX])
{
	int count = 0;
	/* Affinity follows hotplug only for tasks that were never pinned: ask sysfs. */
	char text[256];
	read_text("/sys/devices/system/cpu/online", text, sizeof text);
	for (char *range = strtok(text, ","); range; range = strtok(NULL, ",")) {
		int first = 0, last = 0;
		if (sscanf(range, "%d-%d", &first, &last) < 2)
			last = first;
		for (int cpu = first; cpu <= last && count < CPUS_MAX; cpu++)
			cpus[count++] = cpu;
	}
	return count;
}

void pin_to(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static void *count_on(void *argument)
{
	int cpu = (int)(intptr_t)argument;
	pin_to(cpu);
	volatile uint64_t *counter = &counters[cpu * COUNTER_STRIDE_WORDS];
	while (!is_over)
		(*counter)++;
	return (void *)(intptr_t)(sched_getcpu() == cpu);
}

static bool start_counting(const int *cpus, int count, pthread_t *threads)
{
	counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE | MAP_LOCKED, -1, 0);
	is_over = false;
	for (int index = 0; index < count; index++)
		if (pthread_create(&threads[index], NULL, count_on, (void *)(intptr_t)cpus[index]))
			return false;
	return counters != MAP_FAILED;
}

static bool all_count(const int *cpus, int count)
{
	double end = seconds_now() + SPIN_SECONDS_MAX;
	for (int index = 0; index < count; index++)
		while (!counters[cpus[index] * COUNTER_STRIDE_WORDS])
			if (usleep(1000), seconds_now() > end)
				return false;
	return true;
}

/* The total of the "IPI" lines in /proc/interrupts. */
static long inter_processor_interrupts(void)
{
	static char text[65536];
	long total = 0;
	read_text("/proc/interrupts", text, sizeof text);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, "IPI", 3))
			continue;
		char *field = strchr(line, ':') + 1, *end = field;
		for (long value = strtol(field, &end, 10); end != field; value = strtol(field = end, &end, 10))
			total += value;
	}
	return total;
}

/* membarrier interrupts every CPU that runs one of our threads; a move to another CPU interrupts that one. */
void check_smp(void)
{
	int cpus[CPUS_MAX];
	int count = online_cpus(cpus);
	long expected = number_parameter("cpus", count);
	pthread_t threads[CPUS_MAX];
	bool runs = start_counting(cpus, count, threads) && all_count(cpus, count);

	long before = inter_processor_interrupts();
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	int barriers = 0;
	/* Other tasks have their turns on the other CPUs, which are not interrupted then: go on until enough were. */
	double end = seconds_now() + SPIN_SECONDS_MAX;
	do {
		barriers = 0;
		for (int round = 0; round < BARRIERS; round++)
			barriers += syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
	} while (count > 1 && inter_processor_interrupts() - before < BARRIERS && seconds_now() < end);
	int arrivals = 0;
	for (int round = 0; round < MIGRATIONS; round++) {
		int cpu = cpus[round % count];
		pin_to(cpu);
		arrivals += sched_getcpu() == cpu;
	}
	long interrupts = inter_processor_interrupts() - before;

	is_over = true;
	int stayed = 0;
	for (int index = 0; index < count; index++) {
		void *result = NULL;
		pthread_join(threads[index], &result);
		stayed += result != NULL;
	}
	bool has_interrupts = count == 1 || interrupts >= BARRIERS;
	report("smp", count == expected && runs && barriers == BARRIERS && arrivals == MIGRATIONS && stayed == count && has_interrupts,
	       "online=%d expected=%ld counting=%d pinned=%d barriers=%d migrations=%d ipis=%ld", count, expected, runs, stayed,
	       barriers, arrivals, interrupts);
}

/* Every CPU but the first leaves and comes back: PSCI CPU_OFF and CPU_ON from a running system. */
void check_hotplug(void)
{
	int cpus[CPUS_MAX];
	int count = online_cpus(cpus), moved = 0;
	for (int index = 1; index < count; index++) {
		char path[64], state[8];
		snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/online", cpus[index]);
		bool left = write_text(path, "0") && read_text(path, state, sizeof state) && state[0] == '0';
		bool returned = write_text(path, "1") && read_text(path, state, sizeof state) && state[0] == '1';
		moved += left && returned;
	}
	report("hotplug", moved == count - 1, "cpus=%d left-and-returned=%d", count, moved);
}

static uint64_t physical_address(const volatile void *address)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &entry, 8, (off_t)((uintptr_t)address / 4096 * 8)) != 8)
		entry = 0;
	if (fd >= 0)
		close(fd);
	/* Documentation/admin-guide/mm/pagemap.rst: bits 54:0 are the frame. */
	return (entry & ((1ull << 55) - 1)) * 4096;
}

/* Counts on every CPU for ever; the line tells the host where in guest memory to look. */
void check_counters(void)
{
	int cpus[CPUS_MAX];
	int count = online_cpus(cpus);
	pthread_t threads[CPUS_MAX];
	if (!start_counting(cpus, count, threads) || !all_count(cpus, count)) {
		report("counters", false, "not every cpu counts");
		return;
	}
	say("ORKO-COUNTERS address=0x%llx stride=%d cpus=%d", (unsigned long long)physical_address(counters), COUNTER_STRIDE_WORDS * 8,
	    count);
	for (;;)
		pause();
}
