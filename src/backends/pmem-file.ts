/**
 * A file or block device that is mapped into the guest, page cache and all. A flush is fdatasync(2), done by io_uring while
 * the I/O thread goes on: all that the guest has written waits in the page cache until then.
 */
import { fstatSync } from 'node:fs';
import { IORING_FSYNC_DATASYNC, IORING_OP_FSYNC } from '../abi/io-uring.ts';
import { O_CLOEXEC, O_RDONLY, O_RDWR } from '../abi/libc.ts';
import { alignUp, isAligned } from '../base/bits.ts';
import { ConfigError } from '../base/errors.ts';
import { formatSize, MiB } from '../base/units.ts';
import type { PersistentMemory } from '../devices/virtio-pmem.ts';
import { check, describeErrno } from '../host/errno.ts';
import { Fd } from '../host/fd.ts';
import { fdatasync } from '../host/file-io.ts';
import { lockFile } from '../host/file-lock.ts';
import { IoUring } from '../host/io-uring.ts';
import * as libc from '../host/libc.ts';
import { Mapping } from '../host/mapping.ts';
import type { IoLoop } from '../virtio/device.ts';
import { blockFacts } from './block-facts.ts';

export interface PmemFileOptions {
  readonly path: string;
  readonly readOnly: boolean;
  /** Of the device, and of its key `path` in the config. */
  readonly name: string;
  readonly keyPath: string;
  readonly loop: IoLoop;
  log(message: string): void;
}

/** Linux maps persistent memory in sections of this size (SUBSECTION_SIZE, linux/mmzone.h), and stage 2 in such blocks. */
const ALIGNMENT = 2 * MiB;
/** st_blocks counts these (stat(2)). */
const STAT_BLOCK_BYTES = 512;

export class PmemFile implements PersistentMemory {
  readonly what: string;
  readonly readOnly: boolean;
  readonly #options: PmemFileOptions;
  readonly #resources: DisposableStack;
  readonly #fd: Fd;
  readonly #mapping: Mapping;
  /** Absent where the kernel has none for us: then a flush keeps the thread. */
  readonly #ring: IoUring | undefined;
  /** Whoever waits for the flush that runs. */
  #done: (isDurable: boolean) => void = () => {};
  #hasComplained = false;

  constructor(options: PmemFileOptions) {
    const { path, name, readOnly } = options;
    this.#options = options;
    this.what = `${path} of ${name}`;
    this.readOnly = readOnly;
    using resources = new DisposableStack();
    const flags = (readOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC;
    const remedies = { '*': readOnly ? 'correct the path' : 'correct the path, or set readonly' };
    this.#fd = resources.use(new Fd(check(libc.open(path, flags, 0), `open ${path} for ${name}`, remedies)));
    const { sizeBytes, isBlockDevice } = blockFacts(this.#fd, undefined);
    this.#checkSize(sizeBytes);
    if (lockFile(this.#fd, readOnly ? 'shared' : 'exclusive') === 'taken') {
      const other = readOnly ? 'writes to it' : 'uses it';
      throw this.#error(`another device or program ${other}: end that, or use a copy`);
    }
    if (!readOnly && !isBlockDevice) this.#warnIfSparse(sizeBytes);
    const mapping = { what: this.what, fd: this.#fd, alignment: ALIGNMENT, readOnly };
    this.#mapping = resources.use(Mapping.create(sizeBytes, mapping));
    this.#ring = readOnly ? undefined : IoUring.create(1);
    if (this.#ring) {
      resources.use(this.#ring);
      resources.use(options.loop.watch(this.#ring.fd, { readable: true }, () => this.#reap()));
    }
    this.#resources = resources.move();
  }

  get pointer(): bigint {
    return this.#mapping.pointer;
  }

  get size(): number {
    return this.#mapping.size;
  }

  flush(done: (isDurable: boolean) => void): void {
    const fd = this.#fd.number;
    if (this.readOnly) done(true);
    else if (this.#ring) {
      this.#done = done;
      this.#ring.submit({ fd, opcode: IORING_OP_FSYNC, addr: 0, len: 0, off: 0, flags: IORING_FSYNC_DATASYNC }, 0);
    } else done(this.#isDurable(fdatasync(fd) === 0 ? 0 : libc.errno()));
  }

  /** A flush that runs is waited for: nobody is told any more. */
  [Symbol.dispose](): void {
    this.#done = () => {};
    for (; this.#ring && this.#ring.pending > 0; this.#reap()) this.#ring.wait();
    this.#resources.dispose();
  }

  #reap(): void {
    this.#ring!.reap((_, result) => this.#done(this.#isDurable(-result)));
  }

  #isDurable(errno: number): boolean {
    if (errno !== 0 && !this.#hasComplained) {
      this.#hasComplained = true;
      const { path, log } = this.#options;
      log(`${path}: cannot flush it: ${describeErrno(errno)}; the guest is told, now and if it happens again`);
    }
    return errno === 0;
  }

  #checkSize(size: number): void {
    if (size > 0 && isAligned(size, ALIGNMENT)) return;
    const rounded = alignUp(Math.max(size, 1), ALIGNMENT);
    const remedy = `make it larger with truncate -s ${rounded / MiB}M ${this.#options.path}`;
    throw this.#error(`it has ${formatSize(size)}, which is no multiple of ${formatSize(ALIGNMENT)}: ${remedy}`);
  }

  /** There is nobody whom a store could tell that the disk is full. */
  #warnIfSparse(size: number): void {
    if (fstatSync(this.#fd.number).blocks * STAT_BLOCK_BYTES >= size) return;
    const fill = `fallocate -l ${size} ${this.#options.path}`;
    this.#options.log(
      `${this.#options.path} has holes: should its disk be full when the guest writes there, the VM ends (${fill} fills them)`,
    );
  }

  #error(why: string): ConfigError {
    const { path, name, keyPath } = this.#options;
    return new ConfigError(`Cannot use ${path} as memory of ${name}: ${why}`, { keyPath });
  }
}
