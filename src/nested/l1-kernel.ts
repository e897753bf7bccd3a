/** Kernels of L1: Debian's, with their modules as an image of their own and an initramfs that reaches the disk. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cached } from './cache.ts';
import { command } from './command.ts';
import { type CpioEntry, encodeCpio } from './cpio.ts';
import { debianMirror, SUITE, unpackPackages } from './debian.ts';
import { type ProgressSink, step } from './progress.ts';

/** By page size. */
const PACKAGE = { '4k': 'linux-image-arm64', '16k': 'linux-image-arm64-16k' } as const;
export type L1KernelName = keyof typeof PACKAGE;
export const L1_KERNEL_NAMES = Object.keys(PACKAGE) as L1KernelName[];

/** What it takes to reach the disk, the shares and the network. */
const BOOT_MODULES = ['virtio_blk', 'ext4', 'overlay', '9pnet_virtio', '9p', 'virtio_net'];

export interface L1Kernel {
  readonly image: string;
  /** cpio archive with BusyBox and the modules that reach the disk and the network. */
  readonly initramfs: string;
  /** ext4 image of /usr/lib/modules. */
  readonly modules: string;
}

export async function l1Kernel(name: L1KernelName, progress: ProgressSink): Promise<L1Kernel> {
  const packages = [PACKAGE[name], 'busybox-static'];
  const inputs = [SUITE, packages, BOOT_MODULES];
  const directory = await cached(`l1-kernel-${name}`, inputs, (target) =>
    step(
      progress,
      `Building the Arm host's kernel from Debian package ${PACKAGE[name]}`,
      () => buildKernel(target, packages),
      (version) => version,
    ),
  );
  return {
    image: join(directory, 'vmlinuz'),
    initramfs: join(directory, 'initramfs.cpio'),
    modules: join(directory, 'modules.ext4'),
  };
}

async function buildKernel(target: string, packages: readonly string[]): Promise<string> {
  const script = `
set -e
root=$1/root; target=$1; mirror=$2; shift 2
"$@" "$root" "$mirror"
version=$(basename "$root"/usr/lib/modules/*)
cp "$root"/boot/vmlinuz-"$version" "$target"/vmlinuz
[ -e "$root"/lib ] || ln -s usr/lib "$root"/lib
depmod -b "$root" "$version"
mkdir "$target"/boot-modules
for module in ${BOOT_MODULES.join(' ')}; do
  modprobe --dirname="$root" --set-version="$version" --show-depends --ignore-install "$module"
done >"$target"/order
sed -n 's/^insmod //p' "$target"/order | awk '!seen[$1]++ { print $1 }' >"$target"/files
while read -r file; do
  case $file in *.xz) xz -dc "$file" ;; *.zst) zstd -dcq "$file" ;; *) cat "$file" ;; esac \\
    >"$target"/boot-modules/"$(basename "$file" | sed 's/\\.ko.*/.ko/')"
done <"$target"/files
cp "$root"/usr/bin/busybox "$target"/busybox
size=$(du -sm "$root"/usr/lib/modules | cut -f1)
mke2fs -q -t ext4 -L orko-modules -m 0 -O ^has_journal -d "$root"/usr/lib/modules "$target"/modules.ext4 $((size + size / 8 + 32))M >/dev/null
rm -rf "$root"
echo "$version"
`;
  const unpack = await unpackPackages(packages);
  const output = await command("build the Arm host's kernel", 'fakeroot', [
    ...['--', 'sh', '-c', script, 'sh', target, await debianMirror(), ...unpack],
  ]);
  const order = (await readFile(join(target, 'files'), 'utf8')).trim().split('\n');
  await writeFile(join(target, 'initramfs.cpio'), await initramfs(target, order));
  for (const left of ['boot-modules', 'busybox', 'files', 'order']) await rm(join(target, left), { recursive: true });
  return output.trim();
}

/** BusyBox and the modules in order of their numbers; `l1-settings.ts` adds the script that uses them. */
async function initramfs(target: string, order: readonly string[]): Promise<Uint8Array> {
  const entries: CpioEntry[] = ['bin', 'dev', 'lower', 'modules', 'root', 'upper'].map((path) => ({
    kind: 'directory',
    path,
  }));
  entries.push({
    kind: 'file',
    path: 'bin/busybox',
    data: await readFile(join(target, 'busybox')),
    isExecutable: true,
  });
  for (const [index, path] of order.entries()) {
    const file = basename(path).replace(/\.ko.*$/, '.ko');
    const data = await readFile(join(target, 'boot-modules', file));
    entries.push({ kind: 'file', path: `modules/${String(index).padStart(2, '0')}-${file}`, data });
  }
  return encodeCpio(entries);
}
