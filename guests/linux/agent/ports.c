/* Ports of virtio consoles: which there are, and one of them under load, both ways at once. */
#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { PIECE_BYTES = 65536, SILENCE_MS = 120000 };

#define PORTS "/sys/class/virtio-ports"

/* Says every port with its name; puts the path of the one called `wanted` into `path`. */
static bool find_port(const char *wanted, char *path, size_t bytes)
{
	bool is_found = false;
	DIR *ports = opendir(PORTS);
	for (struct dirent *entry; ports && (entry = readdir(ports));) {
		char file[400], name[128] = "";
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof file, PORTS "/%s/name", entry->d_name);
		read_text(file, name, sizeof name);
		say("ORKO-PORT %s name=%s", entry->d_name, name);
		if (!strcmp(name, wanted)) {
			snprintf(path, bytes, "/dev/%s", entry->d_name);
			is_found = true;
		}
	}
	if (ports)
		closedir(ports);
	return is_found;
}

/* Byte `offset` of what the guest sends. */
static uint8_t byte_of(size_t offset)
{
	return (uint8_t)(offset * 31 + (offset >> 8) * 7 + (offset >> 16));
}

/* The next piece of our bytes; false when that failed. */
static bool send_some(int fd, size_t *sent, size_t total, uint32_t *crc)
{
	static uint8_t piece[PIECE_BYTES];
	size_t count = total - *sent < sizeof piece ? total - *sent : sizeof piece;
	for (size_t index = 0; index < count; index++)
		piece[index] = byte_of(*sent + index);
	ssize_t put = write(fd, piece, count);
	if (put < 0)
		return errno == EAGAIN;
	*crc = crc32(*crc, piece, (size_t)put);
	*sent += (size_t)put;
	return true;
}

static bool receive_some(int fd, size_t *received, size_t total, uint32_t *crc)
{
	static uint8_t piece[PIECE_BYTES];
	ssize_t got = read(fd, piece, total - *received < sizeof piece ? total - *received : sizeof piece);
	if (got < 0)
		return errno == EAGAIN;
	*crc = crc32(*crc, piece, (size_t)got);
	*received += (size_t)got;
	/* 0: nobody is at the other end, now. */
	if (!got)
		usleep(10000);
	return true;
}

/*
 * Lists the ports, then sends `orko.bytes` (64 KiB) through the one called `orko.port` (data; the terminal if that is console) and
 * reads as many from it, whoever is at the other end, and reports the CRC-32 of both.
 */
void check_port(void)
{
	char path[300] = "", name[128];
	snprintf(name, sizeof name, "%s", parameter("port", "data"));
	size_t bytes = (size_t)number_parameter("bytes", 1 << 16), sent = 0, received = 0;
	uint32_t sent_crc = 0, received_crc = 0;
	bool is_port = find_port(name, path, sizeof path), is_console = !strcmp(name, "console");
	int fd = is_console ? open_raw_console() : is_port ? open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
	if (is_console)
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	say("ORKO-READY port=%s", path);
	while (fd >= 0 && (sent < bytes || received < bytes)) {
		struct pollfd port = { .fd = fd, .events = (short)((sent < bytes ? POLLOUT : 0) | (received < bytes ? POLLIN : 0)) };
		if (poll(&port, 1, SILENCE_MS) <= 0)
			break;
		if (port.revents & POLLOUT && !send_some(fd, &sent, bytes, &sent_crc))
			break;
		if (port.revents & (POLLIN | POLLHUP) && !receive_some(fd, &received, bytes, &received_crc))
			break;
	}
	/* The terminal stays raw: its reader is a test. */
	if (is_console)
		tcdrain(fd);
	report("port", fd >= 0 && sent == bytes && received == bytes, "sent=%zu crc32=%08x received=%zu crc32=%08x errno=%d", sent,
	       sent_crc, received, received_crc, errno);
	close(fd);
}

/* Says the terminal's size, and again whenever it has changed, until it is `orko.size` (120x40). */
void check_terminal_size(void)
{
	struct winsize size = { 0 }, last = { .ws_col = 0xffff };
	char text[32] = "", wanted[32];
	snprintf(wanted, sizeof wanted, "%s", parameter("size", "120x40"));
	int fd = open(console_path(), O_RDWR | O_NOCTTY | O_CLOEXEC);
	for (double end = seconds_now() + SILENCE_MS / 1000.0; fd >= 0 && strcmp(text, wanted) && seconds_now() < end; usleep(20000)) {
		ioctl(fd, TIOCGWINSZ, &size);
		if (size.ws_col == last.ws_col && size.ws_row == last.ws_row)
			continue;
		last = size;
		snprintf(text, sizeof text, "%ux%u", size.ws_col, size.ws_row);
		say("ORKO-SIZE %s", text);
	}
	report("terminal-size", !strcmp(text, wanted), "%s", text);
	close(fd);
}
