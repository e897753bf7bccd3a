/* Block devices: how fast one is, and that what was acknowledged as written is there after a crash. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { THREADS_MAX = 64, PAGE = 4096, RANDOM_BYTES = 4096, SEQUENTIAL_BYTES = 256 * 1024, APPEARS_WITHIN_SECONDS = 10 };

struct load {
	const char *name;
	bool is_random, is_write;
	int threads;
};

/* The figures of test/bench/blk.ts. */
static const struct load loads[] = {
	{ "rand-qd1", true, false, 1 },
	{ "rand-qd8", true, false, 8 },
	{ "seq-read", false, false, 1 },
	{ "seq-write", false, true, 1 },
};

struct worker {
	pthread_t thread;
	const struct load *load;
	int fd;
	uint64_t device_bytes, state, requests;
	double end;
	int error;
};

/* xorshift64: any state but 0. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* One request after the other, as fast as they are served. */
static void *work(void *argument)
{
	struct worker *worker = argument;
	const struct load *load = worker->load;
	size_t bytes = load->is_random ? RANDOM_BYTES : SEQUENTIAL_BYTES;
	uint64_t blocks = worker->device_bytes / bytes;
	void *buffer;
	if (posix_memalign(&buffer, PAGE, bytes)) {
		worker->error = ENOMEM;
		return NULL;
	}
	memset(buffer, 0x5a, bytes);
	while (!worker->error && seconds_now() < worker->end) {
		uint64_t block = load->is_random ? next_random(&worker->state) % blocks : worker->requests % blocks;
		off_t offset = (off_t)(block * bytes);
		ssize_t done = load->is_write ? pwrite(worker->fd, buffer, bytes, offset) : pread(worker->fd, buffer, bytes, offset);
		if (done != (ssize_t)bytes)
			worker->error = done < 0 ? errno : EIO;
		worker->requests++;
	}
	free(buffer);
	return NULL;
}

/* The driver of an NVMe disk goes on looking at it when init has begun. */
static int open_disk(const char *path)
{
	double patience = seconds_now() + APPEARS_WITHIN_SECONDS;
	int fd;
	while ((fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC)) < 0 && errno == ENOENT && seconds_now() < patience)
		usleep(10000);
	return fd;
}

/* Says when it begins and ends, so that the host can look at its own counters then. */
static void run_load(const char *path, const struct load *load, double seconds)
{
	static struct worker workers[THREADS_MAX];
	int fd = open_disk(path);
	uint64_t device_bytes = 0;
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &device_bytes)) {
		report("diskbench", false, "%s: %s", path, strerror(errno));
		return;
	}
	say("ORKO-LOAD begin %s", load->name);
	double start = seconds_now();
	for (int index = 0; index < load->threads; index++) {
		workers[index] = (struct worker){ .load = load, .fd = fd, .device_bytes = device_bytes,
						  .state = 0x9e3779b97f4a7c15u * (uint64_t)(index + 1), .end = start + seconds };
		pthread_create(&workers[index].thread, NULL, work, &workers[index]);
	}
	uint64_t requests = 0;
	int error = 0;
	for (int index = 0; index < load->threads; index++) {
		pthread_join(workers[index].thread, NULL);
		requests += workers[index].requests;
		error = error ? error : workers[index].error;
	}
	double took = seconds_now() - start;
	size_t bytes = load->is_random ? RANDOM_BYTES : SEQUENTIAL_BYTES;
	say("ORKO-LOAD end %s requests=%llu bytes=%llu seconds=%.6f", load->name, (unsigned long long)requests,
	    (unsigned long long)(requests * bytes), took);
	if (error)
		report("diskbench", false, "%s: %s", load->name, strerror(error));
	close(fd);
}

/* `orko.loads=rand-qd1+seq-read` (default: all), `orko.seconds=10` for each, `orko.disk=/dev/vda`. It writes to that disk. */
void check_diskbench(void)
{
	const char *wanted = parameter("loads", "");
	char list[256];
	snprintf(list, sizeof list, "+%s+", wanted);
	char disk[64];
	snprintf(disk, sizeof disk, "%s", parameter("disk", "/dev/vda"));
	double seconds = (double)number_parameter("seconds", 10);
	for (size_t index = 0; index < sizeof loads / sizeof *loads; index++) {
		char word[32];
		snprintf(word, sizeof word, "+%s+", loads[index].name);
		if (strcmp(list, "++") == 0 || strstr(list, word))
			run_load(disk, &loads[index], seconds);
	}
	report("diskbench", true, "done");
}

/* A record fills a block: its number and a checksum over that, again and again. */
static void fill_record(uint32_t *words, uint32_t number)
{
	for (size_t index = 0; index < PAGE / sizeof *words; index += 2) {
		words[index] = number;
		words[index + 1] = ~number * 2654435761u;
	}
}

/*
 * Writes records 1, 2, 3 … to their places, each followed by fsync, and says after each which one is safe. It goes on until
 * somebody pulls the plug, `orko.records=N` of them at most.
 */
void check_diskrecords(void)
{
	static uint32_t words[PAGE / sizeof(uint32_t)] __attribute__((aligned(PAGE)));
	long last = number_parameter("records", 1000000);
	const char *path = parameter("disk", "/dev/vda");
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		report("diskrecords", false, "%s: %s", path, strerror(errno));
		return;
	}
	for (long number = 1; number <= last; number++) {
		fill_record(words, (uint32_t)number);
		if (pwrite(fd, words, PAGE, (off_t)number * PAGE) != PAGE || fsync(fd)) {
			report("diskrecords", false, "record %ld: %s", number, strerror(errno));
			return;
		}
		say("ORKO-SAFE %ld", number);
	}
	report("diskrecords", true, "%ld records", last);
}

/* Has `orko.zeroes` bytes (2 MiB) from offset 4 MiB on zeroed: no program of busybox does. */
void check_diskzero(void)
{
	uint64_t range[2] = { 4 << 20, (uint64_t)number_parameter("zeroes", 2 << 20) };
	int fd = open(parameter("disk", "/dev/vda"), O_RDWR | O_CLOEXEC);
	bool is_done = fd >= 0 && !ioctl(fd, BLKZEROOUT, range);
	report("diskzero", is_done, "%s", is_done ? "done" : strerror(errno));
	close(fd);
}
