/** Brings kernel and initrd into guest RAM. A plain Image is read straight to its place; a wrapped one is unpacked first. */
import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
import { ConfigError } from '../base/errors.ts';
import type { AddressRange } from '../base/range.ts';
import { KiB } from '../base/units.ts';
import { inspectKernel, KERNEL_HEAD_BYTES, type Kernel, type KernelFile, unpackKernel } from '../boot/image.ts';
import { DTB_BYTES_MAX, type Placement, place } from '../boot/placement.ts';
import type { VmConfig } from '../config/schema.ts';
import { lend } from '../host/mapping.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { hasChildren } from './virtio-nodes.ts';

/** Without overlays the device tree is some KiB, and about 150 bytes for each vCPU and device. */
const DTB_BYTES_USUAL = 64 * KiB;
const CPUS_USUAL = 128;

export interface Images {
  readonly placement: Placement;
  /** Reads them into `memory`, as placed, beside other work; at every boot anew, since the guest overwrites them. */
  load(memory: GuestMemory): Promise<void>;
}

/** Recognises the files and decides where they go. ConfigError for what cannot be booted or does not fit. */
export async function prepareImages(config: VmConfig, ram: AddressRange): Promise<Images> {
  const { image, initrd, format } = config.kernel;
  const opened = openFile(image, 'kernel.image');
  const head = new Uint8Array(Math.min(opened.size, KERNEL_HEAD_BYTES));
  readFully(opened, head);
  const file: KernelFile = { name: image, format, sizeBytes: opened.size, head };
  let kernel: Kernel | { readonly kind: 'packed' } = named('kernel.image', () => inspectKernel(file));
  let unpacked: Uint8Array | undefined;
  if (kernel.kind === 'packed') {
    const { zlibDecompressors } = await import('./decompress.ts');
    const bytes = new Uint8Array(opened.size);
    readFully(opened, bytes);
    const result = named('kernel.image', () => unpackKernel(file, bytes, zlibDecompressors));
    kernel = result.kernel;
    unpacked = result.bytes;
  }
  closeSync(opened.fd);
  const { fileBytes } = kernel;
  const initrdBytes = initrd === undefined ? 0 : sizeOf(initrd, 'kernel.initrd');
  const isUsual = config.overlays.length === 0 && !hasChildren(config) && config.cpus.count <= CPUS_USUAL;
  const dtbBytesMax = isUsual ? DTB_BYTES_USUAL : DTB_BYTES_MAX;
  const placement = place({ ram, kernel, initrdBytes, dtbBytesMax });
  return {
    placement,
    async load(memory) {
      await lend(memory.pointer(placement.kernel.base, fileBytes), fileBytes, (target) =>
        unpacked ? target.set(unpacked) : loadFile(image, 'kernel.image', target),
      );
      if (initrd === undefined || placement.initrd === undefined) return;
      const { base, size } = placement.initrd;
      await lend(memory.pointer(base, size), size, (target) => loadFile(initrd, 'kernel.initrd', target));
    },
  };
}

interface OpenFile {
  readonly fd: number;
  readonly size: number;
  readonly path: string;
  readonly keyPath: string;
}

function openFile(path: string, keyPath: string): OpenFile {
  try {
    const fd = openSync(path, 'r');
    return { fd, size: fstatSync(fd).size, path, keyPath };
  } catch (error) {
    throw new ConfigError(`Cannot read ${path}: ${(error as Error).message}`, { keyPath });
  }
}

function sizeOf(path: string, keyPath: string): number {
  const { fd, size } = openFile(path, keyPath);
  closeSync(fd);
  if (size === 0) throw new ConfigError(`Cannot use ${path}: it is empty`, { keyPath });
  return size;
}

/** The first touch of guest RAM is what takes long, so it is a thread's. */
async function loadFile(path: string, keyPath: string, target: Uint8Array): Promise<void> {
  const { fd } = openFile(path, keyPath);
  for (let done = 0; done < target.length; ) {
    const count = await new Promise<number>((resolve, reject) => {
      read(fd, target, done, target.length - done, done, (error, count) => (error ? reject(error) : resolve(count)));
    });
    if (count === 0) throw endsEarly(path, keyPath);
    done += count;
  }
  closeSync(fd);
}

function endsEarly(path: string, keyPath: string): ConfigError {
  return new ConfigError(`Cannot read ${path}: it ends early; is it being written?`, { keyPath });
}

/** Fills `target` from the start of the file; a file that has become shorter meanwhile is an error. */
function readFully({ fd, path, keyPath }: OpenFile, target: Uint8Array): void {
  for (let done = 0; done < target.length; ) {
    const count = readSync(fd, target, done, target.length - done, done);
    if (count === 0) throw endsEarly(path, keyPath);
    done += count;
  }
}

/** Adds the key to an error that only knows the file. */
function named<T>(keyPath: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof ConfigError && error.keyPath === '') throw new ConfigError(error.message, { keyPath });
    throw error;
  }
}
