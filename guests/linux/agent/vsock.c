/* Streams between guest and host, many at once: each side sends, ends its half, and gets everything back. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
/* It needs struct sockaddr. */
#include <linux/vm_sockets.h>

enum { BUFFER_BYTES = 8192, EVENTS = 64, SILENCE_MS = 60000, CONNECT_SECONDS = 120, FDS = 16384 };

/* One end. A caller sends `total` bytes and checks what comes back; an echo returns what comes. */
struct stream {
	int fd;
	unsigned number;
	bool is_echo;
	size_t total, sent, received;
	/* What an echo has read and not yet returned. */
	size_t held, done;
	uint8_t *buffer;
};

static int events;
static unsigned open_count, finished_calls, finished_echoes, failures;
static char first_failure[128];
/* A caller ends its half once everything is sent, or the whole stream once everything has come back. */
static bool ends_half;

/* Byte `offset` of stream `number`: no two neighbours and no two streams are alike. */
static uint8_t byte_of(unsigned number, size_t offset)
{
	uint32_t value = (uint32_t)(offset + 1) * 2654435761u ^ (number + 1) * 40503u;
	return (uint8_t)(value >> 24 ^ value >> 11);
}

static void fail(const struct stream *stream, const char *what)
{
	if (!failures++)
		snprintf(first_failure, sizeof first_failure, "%s %u: %s after %zu sent and %zu received (errno %d)",
			 stream->is_echo ? "echo" : "call", stream->number, what, stream->sent, stream->received, errno);
}

static void finish(struct stream *stream)
{
	close(stream->fd);
	free(stream->buffer);
	if (stream->is_echo)
		finished_echoes++;
	else
		finished_calls++;
	free(stream);
	open_count--;
}

/* Watches for what the stream can go on with. */
static void watch(struct stream *stream, int operation)
{
	bool wants_to_write = stream->is_echo ? stream->done < stream->held : stream->sent < stream->total;
	bool wants_to_read = !stream->is_echo || !wants_to_write;
	struct epoll_event event = { .events = (wants_to_read ? EPOLLIN : 0) | (wants_to_write ? EPOLLOUT : 0), .data.ptr = stream };
	epoll_ctl(events, operation, stream->fd, &event);
}

static struct stream *add(int fd, unsigned number, bool is_echo, size_t total)
{
	struct stream *stream = calloc(1, sizeof *stream);
	*stream = (struct stream){ .fd = fd, .number = number, .is_echo = is_echo, .total = total, .buffer = malloc(BUFFER_BYTES) };
	open_count++;
	watch(stream, EPOLL_CTL_ADD);
	return stream;
}

