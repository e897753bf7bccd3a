/*
 * The guest's /init. The kernel command line says what it does: `orko.run=poweroff`, `orko.run=shell` (the default), or a list
 * of checks, `orko.run=smp,rtc`. Each check prints one `ORKO-CHECK NAME PASS|FAIL detail`; `ORKO-DONE` and power-off follow.
 */
#ifndef AGENT_H
#define AGENT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A check prints its own verdicts through report(). */
typedef void check_function(void);

check_function check_clock, check_console_in, check_console_out, check_counters, check_diskbench, check_diskrecords,
	check_diskwriters, check_diskzero, check_features, check_hotplug, check_idle, check_locks, check_panic, check_port,
	check_powerkey, check_ptp, check_reboot, check_rtc, check_smp, check_stolen, check_terminal_size, check_vsock;

/* main.c */
void report(const char *name, bool passed, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A line on the console at once, whatever stdio holds back. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void power_off(void) __attribute__((noreturn));

/* parameters.c: `orko.NAME=value` of the kernel command line */
const char *parameter(const char *name, const char *otherwise);
long number_parameter(const char *name, long otherwise);

/* files.c */
/* What a file holds, at most bytes - 1 of it and without the last newline; false when it cannot be read. */
bool read_text(const char *path, char *text, size_t bytes);
bool write_text(const char *path, const char *text);

/* console.c */
/* The terminal that /dev/console stands for: /dev/ttyAMA0, say. */
const char *console_path(void);
/* Opens it in raw mode, -1 when that fails. */
int open_raw_console(void);
uint32_t crc32(uint32_t crc, const void *data, size_t bytes);

/* shell.c */
void run_shell(void);
/* A process that shuts the guest down when the power key is pressed. */
void watch_power_key(void);

/* cpus.c */
/* Online CPUs in ascending order, and how many. */
#define CPUS_MAX 64
int online_cpus(int cpus[CPUS_MAX]);
void pin_to(int cpu);
double seconds_now(void);

#endif
