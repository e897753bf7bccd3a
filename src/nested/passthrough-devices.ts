/**
 * PCI devices of an Arm host in QEMU that are there to be given to guests, behind an SMMU (docs/specs/edu.rst, ivshmem-spec.rst
 * and nvme.rst of QEMU). Nothing of the host needs them: no driver of Debian's takes those on the root bus, and the others' are modules.
 */
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MiB } from '../base/units.ts';

/** Where Linux finds them: those behind root ports in the order of the ports. */
export const PASSTHROUGH_DEVICES = {
  nvme: '0000:01:00.0',
  e1000e: '0000:02:00.0',
  virtioNet: '0000:03:00.0',
  edu: '0000:00:18.0',
  /** BAR 0 has 256 bytes of registers, BAR 2 shows memory. */
  ivshmem: '0000:00:19.0',
  testdev: '0000:00:1a.0',
  /** Shares its IOMMU group with the next, which the host uses. */
  eduInPair: '0000:00:1e.0',
  rngInPair: '0000:00:1e.1',
} as const;

const NVME_BYTES = 64 * MiB;
const NVME_SERIAL = 'orko-nvme';

/** Arguments for QEMU; what the disk holds is a file in `folder`. */
export async function passthroughArguments(folder: string): Promise<readonly string[]> {
  const disk = join(folder, 'nvme.raw');
  await writeFile(disk, '');
  await truncate(disk, NVME_BYTES);
  return [
    ...['-drive', `file=${disk},if=none,id=nvme,format=raw`],
    ...behindPort(1, `nvme,drive=nvme,serial=${NVME_SERIAL}`),
    ...['-netdev', 'user,id=net2,restrict=on', ...behindPort(2, 'e1000e,netdev=net2,romfile=')],
    ...['-netdev', 'user,id=net3,restrict=on'],
    ...behindPort(3, 'virtio-net-pci,netdev=net3,romfile=,disable-legacy=on,iommu_platform=on'),
    // Without a mask, which cuts addresses of DMA to 28 bits.
    ...['-device', 'edu,addr=0x18,dma_mask=0xffffffffffffffff'],
    ...['-object', 'memory-backend-ram,id=shm,size=4M,share=on', '-device', 'ivshmem-plain,memdev=shm,addr=0x19'],
    ...['-device', 'pci-testdev,addr=0x1a,membar=1M'],
    ...['-device', 'edu,addr=0x1e.0,multifunction=on', '-device', 'virtio-rng-pci,addr=0x1e.1'],
  ];
}

function behindPort(number: number, device: string): string[] {
  return [
    ...[
      '-device',
      `pcie-root-port,id=port${number},chassis=${number},slot=${number},addr=0x${(15 + number).toString(16)}`,
    ],
    ...['-device', `${device},bus=port${number}`],
  ];
}
