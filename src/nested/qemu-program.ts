/** Which QEMU an Arm host runs in: this machine's own, or one that shows what that does not. */
import { join } from 'node:path';
import type { ProgressSink } from './progress.ts';
import { unpacked } from './unpacked.ts';

/**
 * Debian 12's is 7.2, which lets a guest access device memory as it likes; 10.0 raises alignment faults for it, those of stage 2 too
 * (target/arm/ptw.c, get_phys_addr_lpae). Debian 12's backports have it for Debian 12's libraries.
 */
const NEWER = { version: '10.0', suites: ['bookworm', 'bookworm-backports'] } as const;
const PACKAGES = ['qemu-system-arm', 'qemu-system-common', 'qemu-system-data'];

export const QEMU_PROGRAM = 'qemu-system-aarch64';
export const QEMU_NAMES = ['installed', NEWER.version] as const;
export type QemuName = (typeof QEMU_NAMES)[number];

/** The words before QEMU's other arguments. */
export async function qemuCommand(name: QemuName, progress: ProgressSink): Promise<readonly string[]> {
  if (name === 'installed') return [QEMU_PROGRAM];
  const { version, suites } = NEWER;
  const program = (root: string) => join(root, 'usr/bin', QEMU_PROGRAM);
  const { root, linker } = await unpacked(
    {
      name: `qemu-${version}`,
      what: `QEMU ${version}`,
      suites,
      packages: PACKAGES.map((name) => `${name}=1:${version}*`),
      proof: (root) => [program(root), '--version'],
    },
    progress,
  );
  return [...linker, program(root), '-L', join(root, 'usr/share/qemu')];
}
