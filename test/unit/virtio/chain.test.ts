import { describe, expect, test } from 'vitest';
import { GuestFault } from '../../../src/base/errors.ts';
import { GuestMemory } from '../../../src/memory/guest-memory.ts';
import { type ChainOwner, DescriptorChain, IovecTable } from '../../../src/virtio/chain.ts';
import { GuestRam, RAM_BASE } from '../../support/guest-ram.ts';

/** High enough that both words of a host address matter. */
const POINTER = 0x7f12_3456_7000n;

class Owner implements ChainOwner {
  readonly completed_: number[] = [];
  completed(chain: DescriptorChain): void {
    this.completed_.push(chain.used);
  }
}

/** The words of a descriptor; what follows them is the ring's. */
function descriptor(address: number, length: number): Uint32Array {
  return Uint32Array.of(address, address / 2 ** 32, length, 0);
}

/** A chain of these segments, one behind the other in RAM with holes between them; RAM holds its own offsets. */
function setup(readable: readonly number[], writable: readonly number[]) {
  const ram = new GuestRam({ size: 0x1000, pointer: POINTER });
  ram.bytes.forEach((_, index) => {
    ram.bytes[index] = index & 0xff;
  });
  const owner = new Owner();
  const chain = new DescriptorChain(ram.memory, owner);
  chain.begin();
  const places = [
    ...readable.map((length) => ({ length, isWritable: false })),
    ...writable.map((length) => ({ length, isWritable: true })),
  ].map(({ length, isWritable }) => {
    const address = ram.allocate(length + 16);
    chain.add(descriptor(address, length), 0, isWritable);
    return address - RAM_BASE;
  });
  chain.named(5, 1);
  return { ram, owner, chain, places };
}

function take(chain: DescriptorChain, size: number): number[] {
  const target = new Uint8Array(size);
  return [...target.subarray(0, chain.read(target))];
}

function iovecs(table: IovecTable): { base: bigint; length: number }[] {
  const view = new DataView(table.bytes.buffer, table.bytes.byteOffset);
  return Array.from({ length: table.count }, (_, index) => ({
    base: view.getBigUint64(16 * index, true),
    length: Number(view.getBigUint64(16 * index + 8, true)),
  }));
}

describe('DescriptorChain: reading', () => {
  test('has the lengths of both parts', () => {
    const { chain } = setup([3, 0, 4], [5, 6]);
    expect([chain.readableLength, chain.writableLength, chain.readLeft, chain.writeLeft]).toEqual([7, 11, 7, 11]);
  });

  test('read: goes on over the borders of descriptors, and stops at the end', () => {
    const { chain, places } = setup([3, 2], []);
    expect(take(chain, 4)).toEqual([0, 1, 2, places[1]]);
    expect(chain.readLeft).toBe(1);
    expect(take(chain, 4)).toEqual([places[1]! + 1]);
    expect(take(chain, 4)).toEqual([]);
  });

  test.each([1, 63, 64, 65, 200])('read: %d bytes in one descriptor', (size) => {
    const { chain, ram } = setup([size], []);
    expect(take(chain, size)).toEqual([...ram.bytes.subarray(0, size)]);
  });

  test('skipRead: passes over bytes, at most over all', () => {
    const { chain, places } = setup([3, 4], []);
    chain.skipRead(4);
    expect(take(chain, 1)).toEqual([places[1]! + 1]);
    chain.skipRead(100);
    expect(chain.readLeft).toBe(0);
  });

  test('grows beyond the segments it was made for', () => {
    const lengths = Array.from({ length: 100 }, () => 2);
    const { chain, places } = setup(lengths, lengths);
    expect(take(chain, 200)).toEqual(places.slice(0, 100).flatMap((at) => [at & 0xff, (at + 1) & 0xff]));
    expect(chain.writableLength).toBe(200);
  });
});

