/** pread(2) of exactly so many bytes. */
import { readSync } from 'node:fs';
import { HostError } from '../base/errors.ts';
import type { Fd } from './fd.ts';

/** `length` bytes at `offset`; a file that ends before is an error. */
export function readAt(fd: Fd, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = readSync(fd.number, bytes, done, length - done, offset + done);
    if (count === 0) throw new HostError(`Cannot read ${length} bytes: the file ends after ${done}`);
    done += count;
  }
  return bytes;
}
