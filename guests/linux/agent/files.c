/* Small files of proc and sys, read and written whole. */
#include "agent.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool read_text(const char *path, char *text, size_t bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size_t count = 0;
	ssize_t got;
	while (count < bytes - 1 && (got = read(fd, text + count, bytes - 1 - count)) > 0)
		count += (size_t)got;
	close(fd);
	if (count && text[count - 1] == '\n')
		count--;
	text[count] = 0;
	return true;
}

bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool is_written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return is_written;
}
