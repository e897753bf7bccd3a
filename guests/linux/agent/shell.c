/* The interactive guest: busybox's shell on the console with job control, and the power key. */
#include "agent.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INPUTS_MAX = 16 };

/* A shell needs a session of its own and a real terminal, which /dev/console is not, for Ctrl-C and job control. */
static pid_t start_shell(void)
{
	pid_t child = fork();
	if (child)
		return child;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	int fd = open(console_path(), O_RDWR);
	if (fd < 0)
		_exit(1);
	ioctl(fd, TIOCSCTTY, 1);
	for (int target = 0; target < 3; target++)
		dup2(fd, target);
	chdir("/root");
	setenv("PS1", "orko:\\w# ", 1);
	setenv("TERM", "vt100", 0);
	/* The applets' names take a moment to link, so only an interactive guest pays for them. */
	execl("/bin/sh", "-sh", "-c", "/bin/busybox --install -s /bin; exec /bin/sh -i", NULL);
	_exit(1);
}

/* busybox's poweroff, halt and reboot send these to PID 1. */
static void obey(int signal_number)
{
	sync();
	if (signal_number == SIGTERM)
		reboot(RB_AUTOBOOT);
	power_off();
}

void run_shell(void)
{
	struct utsname name;
	uname(&name);
	say("\nLinux %s on %s. Type poweroff, or exit the shell, to shut this guest down.", name.release, name.machine);
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	pid_t shell = start_shell();
	for (;;) {
		int signal_number = sigwaitinfo(&signals, NULL);
		if (signal_number > 0 && signal_number != SIGCHLD)
			obey(signal_number);
		for (pid_t ended; (ended = waitpid(-1, NULL, WNOHANG)) > 0;)
			if (ended == shell)
				power_off();
	}
}

static int open_inputs(struct pollfd inputs[INPUTS_MAX])
{
	int count = 0;
	DIR *directory = opendir("/dev/input");
	for (struct dirent *entry; directory && count < INPUTS_MAX && (entry = readdir(directory));) {
		char path[300];
		if (strncmp(entry->d_name, "event", 5))
			continue;
		snprintf(path, sizeof path, "/dev/input/%s", entry->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			inputs[count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	if (directory)
		closedir(directory);
	return count;
}

/* Blocks until KEY_POWER goes down; false when there is no input device. */
static bool wait_for_power_key(void)
{
	struct pollfd inputs[INPUTS_MAX];
	int count = open_inputs(inputs);
	while (count && poll(inputs, (nfds_t)count, -1) > 0) {
		for (int index = 0; index < count; index++) {
			struct input_event event;
			if (!(inputs[index].revents & POLLIN) || read(inputs[index].fd, &event, sizeof event) != sizeof event)
				continue;
			if (event.type == EV_KEY && event.code == KEY_POWER && event.value == 1)
				return true;
		}
	}
	return false;
}

void watch_power_key(void)
{
	if (fork())
		return;
	if (!wait_for_power_key())
		_exit(0);
	say("ORKO-POWERKEY");
	power_off();
}

void check_powerkey(void)
{
	struct pollfd inputs[INPUTS_MAX];
	int count = open_inputs(inputs);
	if (!count) {
		report("powerkey", false, "no input device");
		return;
	}
	say("ORKO-WAITING powerkey inputs=%d", count);
	for (;;)
		pause();
}
