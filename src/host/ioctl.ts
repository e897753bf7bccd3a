/** ioctl(2) with its error in words. `doing` completes "Cannot …". */
import { check, type Remedies } from './errno.ts';
import type { Fd } from './fd.ts';
import * as libc from './libc.ts';

/** For a request whose argument is a value; returns what the kernel returns. */
export function ioctlValue(fd: Fd, request: number, value: number, doing: string, remedies?: Remedies): number {
  return check(libc.ioctl(fd.number, request, value), doing, remedies);
}

/** For a request whose argument is a struct, which the kernel may change in place. */
export function ioctlStruct(fd: Fd, request: number, argument: Uint8Array, doing: string, remedies?: Remedies): number {
  return check(libc.ioctlStruct(fd.number, request, argument), doing, remedies);
}

/** Whether the kernel takes the request; its refusal is an answer, not an error. */
export function ioctlAccepts(fd: Fd, request: number, argument: Uint8Array): boolean {
  return libc.ioctlStruct(fd.number, request, argument) !== -1;
}
