/* The `orko.NAME=value` words of the kernel command line. */
#include "agent.h"

#include <stdlib.h>
#include <string.h>

const char *parameter(const char *name, const char *otherwise)
{
	static char line[4096], value[256];
	if (!line[0] && !read_text("/proc/cmdline", line, sizeof line))
		return otherwise;
	const char *result = otherwise;
	size_t length = strlen(name);
	/* The last one wins, as in the kernel. */
	for (const char *word = line; word; word = strchr(word, ' ')) {
		word += strspn(word, " ");
		if (strncmp(word, "orko.", 5) || strncmp(word + 5, name, length) || word[5 + length] != '=')
			continue;
		const char *start = word + 6 + length;
		size_t bytes = strcspn(start, " ");
		if (bytes >= sizeof value)
			bytes = sizeof value - 1;
		memcpy(value, start, bytes);
		value[bytes] = 0;
		result = value;
	}
	return result;
}

long number_parameter(const char *name, long otherwise)
{
	const char *text = parameter(name, NULL);
	return text ? strtol(text, NULL, 0) : otherwise;
}
