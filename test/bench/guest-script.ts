/** Guests that carry out a few shell commands and power off: their command line for the kernel. */

const MOUNTS = ['proc /proc -t proc', 'sys /sys -t sysfs', 'dev /dev -t devtmpfs'].map((words) => `mount ${words}`);

/** For the tests' initramfs. The commands must not contain `"`. */
export function scriptCmdline(commands: readonly string[]): string {
  const script = ['/bin/busybox --install -s /bin', ...MOUNTS, ...commands, 'poweroff -f'].join('; ');
  return `console=ttyAMA0 quiet rdinit=/bin/sh -- -c "${script}"`;
}

/** Says what a command printed, and the seconds of a clock that counts hundredths before and after: they take many of them. */
export const timed = (word: string, command: string): readonly string[] => [
  'read begin idle </proc/uptime',
  `count=$(${command})`,
  'read end idle </proc/uptime',
  `echo ${word} $count $begin $end`,
];

/** Has dd print how many whole blocks it has written, which is all that BusyBox has to say. */
export const copied = (words: string): string => `dd ${words} 2>&1 | sed -n 's/+0 records out//p'`;

/** What a `timed` command has said. */
export function said(output: string, word: string): { readonly count: number; readonly seconds: number } | undefined {
  const [, count, begin, end] = new RegExp(`^${word} (\\d+) ([\\d.]+) ([\\d.]+)`, 'm').exec(output) ?? [];
  return count === undefined ? undefined : { count: Number(count), seconds: Number(end) - Number(begin) };
}
