/* Locks on a file that is shared with the host: whole files by flock(2), and ranges of bytes by fcntl(2), which two processes want. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of `length` bytes at `start`; what the system said, 0 for success. */
static int lock_range(int fd, short type, off_t start, off_t length)
{
	struct flock range = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
	return fcntl(fd, F_SETLK, &range) ? errno : 0;
}

/* The same by another process, which opens the file for itself. */
static int lock_range_elsewhere(const char *path, off_t start, off_t length)
{
	pid_t child = fork();
	if (child == 0) {
		int fd = open(path, O_RDWR | O_CLOEXEC);
		_exit(fd < 0 ? errno : lock_range(fd, F_WRLCK, start, length));
	}
	int status = -1;
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return ECHILD;
	return WEXITSTATUS(status);
}

static int lock_file(int fd, int operation)
{
	return flock(fd, operation | LOCK_NB) ? errno : 0;
}

/* Says what is wrong with a step, if anything is. */
static bool step(const char *what, int got, int wanted)
{
	if (got != wanted)
		report("locks", false, "%s: %s", what, strerror(got));
	return got == wanted;
}

/* The file is made. */
void check_locks(void)
{
	const char *path = "/mnt/lock";
	int mine = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), other = open(path, O_RDWR | O_CLOEXEC);
	if (mine < 0 || other < 0) {
		report("locks", false, "%s: %s", path, strerror(errno));
		return;
	}
	bool passed = step("flock", lock_file(mine, LOCK_EX), 0) &&
		step("flock of a locked file", lock_file(other, LOCK_EX), EWOULDBLOCK) &&
		step("unlocking", lock_file(mine, LOCK_UN), 0) &&
		step("flock of an unlocked file", lock_file(other, LOCK_EX), 0) &&
		step("a range", lock_range(mine, F_WRLCK, 0, 100), 0) &&
		step("another range, by another process", lock_range_elsewhere(path, 100, 1), 0) &&
		step("a locked range, by another process", lock_range_elsewhere(path, 99, 1), EAGAIN) &&
		step("unlocking a range", lock_range(mine, F_UNLCK, 0, 100), 0) &&
		step("an unlocked range, by another process", lock_range_elsewhere(path, 99, 1), 0);
	if (passed)
		report("locks", true, "%s", path);
	close(other);
	close(mine);
}
