import { expect, test } from 'vitest';
import { GuestCredit, HostCredit } from '../../../src/devices/vsock-credit.ts';

const MAX = 0xffff_ffff;

test('HostCredit: what was sent and not taken is not there to be sent', () => {
  const credit = new HostCredit();
  expect(credit.left).toBe(0);
  credit.note({ bufAlloc: 100, fwdCnt: 0 });
  credit.spend(99);
  expect(credit.left).toBe(1);
  credit.spend(1);
  expect(credit.left).toBe(0);
  credit.note({ bufAlloc: 100, fwdCnt: 60 });
  expect(credit.left).toBe(60);
  credit.note({ bufAlloc: 30, fwdCnt: 60 });
  expect(credit.left).toBe(0);
});

test('HostCredit: counters wrap at 2^32', () => {
  const credit = new HostCredit();
  credit.note({ bufAlloc: MAX, fwdCnt: 0 });
  credit.spend(MAX);
  credit.note({ bufAlloc: 10, fwdCnt: MAX });
  credit.spend(4);
  expect(credit.left).toBe(6);
  credit.note({ bufAlloc: 10, fwdCnt: 3 });
  expect(credit.left).toBe(10);
});

test('HostCredit: a guest cannot take more than it was sent', () => {
  const credit = new HostCredit();
  credit.note({ bufAlloc: 100, fwdCnt: 1 });
  expect(credit.left).toBe(0);
});

test('GuestCredit: the guest is told when half of the buffer is free again since the last time', () => {
  const credit = new GuestCredit(100);
  credit.forwarded(49);
  expect(credit.isNews).toBe(false);
  credit.forwarded(1);
  expect(credit.isNews).toBe(true);
  expect(credit.announce()).toBe(50);
  credit.forwarded(49);
  expect(credit.isNews).toBe(false);
  expect(credit.announce()).toBe(99);
});

test('GuestCredit: the counter wraps at 2^32', () => {
  const credit = new GuestCredit(100);
  credit.forwarded(MAX);
  credit.announce();
  credit.forwarded(49);
  expect(credit.isNews).toBe(false);
  credit.forwarded(1);
  expect(credit.isNews).toBe(true);
  expect(credit.announce()).toBe(49);
});