describe('DescriptorChain: writing', () => {
  test('write: goes on over the borders of descriptors, and stops at the end', () => {
    const { chain, ram, places } = setup([], [2, 3]);
    expect(chain.write(Uint8Array.of(101, 102, 103))).toBe(3);
    expect(chain.write(Uint8Array.of(104, 105, 106))).toBe(2);
    expect([...ram.bytes.subarray(places[0], places[0]! + 3)]).toEqual([101, 102, places[0]! + 2]);
    expect([...ram.bytes.subarray(places[1], places[1]! + 4)]).toEqual([103, 104, 105, places[1]! + 3]);
  });

  test('complete: says how much write() wrote, what was skipped before it included', () => {
    const { chain, owner } = setup([], [10]);
    chain.skipWrite(2);
    chain.write(Uint8Array.of(1, 2, 3));
    chain.skipWrite(1);
    chain.complete();
    expect(owner.completed_).toEqual([5]);
  });

  test('complete: says what the device says', () => {
    const { chain, owner } = setup([], [10]);
    chain.complete(7);
    expect(owner.completed_).toEqual([7]);
  });

  test('complete: twice, or more than there is, is our bug', () => {
    const { chain } = setup([], [10]);
    expect(() => chain.complete(11)).toThrow(/Bug/);
    chain.complete(10);
    expect(() => chain.complete(10)).toThrow(/Bug/);
  });

  test.each([
    [0, [0]],
    [1, [1, 2, 3]],
    [2, [4]],
    [5, [5]],
  ])('writeAt: %d', (offset, bytes) => {
    const { chain, ram, places } = setup([4], [2, 0, 4]);
    chain.writeAt(offset, Uint8Array.from(bytes));
    const all = [...ram.bytes.subarray(places[1], places[1]! + 2), ...ram.bytes.subarray(places[3], places[3]! + 4)];
    expect(all.slice(offset, offset + bytes.length)).toEqual(bytes);
    expect(chain.writeLeft).toBe(6);
  });

  test('writeAt: beyond the chain is our bug', () => {
    const { chain } = setup([], [2]);
    expect(() => chain.writeAt(2, Uint8Array.of(1))).toThrow(/Bug/);
    expect(() => chain.writeAt(-1, Uint8Array.of(1))).toThrow(/Bug/);
  });
});

describe('DescriptorChain: iovecs', () => {
  test('name host addresses, and move no cursor', () => {
    const { chain, places } = setup([3, 4], [5]);
    const table = new IovecTable(4);
    expect(chain.readableIovecs(table, 1, 5)).toBe(2);
    expect(chain.writableIovecs(table, 0, 5)).toBe(1);
    expect(iovecs(table)).toEqual([
      { base: POINTER + 1n, length: 2 },
      { base: POINTER + BigInt(places[1]!), length: 3 },
      { base: POINTER + BigInt(places[2]!), length: 5 },
    ]);
    expect(table.byteLength).toBe(10);
    expect([chain.readLeft, chain.writeLeft]).toEqual([7, 5]);
  });

  test('stop where the table ends: byteLength says how far they came', () => {
    const { chain } = setup([1, 2, 3, 4], []);
    const table = new IovecTable(2);
    expect(chain.readableIovecs(table, 1, 9)).toBe(2);
    expect(table.byteLength).toBe(5);
    table.clear();
    expect(chain.readableIovecs(table, 6, 4)).toBe(1);
    expect([table.count, table.byteLength]).toEqual([1, 4]);
  });

  test('of nothing are none; beyond the chain they are our bug', () => {
    const { chain } = setup([3], []);
    const table = new IovecTable(2);
    expect(chain.readableIovecs(table, 3, 0)).toBe(0);
    expect(() => chain.readableIovecs(table, 2, 2)).toThrow(/Bug/);
    expect(() => chain.writableIovecs(table, 0, 1)).toThrow(/Bug/);
  });
});

describe('DescriptorChain: what the ring adds', () => {
  test('is readable before it is writable (§2.7.4.2), and guest memory', () => {
    const { chain } = setup([1], [1]);
    expect(() => chain.add(descriptor(RAM_BASE, 1), 0, false)).toThrow(GuestFault);
    expect(() => chain.add(descriptor(RAM_BASE + 0x1000, 1), 0, true)).toThrow(GuestFault);
  });

  test('is no longer than 4 GiB in all (§2.7.5)', () => {
    const ram = new GuestRam({ size: 0x1000 });
    // Only the addresses matter: nobody touches the bytes.
    const region = { ...ram.memory.regions[0]!, range: { base: RAM_BASE, size: 2 ** 32 } };
    const chain = new DescriptorChain(new GuestMemory([region]), new Owner());
    chain.begin();
    chain.add(descriptor(RAM_BASE, 2 ** 31), 0, true);
    chain.add(descriptor(RAM_BASE, 2 ** 31), 0, true);
    expect(chain.writableLength).toBe(2 ** 32);
    expect(() => chain.add(descriptor(RAM_BASE, 1), 0, true)).toThrow(GuestFault);
  });

  test('begins anew with each buffer', () => {
    const { chain, owner } = setup([3], [4]);
    chain.write(Uint8Array.of(1));
    chain.complete();
    chain.begin();
    chain.add(descriptor(RAM_BASE, 2), 0, true);
    expect([chain.readableLength, chain.writableLength, chain.readLeft, chain.writeLeft]).toEqual([0, 2, 0, 2]);
    chain.complete();
    expect(owner.completed_).toEqual([1, 0]);
  });
});
