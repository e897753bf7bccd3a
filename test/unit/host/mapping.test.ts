import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MiB } from '../../../src/base/units.ts';
import { createMemfd, Mapping, RAM_ALIGNMENT } from '../../../src/host/mapping.ts';

/** Bytes of a mapping that have memory, as the kernel says. */
function residentBytes({ pointer }: Mapping): number {
  const maps = readFileSync('/proc/self/smaps', 'utf8');
  const resident = /^Rss: +(\d+) kB$/m.exec(maps.slice(maps.search(new RegExp(`^0*${pointer.toString(16)}-`, 'm'))));
  return Number(resident![1]) * 1024;
}

test.each([true, false])('memory in a file that is taken at start (%j), and that keeps what is written', (populate) => {
  const size = 6 * MiB;
  using fd = createMemfd('mapping-test', size);
  using mapping = Mapping.create(size, { what: 'a test', fd, populate, alignment: RAM_ALIGNMENT });
  expect(residentBytes(mapping)).toBe(populate ? size : 0);
  mapping.bytes[size - 1] = 42;
  using again = Mapping.create(size, { what: 'the same file', fd });
  expect(again.bytes[size - 1]).toBe(42);
});
