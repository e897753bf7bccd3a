/* PID 1: says when it started, reads its orders from the command line, carries them out. */
#include "agent.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* 10 ms each. */
enum { CONSOLE_TRIES = 3000 };

static const struct { const char *name; check_function *run; } checks[] = {
	{ "clock", check_clock }, { "console-in", check_console_in }, { "console-out", check_console_out },
	{ "counters", check_counters }, { "diskbench", check_diskbench }, { "diskrecords", check_diskrecords },
	{ "diskwriters", check_diskwriters }, { "diskzero", check_diskzero },
	{ "features", check_features }, { "hotplug", check_hotplug },
	{ "idle", check_idle }, { "locks", check_locks }, { "panic", check_panic }, { "port", check_port },
	{ "powerkey", check_powerkey }, { "ptp", check_ptp },
	{ "reboot", check_reboot }, { "rtc", check_rtc }, { "smp", check_smp }, { "stolen", check_stolen },
	{ "terminal-size", check_terminal_size }, { "vsock", check_vsock },
};

void say(const char *format, ...)
{
	char line[1024];
	va_list arguments;
	va_start(arguments, format);
	int bytes = vsnprintf(line, sizeof line - 1, format, arguments);
	va_end(arguments);
	if (bytes > (int)sizeof line - 2)
		bytes = sizeof line - 2;
	line[bytes++] = '\n';
	if (write(1, line, (size_t)bytes) < 0)
		return;
}

void report(const char *name, bool passed, const char *format, ...)
{
	char detail[768];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(detail, sizeof detail, format, arguments);
	va_end(arguments);
	say("ORKO-CHECK %s %s %s", name, passed ? "PASS" : "FAIL", detail);
}

void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void run_check(const char *name)
{
	for (size_t index = 0; index < sizeof checks / sizeof *checks; index++) {
		if (!strcmp(checks[index].name, name)) {
			checks[index].run();
			return;
		}
	}
	report(name, false, "there is no such check");
}

/* From a shell: `/init NAME…` runs these checks. */
static int run_checks(char **names)
{
	for (; *names; names++)
		run_check(*names);
	return 0;
}

/*
 * `orko.console=NAME`: a console that comes later than /init, as one of a virtio console with ports does, whose driver has to ask
 * which port it is. From then on what we say goes there.
 */
static void await_console(void)
{
	const char *wanted = parameter("console", NULL);
	char path[64], active[128] = "";
	if (!wanted)
		return;
	snprintf(path, sizeof path, "/dev/%s", wanted);
	for (int tries = 0; tries < CONSOLE_TRIES && !strstr(active, wanted); tries++, usleep(10000))
		read_text("/sys/class/tty/console/active", active, sizeof active);
	int fd = open(path, O_RDWR | O_NOCTTY);
	for (int target = 0; fd >= 0 && target < 3; target++)
		dup2(fd, target);
}

int main(int argc, char **argv)
{
	(void)argc;
	if (getpid() != 1)
		return run_checks(argv + 1);
	struct timespec since_boot;
	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	say("orko-init: boottime=%ld.%06ld", (long)since_boot.tv_sec, since_boot.tv_nsec / 1000);

	mount("proc", "/proc", "proc", 0, NULL);
	/* A copy: the next parameter that is read takes the place of this one. */
	char *orders = strdup(parameter("run", "shell")), *rest;
	if (!strcmp(orders, "poweroff"))
		power_off();

	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mkdir("/dev/pts", 0755);
	mount("pts", "/dev/pts", "devpts", 0, NULL);
	mount("tmp", "/tmp", "tmpfs", 0, NULL);
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("HOME", "/root", 1);
	await_console();
	watch_power_key();
	if (!strcmp(orders, "shell"))
		run_shell();

	for (char *name = strtok_r(orders, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
		run_check(name);
	say("ORKO-DONE");
	power_off();
}
