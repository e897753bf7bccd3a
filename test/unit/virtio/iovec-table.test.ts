import { expect, test } from 'vitest';
import { IovecTable } from '../../../src/virtio/iovec-table.ts';

const FAR = 0x7fff_1234_5678;

function entries(table: IovecTable): [number, number][] {
  const view = new DataView(table.bytes.buffer, table.bytes.byteOffset);
  return Array.from({ length: table.count }, (_, index) => [
    Number(view.getBigUint64(16 * index, true)),
    Number(view.getBigUint64(16 * index + 8, true)),
  ]);
}

function table(...pieces: [number, number][]): IovecTable {
  const result = new IovecTable(pieces.length);
  for (const [pointer, length] of pieces) result.append(pointer, length);
  return result;
}

test('IovecTable: entries are struct iovec, addresses above 32 bits whole', () => {
  const iovecs = table([FAR, 5], [1, 2 ** 32 + 1]);
  expect(entries(iovecs)).toEqual([
    [FAR, 5],
    [1, 2 ** 32 + 1],
  ]);
  expect(iovecs.byteLength).toBe(2 ** 32 + 6);
});

test.each([
  [
    0,
    [
      [FAR, 10],
      [100, 20],
      [200, 30],
    ],
  ],
  [
    1,
    [
      [FAR + 1, 9],
      [100, 20],
      [200, 30],
    ],
  ],
  [
    9,
    [
      [FAR + 9, 1],
      [100, 20],
      [200, 30],
    ],
  ],
  [
    10,
    [
      [100, 20],
      [200, 30],
    ],
  ],
  [
    11,
    [
      [101, 19],
      [200, 30],
    ],
  ],
  [30, [[200, 30]]],
  [59, [[229, 1]]],
  [60, []],
])('IovecTable: drop(%i) leaves what follows', (length, left) => {
  const iovecs = table([FAR, 10], [100, 20], [200, 30]);
  iovecs.drop(length);
  expect(entries(iovecs)).toEqual(left);
  expect(iovecs.byteLength).toBe(60 - length);
});

test('IovecTable: what is dropped of an entry above 4 GiB is carried into the upper half', () => {
  const iovecs = table([2 ** 32 - 1, 2 ** 32 + 7]);
  iovecs.drop(2 ** 32);
  expect(entries(iovecs)).toEqual([[2 ** 33 - 1, 7]]);
});

test('IovecTable: a copy is of its own, in memory of the caller too', () => {
  const iovecs = table([FAR, 10], [100, 20]);
  const copy = new IovecTable(4, new Uint8Array(100).subarray(8, 72));
  copy.append(1, 1);
  copy.copy(iovecs);
  iovecs.drop(15);
  expect(entries(copy)).toEqual([
    [FAR, 10],
    [100, 20],
  ]);
  expect(copy.byteLength).toBe(30);
});
