/* PTP clocks (virtio-rtc): what each shows against the guest's own clock, and together with the guest's counter. */
#include "agent.h"

#include <fcntl.h>
#include <linux/ptp_clock.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { CLOCKS_MAX = 16, TRIES = 10 };

/* A clock behind a file descriptor (clock_gettime(2), "Dynamic clocks"). */
static clockid_t clock_of(int fd)
{
	return ((~(clockid_t)fd) << 3) | 3;
}

static int64_t nanoseconds(clockid_t clock)
{
	struct timespec now;
	return clock_gettime(clock, &now) ? -1 : now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t nanoseconds_of(struct ptp_clock_time time)
{
	return time.sec * INT64_C(1000000000) + time.nsec;
}

/* How far `clock` is ahead of CLOCK_REALTIME by reading both, at best, and how uncertain that is. */
static int64_t offset_of(clockid_t clock, int64_t *uncertainty)
{
	int64_t best = 0;
	*uncertainty = INT64_MAX;
	for (int try = 0; try < TRIES; try++) {
		int64_t before = nanoseconds(CLOCK_REALTIME), there = nanoseconds(clock), after = nanoseconds(CLOCK_REALTIME);
		if (after - before >= *uncertainty)
			continue;
		*uncertainty = after - before;
		best = there - (before + after) / 2;
	}
	return best;
}

/* The kernel's offset from one reading of both (READ_CROSS) has to agree with ours. */
static bool check_cross(int fd, int64_t offset, int64_t uncertainty, int64_t *difference)
{
	struct ptp_sys_offset_precise precise = { 0 };
	for (int try = 0; try < TRIES; try++) {
		if (ioctl(fd, PTP_SYS_OFFSET_PRECISE, &precise))
			continue;
		*difference = nanoseconds_of(precise.device) - nanoseconds_of(precise.sys_realtime) - offset;
		return llabs(*difference) <= uncertainty;
	}
	return false;
}

/* A line for each clock: name, seconds, whether it can be read with the counter, and if so how well that agrees. */
void check_ptp(void)
{
	int count = 0;
	bool passed = true;
	for (int index = 0; index < CLOCKS_MAX; index++) {
		char path[64], name[64];
		snprintf(path, sizeof path, "/dev/ptp%d", index);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		count++;
		snprintf(path, sizeof path, "/sys/class/ptp/ptp%d/clock_name", index);
		struct ptp_clock_caps capabilities = { 0 };
		bool can_cross = !ioctl(fd, PTP_CLOCK_GETCAPS, &capabilities) && capabilities.cross_timestamping;
		int64_t uncertainty, offset = offset_of(clock_of(fd), &uncertainty), difference = 0;
		bool agrees = !can_cross || check_cross(fd, offset, uncertainty, &difference);
		passed = passed && uncertainty < INT64_MAX && agrees;
		say("ORKO-PTP %d seconds=%lld cross=%d difference=%lld uncertainty=%lld name=%s", index,
		    (long long)(nanoseconds(clock_of(fd)) / 1000000000), can_cross, (long long)difference, (long long)uncertainty,
		    read_text(path, name, sizeof name) ? name : "?");
		close(fd);
	}
	report("ptp", passed && count > 0, "clocks=%d", count);
}
