/** Random bytes from the kernel (getrandom(2)): node:crypto would load OpenSSL for them, which costs more than all of KVM. */
import { check } from './errno.ts';
import { getrandom } from './libc.ts';

/** `size` ≤ 256 bytes: that many come whole, once the kernel has seen enough entropy. */
export function randomBytes(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  check(getrandom(bytes, size, 0), 'get random bytes');
  return bytes;
}

/** Fills `bytes`, however many. */
export function fillWithRandom(bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    done += check(getrandom(bytes.subarray(done), bytes.length - done, 0), 'get random bytes');
  }
}
