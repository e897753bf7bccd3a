/* Clocks: the RTC and its alarm, what the clocks say over time, and stolen time. */
#include "agent.h"

#include <fcntl.h>
#include <linux/rtc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <time.h>
#include <unistd.h>

enum { ALARM_SECONDS = 2, ALARM_TIMEOUT_MS = 10000, SYSLOG_ACTION_READ_ALL = 3 };

static time_t rtc_seconds(int fd)
{
	struct rtc_time now;
	if (ioctl(fd, RTC_RD_TIME, &now))
		return -1;
	struct tm parts = { .tm_sec = now.tm_sec, .tm_min = now.tm_min, .tm_hour = now.tm_hour, .tm_mday = now.tm_mday,
			    .tm_mon = now.tm_mon, .tm_year = now.tm_year };
	return timegm(&parts);
}

static bool set_alarm(int fd, time_t when)
{
	struct tm parts;
	gmtime_r(&when, &parts);
	struct rtc_wkalrm alarm = { .enabled = 1 };
	alarm.time = (struct rtc_time){ .tm_sec = parts.tm_sec, .tm_min = parts.tm_min, .tm_hour = parts.tm_hour,
					.tm_mday = parts.tm_mday, .tm_mon = parts.tm_mon, .tm_year = parts.tm_year };
	return ioctl(fd, RTC_WKALM_SET, &alarm) == 0;
}

/* With `orko.epoch=SECONDS` the RTC has to be within `orko.slack` (120) seconds of it; the host knows when it started us. */
void check_rtc(void)
{
	int fd = open("/dev/rtc0", O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		report("rtc", false, "no /dev/rtc0");
		return;
	}
	time_t now = rtc_seconds(fd);
	long expected = number_parameter("epoch", (long)now);
	bool is_right = now > 0 && labs((long)now - expected) <= number_parameter("slack", 120);

	double start = seconds_now();
	bool is_set = set_alarm(fd, now + ALARM_SECONDS);
	struct pollfd alarm = { .fd = fd, .events = POLLIN };
	unsigned long events = 0;
	bool rang = is_set && poll(&alarm, 1, ALARM_TIMEOUT_MS) == 1 && read(fd, &events, sizeof events) > 0 && events & RTC_AF;
	double took = seconds_now() - start;
	/* The RTC may have been near its next second when we looked. */
	bool in_time = took > ALARM_SECONDS - 1.2 && took < ALARM_TIMEOUT_MS / 1000.0;
	report("rtc", is_right && rang && in_time, "epoch=%ld alarm=%d after=%.2f", (long)now, rang, took);
	close(fd);
}

static double clock_seconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A line every `orko.interval` (100) ms for `orko.seconds` (for ever): a pause must not show in monotonic time. */
void check_clock(void)
{
	long interval = number_parameter("interval", 100), seconds = number_parameter("seconds", 0);
	double start = seconds_now(), last = start, longest = 0;
	for (long line = 0; !seconds || last - start < (double)seconds; line++) {
		say("ORKO-CLOCK line=%ld monotonic=%.6f boottime=%.6f realtime=%.6f", line, clock_seconds(CLOCK_MONOTONIC),
		    clock_seconds(CLOCK_BOOTTIME), clock_seconds(CLOCK_REALTIME));
		usleep((useconds_t)interval * 1000);
		double now = seconds_now();
		longest = now - last > longest ? now - last : longest;
		last = now;
	}
	report("clock", true, "longest-step=%.3f", longest);
}

/* Hundredths of a second in /proc/stat's eighth column. */
static long stolen_ticks(void)
{
	char text[1024];
	long values[8] = { 0 };
	if (!read_text("/proc/stat", text, sizeof text))
		return -1;
	sscanf(text, "cpu %ld %ld %ld %ld %ld %ld %ld %ld", &values[0], &values[1], &values[2], &values[3], &values[4], &values[5],
	       &values[6], &values[7]);
	return values[7];
}

static bool kernel_said(const char *words)
{
	static char log[1 << 18];
	int bytes = klogctl(SYSLOG_ACTION_READ_ALL, log, sizeof log - 1);
	log[bytes > 0 ? bytes : 0] = 0;
	return strstr(log, words) != NULL;
}

/* Spins for `orko.seconds` (2). Passes when Linux found the interface; how much was stolen is the host's to judge. */
void check_stolen(void)
{
	double end = seconds_now() + (double)number_parameter("seconds", 2);
	long before = stolen_ticks();
	while (seconds_now() < end)
		;
	long after = stolen_ticks();
	/* arch/arm64/kernel/paravirt.c */
	report("stolen", kernel_said("using stolen time PV"), "before=%ld after=%ld", before, after);
}
