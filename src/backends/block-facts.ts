/** What the kernel says about a block device or a file as the place of a disk image: sizes, and whether it can be discarded. */
import { fstatSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from '../abi/libc.ts';
import { alignUp } from '../base/bits.ts';
import type { BlockSizes } from '../devices/disk.ts';
import type { Fd } from '../host/fd.ts';
import { fallocate } from '../host/file-io.ts';
import { HostFiles } from '../host/host-files.ts';

export interface BlockFacts {
  readonly isBlockDevice: boolean;
  readonly sizeBytes: number;
  readonly blocks: BlockSizes;
  readonly canDiscard: boolean;
}

/** Files are cached in pages and stored in blocks of about that size, whatever st_blksize recommends. */
const FILE_BLOCK_BYTES = 4096;
const SECTOR_BYTES = 512;

export function blockFacts(fd: Fd, logicalBlockSize: number | undefined): BlockFacts {
  const stat = fstatSync(fd.number);
  if (stat.isBlockDevice()) return deviceFacts(stat.rdev, logicalBlockSize);
  const logical = logicalBlockSize ?? SECTOR_BYTES;
  return {
    isBlockDevice: false,
    sizeBytes: stat.size,
    blocks: {
      logical,
      physical: FILE_BLOCK_BYTES,
      alignmentOffset: 0,
      minimumIo: FILE_BLOCK_BYTES,
      optimalIo: stat.blksize > FILE_BLOCK_BYTES ? stat.blksize : 0,
    },
    canDiscard: canPunchHoles(fd, stat.size),
  };
}

/** A hole behind the end changes nothing, and is refused where there are no holes. */
function canPunchHoles(fd: Fd, sizeBytes: number): boolean {
  const end = alignUp(sizeBytes, FILE_BLOCK_BYTES);
  return fallocate(fd.number, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, end, FILE_BLOCK_BYTES) === 0;
}

/** Documentation/ABI/stable/sysfs-block. A partition has the queue of its disk. */
function deviceFacts(rdev: number, logicalBlockSize: number | undefined): BlockFacts {
  const files = new HostFiles();
  const device = realpathSync(`/sys/dev/block/${deviceNumber(rdev)}`);
  const disk = files.number(join(device, 'partition')) === undefined ? device : dirname(device);
  const queue = (name: string) => files.number(join(disk, 'queue', name)) ?? 0;
  const logical = Math.max(logicalBlockSize ?? 0, queue('logical_block_size'), SECTOR_BYTES);
  const physical = Math.max(queue('physical_block_size'), logical);
  return {
    isBlockDevice: true,
    sizeBytes: (files.number(join(device, 'size')) ?? 0) * SECTOR_BYTES,
    blocks: {
      logical,
      physical,
      alignmentOffset: Math.max(0, files.number(join(device, 'alignment_offset')) ?? 0),
      minimumIo: Math.max(queue('minimum_io_size'), physical),
      optimalIo: queue('optimal_io_size'),
    },
    canDiscard: queue('discard_max_bytes') > 0,
  };
}

/** "MAJOR:MINOR" of st_rdev, which glibc packs (sys/sysmacros.h): bits 8–19 and 32–63 are the major number. */
function deviceNumber(rdev: number): string {
  const high = Math.floor(rdev / 2 ** 32);
  const low = (rdev % 2 ** 32) >>> 0;
  const major = ((low >>> 8) & 0xfff) + (high & 0xffff_f000);
  const minor = (low & 0xff) + ((low >>> 12) & 0xf_ff00);
  return `${major}:${minor}`;
}
