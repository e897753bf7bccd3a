/** ioctl(2) with its error in words. `doing` completes "Cannot …". A signal that comes meanwhile is no failure. */
import { EINTR } from '../abi/errno.ts';
import { check, type Remedies } from './errno.ts';
import type { Fd } from './fd.ts';
import * as libc from './libc.ts';

/** For a request whose argument is a value; returns what the kernel returns. */
export function ioctlValue(fd: Fd, request: number, value: number, doing: string, remedies?: Remedies): number {
  let result: number;
  do result = libc.ioctl(fd.number, request, value);
  while (result === -1 && libc.errno() === EINTR);
  return check(result, doing, remedies);
}

/** For a request whose argument is a struct, which the kernel may change in place. */
export function ioctlStruct(fd: Fd, request: number, argument: Uint8Array, doing: string, remedies?: Remedies): number {
  let result: number;
  do result = libc.ioctlStruct(fd.number, request, argument);
  while (result === -1 && libc.errno() === EINTR);
  return check(result, doing, remedies);
}

/** Whether the kernel takes the request; its refusal is an answer, not an error. */
export function ioctlAccepts(fd: Fd, request: number, argument: Uint8Array): boolean {
  return libc.ioctlStruct(fd.number, request, argument) !== -1;
}
