/** Guests that carry out a few shell commands and power off: their command line for the kernel. */

const MOUNTS = ['proc /proc -t proc', 'sys /sys -t sysfs', 'dev /dev -t devtmpfs'].map((words) => `mount ${words}`);

/** For the tests' initramfs. The commands must not contain `"`. */
export function scriptCmdline(commands: readonly string[]): string {
  const script = ['/bin/busybox --install -s /bin', ...MOUNTS, ...commands, 'poweroff -f'].join('; ');
  return `console=ttyAMA0 quiet rdinit=/bin/sh -- -c "${script}"`;
}
