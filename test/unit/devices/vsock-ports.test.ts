import { expect, test } from 'vitest';
import { PortTable } from '../../../src/devices/vsock-ports.ts';

test('PortTable: an entry is found by both its ports', () => {
  const table = new PortTable();
  const entry = { hostPort: 0xffff_ffff, guestPort: 1 };
  table.set(entry);
  table.set({ hostPort: 1, guestPort: 0xffff_ffff });
  expect(table.get({ hostPort: 0xffff_ffff, guestPort: 1 })).toBe(entry);
  expect(table.get({ hostPort: 0xffff_ffff, guestPort: 2 })).toBeUndefined();
  table.delete(entry);
  table.delete(entry);
  expect(table.get(entry)).toBeUndefined();
  expect(table.get({ hostPort: 1, guestPort: 0xffff_ffff })).toBeDefined();
});

test('freeHostPort: never one that is in use with that port of the guest', () => {
  const table = new PortTable();
  const first = table.freeHostPort(5);
  table.set({ hostPort: first + 1, guestPort: 5 });
  table.set({ hostPort: first + 3, guestPort: 6 });
  expect(first).toBe(2 ** 30);
  expect([table.freeHostPort(5), table.freeHostPort(5)]).toEqual([first + 2, first + 3]);
});
