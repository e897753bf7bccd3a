/**
 * Reads and writes at a place of a file, straight from and to where `struct iovec` arrays point; and what else a disk image
 * needs of the kernel. These run once per request of a guest, so they are bound when this file is loaded and called as they are.
 */
import { koffi } from './koffi.ts';

const library = koffi.load(null);

type Iovecs = Uint8Array;

export const preadv2 = library.func(
  'long preadv2(int fd, void *iovecs, int count, int64_t offset, int flags)',
) as unknown as (fd: number, iovecs: Iovecs, count: number, offset: number, flags: number) => number;
export const pwritev = library.func('long pwritev(int fd, void *iovecs, int count, int64_t offset)') as unknown as (
  fd: number,
  iovecs: Iovecs,
  count: number,
  offset: number,
) => number;
export const pwrite = library.func('long pwrite(int fd, void *bytes, size_t length, int64_t offset)') as unknown as (
  fd: number,
  bytes: Uint8Array,
  length: number,
  offset: number,
) => number;
export const pread = library.func('long pread(int fd, void *bytes, size_t length, int64_t offset)') as unknown as (
  fd: number,
  bytes: Uint8Array,
  length: number,
  offset: number,
) => number;
export const fdatasync = library.func('int fdatasync(int fd)') as unknown as (fd: number) => number;
export const fallocate = library.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)') as unknown as (
  fd: number,
  mode: number,
  offset: number,
  length: number,
) => number;
