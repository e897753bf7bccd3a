/** On this host's kernel: what is given back is gone from our process, and from the memfd. */
import { fstatSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { HostRam } from '../../../src/backends/reclaimable-ram.ts';
import { KiB, MiB } from '../../../src/base/units.ts';
import { createMemfd, Mapping, RAM_ALIGNMENT } from '../../../src/host/mapping.ts';
import { memoryAreaAt } from '../../../src/host/memory-area.ts';
import { pageSize } from '../../../src/host/page-size.ts';
import { GuestMemory } from '../../../src/memory/guest-memory.ts';
import { residentBytes } from '../../support/resident-bytes.ts';

const SIZE = 8 * MiB;
const BASE = 0x4000_0000;

function setUp(mapping: Mapping) {
  const messages: string[] = [];
  const memory = new GuestMemory([
    { range: { base: BASE, size: SIZE }, buffer: mapping.buffer, pointer: mapping.pointer },
  ]);
  const ram = new HostRam(memory, (message) => messages.push(message));
  return { ram, messages, start: Number(mapping.pointer) };
}

describe('HostRam', () => {
  test('private anonymous memory: leaves our process, and reads as zeroes', () => {
    using mapping = Mapping.create(SIZE, { what: 'a test', alignment: RAM_ALIGNMENT });
    mapping.bytes.fill(0xa5);
    const { ram, messages, start } = setUp(mapping);
    expect(ram.canDiscard()).toBeUndefined();
    expect(ram.granule).toBe(pageSize());
    const before = residentBytes(mapping);
    ram.discard(start + 2 * MiB, 4 * MiB);
    expect(before - residentBytes(mapping)).toBe(4 * MiB);
    expect([2 * MiB - 1, 2 * MiB, 6 * MiB - 1, 6 * MiB].map((at) => mapping.bytes[at])).toEqual([0xa5, 0, 0, 0xa5]);
    expect(messages).toEqual([]);
  });

  test('a memfd: the pages are cut out of it, for everybody who maps it', () => {
    using fd = createMemfd('test', SIZE);
    using mapping = Mapping.create(SIZE, { what: 'a test', fd });
    using other = Mapping.create(SIZE, { what: 'a test', fd });
    mapping.bytes.fill(0xa5);
    const { ram, start } = setUp(mapping);
    const blocks = () => fstatSync(fd.number).blocks * 512;
    expect(blocks()).toBe(SIZE);
    ram.discard(start, 3 * MiB);
    expect(blocks()).toBe(5 * MiB);
    expect([other.bytes[0], other.bytes[3 * MiB]]).toEqual([0, 0xa5]);
  });

  test('only guest RAM: what lies beside it stays', () => {
    using mapping = Mapping.create(2 * SIZE, { what: 'a test', alignment: RAM_ALIGNMENT });
    mapping.bytes.fill(0xa5);
    const { ram, start } = setUp(mapping);
    ram.discard(start + SIZE - MiB, 2 * MiB);
    expect([mapping.bytes[SIZE - 1], mapping.bytes[SIZE]]).toEqual([0, 0xa5]);
    ram.discard(start + SIZE, MiB);
    expect(mapping.bytes[SIZE]).toBe(0xa5);
  });

  test('what the kernel refuses is said once, and is the reason from then on', () => {
    using mapping = Mapping.create(SIZE, { what: 'a test', alignment: RAM_ALIGNMENT });
    const { ram, messages, start } = setUp(mapping);
    ram.discard(start + 1, 4 * KiB);
    ram.discard(start, 4 * KiB);
    expect(ram.canDiscard()).toBe('the kernel does not take it (Invalid argument (EINVAL))');
    expect(messages).toEqual([`Memory of the guest cannot be given back to the host: ${ram.canDiscard()}`]);
  });
});

describe('memoryAreaAt', () => {
  test('tells anonymous memory from a memfd, and nothing from either', () => {
    using anonymous = Mapping.create(SIZE, { what: 'a test' });
    using fd = createMemfd('orko-test', SIZE);
    using shared = Mapping.create(SIZE, { what: 'a test', fd });
    const at = ({ pointer }: Mapping) => memoryAreaAt(Number(pointer) + SIZE / 2);
    expect(at(anonymous)).toEqual({ isShared: false, path: '', pageSize: pageSize(), isPfnMap: false });
    expect(at(shared)).toEqual({
      isShared: true,
      path: '/memfd:orko-test (deleted)',
      pageSize: pageSize(),
      isPfnMap: false,
    });
    expect(memoryAreaAt(0)).toBeUndefined();
  });
});