/* How much was written; -1 when the stream is over. */
static ssize_t put(struct stream *stream, const uint8_t *bytes, size_t count)
{
	ssize_t sent = send(stream->fd, bytes, count, MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (sent < 0)
		fail(stream, "cannot send");
	return sent;
}

static bool call_sends(struct stream *stream)
{
	uint8_t bytes[BUFFER_BYTES];
	size_t count = stream->total - stream->sent < sizeof bytes ? stream->total - stream->sent : sizeof bytes;
	for (size_t index = 0; index < count; index++)
		bytes[index] = byte_of(stream->number, stream->sent + index);
	ssize_t sent = put(stream, bytes, count);
	if (sent < 0)
		return false;
	stream->sent += (size_t)sent;
	if (stream->sent == stream->total && ends_half)
		shutdown(stream->fd, SHUT_WR);
	return true;
}

static bool echo_sends(struct stream *stream)
{
	ssize_t sent = put(stream, stream->buffer + stream->done, stream->held - stream->done);
	if (sent < 0)
		return false;
	stream->done += (size_t)sent;
	stream->sent += (size_t)sent;
	return true;
}

/* False at the end, whatever kind of end it is. */
static bool receives(struct stream *stream)
{
	ssize_t count = recv(stream->fd, stream->buffer, BUFFER_BYTES, 0);
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (count < 0) {
		fail(stream, "cannot receive");
		return false;
	}
	if (!count) {
		if (!stream->is_echo && stream->received != stream->total)
			fail(stream, "ended early");
		return false;
	}
	if (stream->is_echo) {
		stream->held = (size_t)count;
		stream->done = 0;
	} else {
		for (ssize_t index = 0; index < count; index++)
			if (stream->buffer[index] != byte_of(stream->number, stream->received + (size_t)index)) {
				fail(stream, "wrong byte");
				return false;
			}
	}
	stream->received += (size_t)count;
	return stream->is_echo || ends_half || stream->received < stream->total;
}

static void serve(struct stream *stream, uint32_t what)
{
	bool goes_on = true;
	if (what & (EPOLLIN | EPOLLHUP | EPOLLERR) && !(stream->is_echo && stream->done < stream->held))
		goes_on = receives(stream);
	if (goes_on && what & EPOLLOUT && !stream->is_echo && stream->sent < stream->total)
		goes_on = call_sends(stream);
	if (goes_on && stream->is_echo && stream->done < stream->held)
		goes_on = echo_sends(stream);
	if (goes_on)
		watch(stream, EPOLL_CTL_MOD);
	else
		finish(stream);
}

static int vsock_socket(void)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* Under emulation a thousand connections take longer than the two seconds that Linux allows. */
	struct timeval patience = { .tv_sec = CONNECT_SECONDS };
	setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof patience);
	return fd;
}

static int listen_on(unsigned port, int backlog)
{
	int fd = vsock_socket();
	struct sockaddr_vm address = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port };
	if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, backlog)) {
		close(fd);
		return -1;
	}
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	epoll_ctl(events, EPOLL_CTL_ADD, fd, &event);
	return fd;
}

static void call(unsigned number, unsigned port, size_t bytes)
{
	int fd = vsock_socket();
	struct sockaddr_vm address = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port };
	int result = connect(fd, (struct sockaddr *)&address, sizeof address);
	struct stream *stream = add(fd, number, false, bytes);
	if (result && errno != EINPROGRESS) {
		fail(stream, "cannot connect");
		finish(stream);
	}
}

/*
 * `orko.streams` (8) calls to `orko.port` (5000) of the host, each of `orko.bytes` (64 KiB) that the host has to return, while
 * the host calls port 1024 here as often and gets its bytes back. With `orko.halves=0` (1) no caller ends its half alone.
 */
void check_vsock(void)
{
	unsigned streams = (unsigned)number_parameter("streams", 8), port = (unsigned)number_parameter("port", 5000);
	size_t bytes = (size_t)number_parameter("bytes", 65536);
	ends_half = number_parameter("halves", 1) != 0;
	struct rlimit limit = { .rlim_cur = FDS, .rlim_max = FDS };
	setrlimit(RLIMIT_NOFILE, &limit);
	events = epoll_create1(EPOLL_CLOEXEC);
	int listener = listen_on(1024, (int)streams);
	if (listener < 0) {
		report("vsock", false, "cannot listen (errno %d)", errno);
		return;
	}
	say("ORKO-READY vsock port=1024");
	for (unsigned number = 0; number < streams; number++)
		call(number, port, bytes);
	unsigned accepted = 0, most = 0;
	while (finished_calls < streams || finished_echoes < streams) {
		struct epoll_event ready[EVENTS];
		int count = epoll_wait(events, ready, EVENTS, SILENCE_MS);
		if (count <= 0)
			break;
		for (int index = 0; index < count; index++) {
			if (ready[index].data.ptr) {
				serve(ready[index].data.ptr, ready[index].events);
				continue;
			}
			for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
				add(fd, accepted++, true, 0);
		}
		most = open_count > most ? open_count : most;
	}
	report("vsock", !failures && finished_calls == streams && finished_echoes == streams,
	       "calls=%u echoes=%u bytes=%zu at-once=%u failures=%u %s", finished_calls, finished_echoes, bytes, most, failures,
	       first_failure);
	close(listener);
	close(events);
}
