/** Where a console may lead: the serial port's, and those of virtio consoles. */

export const CONSOLE_ENDPOINT = {
  words: {
    stdio: 'this terminal, in raw mode (or the pipe that stands in its place)',
    pty: 'a new pseudo-terminal, its name is printed',
    none: 'nowhere',
  },
  schemes: {
    file: 'appended to a file, no input',
    unix: 'a Unix socket at this path; what was printed before someone attached is kept for them',
  },
} as const;
