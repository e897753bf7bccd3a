/* The console under load, both ways; checksums let the host see that no byte was lost, doubled or changed. */
#include "agent.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* A record's text in the console test; long enough that prefixes matter little, short enough for one printk. */
enum { KMSG_LINE_BYTES = 256, KMSG_BURST_LINES = 64, INPUT_IDLE_MS = 20000 };

const char *console_path(void)
{
	static char path[64];
	char names[48];
	if (!read_text("/sys/class/tty/console/active", names, sizeof names) || !names[0])
		return "/dev/console";
	/* With several consoles /dev/console is the last one named. */
	const char *last = strrchr(names, ' ');
	snprintf(path, sizeof path, "/dev/%s", last ? last + 1 : names);
	return path;
}

static struct termios saved;

int open_raw_console(void)
{
	int fd = open(console_path(), O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios raw;
	if (fd < 0 || tcgetattr(fd, &saved))
		return -1;
	raw = saved;
	cfmakeraw(&raw);
	return tcsetattr(fd, TCSANOW, &raw) ? -1 : fd;
}

static void close_raw_console(int fd)
{
	tcdrain(fd);
	tcsetattr(fd, TCSANOW, &saved);
	close(fd);
}

/* The reflected CRC-32 of IEEE 802.3, as zlib has it. */
uint32_t crc32(uint32_t crc, const void *data, size_t bytes)
{
	const uint8_t *byte = data;
	crc = ~crc;
	while (bytes--) {
		crc ^= *byte++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* Whether a console's printing thread is still at work; kernels without such threads print within the write itself. */
static bool printer_is_busy(void)
{
	bool is_busy = false;
	DIR *proc = opendir("/proc");
	for (struct dirent *entry; proc && (entry = readdir(proc));) {
		char path[300], status[256];
		snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || !read_text(path, status, sizeof status))
			continue;
		const char *name = strchr(status, '('), *end = strrchr(status, ')');
		if (name && end && !strncmp(name, "(pr/", 4) && end[1] && end[2] != 'S')
			is_busy = true;
	}
	if (proc)
		closedir(proc);
	return is_busy;
}

/* Records wait in a ring of 128 KiB for the printing thread: a flood would push out what it has not printed. */
static void wait_for_printer(void)
{
	/* Seldom: looking takes an emulated CPU as long as printing many bytes. */
	for (int quiet = 0; quiet < 2; quiet = printer_is_busy() ? 0 : quiet + 1)
		usleep(20000);
}

static unsigned print_records(size_t bytes)
{
	/* Priority 1 is shown whatever `quiet` says; /dev/kmsg is rate-limited unless this says otherwise, newline included. */
	write_text("/proc/sys/kernel/printk_devkmsg", "on\n");
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	unsigned lines = 0;
	for (; fd >= 0 && (size_t)lines * KMSG_LINE_BYTES < bytes; lines++) {
		char line[KMSG_LINE_BYTES + 8];
		int length = snprintf(line, sizeof line, "<1>ORKO-PRINTK %06u ", lines);
		/* Three characters are the priority. Without its newline a record would wait for its continuation. */
		while (length < KMSG_LINE_BYTES + 3 - 1)
			line[length] = (char)('a' + (lines + (unsigned)length) % 26), length++;
		line[length++] = '\n';
		if (write(fd, line, (size_t)length) != length)
			break;
		if (lines % KMSG_BURST_LINES == KMSG_BURST_LINES - 1)
			wait_for_printer();
	}
	wait_for_printer();
	close(fd);
	return lines;
}

/* `orko.bytes` (1 MiB) by printk in numbered lines, and as many raw bytes of all 256 values through the terminal. */
void check_console_out(void)
{
	size_t bytes = (size_t)number_parameter("bytes", 1 << 20);
	unsigned lines = print_records(bytes);
	say("ORKO-PRINTK-DONE lines=%u bytes=%d", lines, KMSG_LINE_BYTES);

	uint8_t *data = malloc(bytes);
	uint32_t state = 0x6f726b6f;
	for (size_t index = 0; index < bytes; index++) {
		/* xorshift32 */
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		data[index] = (uint8_t)state;
	}
	say("ORKO-TTY-BEGIN bytes=%zu", bytes);
	int fd = open_raw_console();
	size_t sent = 0;
	for (ssize_t got; fd >= 0 && sent < bytes && (got = write(fd, data + sent, bytes - sent)) > 0;)
		sent += (size_t)got;
	if (fd >= 0)
		close_raw_console(fd);
	say("\nORKO-TTY-END crc32=%08x", crc32(0, data, bytes));
	report("console-out", sent == bytes && (size_t)lines * KMSG_LINE_BYTES >= bytes, "lines=%u tty=%zu crc32=%08x", lines, sent,
	       crc32(0, data, bytes));
	free(data);
}

/* Reads `orko.input` or `orko.bytes` (64 KiB) of any value after it has said ORKO-READY, and reports their CRC-32. */
void check_console_in(void)
{
	size_t bytes = (size_t)number_parameter("input", number_parameter("bytes", 1 << 16)), count = 0;
	uint32_t crc = 0;
	int fd = open_raw_console();
	say("ORKO-READY bytes=%zu", bytes);
	struct pollfd input = { .fd = fd, .events = POLLIN };
	while (fd >= 0 && count < bytes && poll(&input, 1, INPUT_IDLE_MS) > 0) {
		uint8_t buffer[4096];
		size_t wanted = bytes - count < sizeof buffer ? bytes - count : sizeof buffer;
		ssize_t got = read(fd, buffer, wanted);
		if (got <= 0)
			break;
		crc = crc32(crc, buffer, (size_t)got);
		count += (size_t)got;
	}
	if (fd >= 0)
		close_raw_console(fd);
	report("console-in", count == bytes, "bytes=%zu crc32=%08x", count, crc);
}
