/* Many requests at once, each of which is looked at again: nothing is lost, and nothing old comes back, whoever serves the disk. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WRITERS_MAX = 64, PAGE = 4096, BLOCKS_EACH = 64, READ_EVERY = 8 };

struct writer {
	pthread_t thread;
	int fd, index;
	double end;
	uint64_t state, requests;
	/* What stands in each of its blocks. */
	uint32_t versions[BLOCKS_EACH];
	char error[120];
};

static atomic_ulong written;

static void fill(uint32_t *words, uint32_t block, uint32_t version)
{
	for (size_t index = 0; index < PAGE / sizeof *words; index += 2) {
		words[index] = block;
		words[index + 1] = version;
	}
}

static off_t place_of(const struct writer *writer, uint32_t block)
{
	return ((off_t)writer->index * BLOCKS_EACH + block) * PAGE;
}

static bool check_block(struct writer *writer, uint32_t *words, uint32_t block)
{
	static _Thread_local uint32_t expected[PAGE / sizeof(uint32_t)];
	fill(expected, block, writer->versions[block]);
	if (pread(writer->fd, words, PAGE, place_of(writer, block)) != PAGE)
		snprintf(writer->error, sizeof writer->error, "writer %d reads block %u: %s", writer->index, block, strerror(errno));
	else if (memcmp(words, expected, PAGE) != 0)
		snprintf(writer->error, sizeof writer->error, "writer %d: block %u holds %u of %u, not version %u", writer->index, block,
			 words[1], words[0], writer->versions[block]);
	return !writer->error[0];
}

/* Writes a block of its own, one at a time; now and then it reads one that it wrote before. At the end it reads all. */
static void *work(void *argument)
{
	struct writer *writer = argument;
	uint32_t *words;
	if (posix_memalign((void **)&words, PAGE, PAGE)) {
		snprintf(writer->error, sizeof writer->error, "no memory");
		return NULL;
	}
	while (seconds_now() < writer->end && !writer->error[0]) {
		writer->state = writer->state * 6364136223846793005u + 1442695040888963407u;
		uint32_t block = (uint32_t)(writer->state >> 33) % BLOCKS_EACH;
		if (writer->requests++ % READ_EVERY == 0 && writer->versions[block] > 0) {
			check_block(writer, words, block);
			continue;
		}
		fill(words, block, ++writer->versions[block]);
		if (pwrite(writer->fd, words, PAGE, place_of(writer, block)) != PAGE)
			snprintf(writer->error, sizeof writer->error, "writer %d writes block %u: %s", writer->index, block, strerror(errno));
		else
			atomic_fetch_add(&written, 1);
	}
	for (uint32_t block = 0; block < BLOCKS_EACH && !writer->error[0]; block++)
		if (writer->versions[block] > 0)
			check_block(writer, words, block);
	free(words);
	return NULL;
}

/* `orko.writers=32` of them, `orko.seconds=10`, `orko.disk=/dev/vda`. Says now and then how many blocks were written. */
void check_diskwriters(void)
{
	static struct writer writers[WRITERS_MAX];
	long count = number_parameter("writers", 32);
	const char *disk = parameter("disk", "/dev/vda");
	int fd = open(disk, O_RDWR | O_DIRECT | O_CLOEXEC);
	uint64_t bytes = 0;
	if (fd < 0 || count > WRITERS_MAX || ioctl(fd, BLKGETSIZE64, &bytes) || bytes < (uint64_t)count * BLOCKS_EACH * PAGE) {
		report("diskwriters", false, "%s: %s, %llu bytes", disk, strerror(errno), (unsigned long long)bytes);
		return;
	}
	double end = seconds_now() + (double)number_parameter("seconds", 10);
	for (int index = 0; index < count; index++) {
		writers[index] = (struct writer){ .fd = fd, .index = index, .end = end, .state = (uint64_t)index + 1 };
		pthread_create(&writers[index].thread, NULL, work, &writers[index]);
	}
	while (seconds_now() < end) {
		say("ORKO-WROTE %lu", atomic_load(&written));
		sleep(1);
	}
	const char *error = "";
	for (int index = 0; index < count; index++) {
		pthread_join(writers[index].thread, NULL);
		error = error[0] ? error : writers[index].error;
	}
	report("diskwriters", !error[0], "%lu blocks %s", atomic_load(&written), error);
	close(fd);
}
