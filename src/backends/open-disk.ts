/** Opens what the config names as a disk: is it one, may we, does somebody else write it. What is wrong is a ConfigError. */
import { type Stats, statSync } from 'node:fs';
import { EACCES, EBUSY, EPERM, EROFS } from '../abi/errno.ts';
import { O_EXCL, O_RDONLY, O_RDWR } from '../abi/libc.ts';
import { ConfigError, HostError } from '../base/errors.ts';
import { Fd } from '../host/fd.ts';
import { lockFile } from '../host/file-lock.ts';
import { readAt } from '../host/read.ts';
import type { DeviceWorld } from '../virtio/device.ts';
import { FileDisk } from './file-disk.ts';
import { EDGE_BYTES, formatProblem, recogniseFormat } from './image-format.ts';

export interface DiskKeys {
  readonly path: string;
  readonly readonly: boolean;
  readonly format: 'auto' | 'raw';
  readonly shared: boolean;
  readonly discard: boolean;
  readonly blockSize: number | undefined;
}

type DiskWorld = Pick<DeviceWorld, 'loop' | 'log'>;

/** `keyPath`: where the path stands in the config. */
export function openDisk(keys: DiskKeys, keyPath: string, { loop, log }: DiskWorld): FileDisk {
  const { path } = keys;
  const refuse = (why: string): never => {
    throw new ConfigError(`Cannot use ${path} as a disk: ${why}`, { keyPath });
  };
  const stat = examine(path, refuse);
  using opening = new DisposableStack();
  const fd = opening.use(openFile(keys, stat, refuse));
  if (stat.isFile() && keys.format === 'auto') checkFormat(fd, stat.size, keys, refuse);
  if (!keys.shared) lock(fd, keys, refuse, log);
  const disk = opening.use(
    new FileDisk({
      fd,
      path,
      isReadonly: keys.readonly,
      logicalBlockSize: keys.blockSize,
      discard: keys.discard,
      loop,
      log,
    }),
  );
  const { logical } = disk.blocks;
  const rest = disk.sizeBytes % logical;
  if (disk.sizeBytes < logical) refuse(`it has ${disk.sizeBytes} bytes and a block has ${logical}: make it larger`);
  if (rest > 0) log(`${path}: the guest does not see its last ${rest} bytes, which are no whole block of ${logical}`);
  opening.move();
  return disk;
}

type Refuse = (why: string) => never;

function examine(path: string, refuse: Refuse): Stats {
  let stat: Stats;
  try {
    stat = statSync(path);
  } catch (error) {
    return refuse((error as Error).message);
  }
  if (!stat.isFile() && !stat.isBlockDevice()) refuse('it is neither a file nor a block device');
  if (stat.isFile() && stat.size === 0) refuse(`it is empty: give it a size, for example truncate -s 10G ${path}`);
  return stat;
}

function openFile({ path, readonly, shared }: DiskKeys, stat: Stats, refuse: Refuse): Fd {
  // On a block device O_EXCL says: not while the host has it mounted, and it cannot be mounted from now on.
  const isAlone = stat.isBlockDevice() && !readonly && !shared;
  try {
    return Fd.open(path, (readonly ? O_RDONLY : O_RDWR) | (isAlone ? O_EXCL : 0));
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    switch (error.errno) {
      case EACCES:
      case EPERM:
        return refuse(
          `you may not ${readonly ? 'read' : 'write'} it: ${readonly ? '' : 'set readonly: true, or '}change its permissions`,
        );
      case EROFS:
        return refuse('it lies on a read-only file system: set readonly: true, or copy it to another place');
      case EBUSY:
        return refuse('the host uses it: unmount it, or set readonly: true');
      default:
        return refuse(error.message);
    }
  }
}

function checkFormat(fd: Fd, size: number, { path, readonly }: DiskKeys, refuse: Refuse): void {
  const length = Math.min(EDGE_BYTES, size);
  const format = recogniseFormat(readAt(fd, 0, length), readAt(fd, size - length, length));
  if (format) refuse(formatProblem(format, path, readonly));
}

function lock(fd: Fd, { path, readonly }: DiskKeys, refuse: Refuse, log: (message: string) => void): void {
  const result = lockFile(fd, readonly ? 'shared' : 'exclusive');
  if (result === 'taken' && readonly) refuse('another program writes it: stop that, or take a copy');
  if (result === 'taken') refuse('another program uses it: stop that, take a copy, or set readonly: true in both');
  if (result === 'unavailable') log(`${path} cannot be locked on its file system: let nobody else write it`);
}
