/** Pipes: bytes that go one way, for who hands one of the ends to another process. */
import { EAGAIN, EINTR } from '../abi/errno.ts';
import { O_CLOEXEC } from '../abi/libc.ts';
import { check, hostError } from './errno.ts';
import { Fd } from './fd.ts';
import * as libc from './libc.ts';

export interface Pipe {
  readonly reader: Fd;
  readonly writer: Fd;
}

export function createPipe(): Pipe {
  const ends = new Int32Array(2);
  check(libc.pipe2(ends, O_CLOEXEC), 'create a pipe');
  return { reader: new Fd(ends[0]!), writer: new Fd(ends[1]!) };
}

/** What is there, at most `bytesMax`: nothing at the end, undefined where more may come. `fd` is non-blocking. */
export function readSome({ number }: Fd, bytesMax: number): Uint8Array | undefined {
  const bytes = new Uint8Array(bytesMax);
  const count = libc.read(number, bytes, bytesMax);
  return count >= 0 ? bytes.subarray(0, count) : later('read from a pipe');
}

/** How many bytes went in, undefined where none did yet. `fd` is non-blocking; that nobody reads any more is an error. */
export function writeSome({ number }: Fd, bytes: Uint8Array): number | undefined {
  const count = libc.write(number, bytes, bytes.length);
  return count >= 0 ? count : later('write into a pipe');
}

function later(doing: string): undefined {
  const errno = libc.errno();
  if (errno !== EAGAIN && errno !== EINTR) throw hostError(doing, errno);
  return undefined;
}
