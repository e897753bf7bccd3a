/**
 * Bytes in and out of a stream socket, without blocking and without errors that are thrown: every answer is a count, or
 * minus the errno. For connections in thousands, whose other ends may do as they like.
 */
import { MSG_DONTWAIT, MSG_NOSIGNAL, MSG_PEEK, POLLHUP, pollfd } from '../abi/libc.ts';
import { pack, unpack } from '../base/layout.ts';
import { koffi } from './koffi.ts';
import { errno } from './libc.ts';

// These run for every packet, so they are bound when this file is loaded and called as they are.
const library = koffi.load(null);
const readv = library.func('long readv(int fd, void *iovecs, int count)');
const writev = library.func('long writev(int fd, void *iovecs, int count)');
const recv = library.func('long recv(int fd, void *buffer, size_t length, int flags)');
const send = library.func('long send(int fd, void *buffer, size_t length, int flags)');
const shutdown = library.func('int shutdown(int fd, int how)');
const poll = library.func('int poll(void *fds, unsigned long count, int timeoutMs)');

/** An array of `struct iovec` whose first `count` entries count. */
export interface Iovecs {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** `fd` is non-blocking. 0 at the end. */
export function readIovecs(fd: number, { bytes, count }: Iovecs): number {
  return answer(readv(fd, bytes, count));
}

/** `fd` is non-blocking. EPIPE makes no signal: Node ignores SIGPIPE. */
export function writeIovecs(fd: number, { bytes, count }: Iovecs): number {
  return answer(writev(fd, bytes, count));
}

export function sendBytes(fd: number, bytes: Uint8Array): number {
  return answer(send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL));
}

export function receiveBytes(fd: number, target: Uint8Array): number {
  return answer(recv(fd, target, target.length, MSG_DONTWAIT));
}

/** What `receiveBytes` would give; it stays there. */
export function peekBytes(fd: number, target: Uint8Array): number {
  return answer(recv(fd, target, target.length, MSG_DONTWAIT | MSG_PEEK));
}

/** `how`: SHUT_RD or SHUT_WR. That the other end is gone already is no news. */
export function shutDown(fd: number, how: number): void {
  shutdown(fd, how);
}

/** Whether both directions are closed; what came before may still be there to read. */
export function hasHungUp(fd: number): boolean {
  const asked = pack(pollfd, { fd });
  return poll(asked, 1, 0) > 0 && (unpack(pollfd, asked).revents & POLLHUP) !== 0;
}

function answer(result: number): number {
  return result >= 0 ? result : -errno();
}
