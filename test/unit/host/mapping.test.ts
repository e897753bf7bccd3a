import { expect, test } from 'vitest';
import { MiB } from '../../../src/base/units.ts';
import { createMemfd, Mapping, RAM_ALIGNMENT } from '../../../src/host/mapping.ts';
import { residentBytes } from '../../support/resident-bytes.ts';

test.each([true, false])('memory in a file that is taken at start (%j), and that keeps what is written', (populate) => {
  const size = 6 * MiB;
  using fd = createMemfd('mapping-test', size);
  using mapping = Mapping.create(size, { what: 'a test', fd, populate, alignment: RAM_ALIGNMENT });
  expect(residentBytes(mapping)).toBe(populate ? size : 0);
  mapping.bytes[size - 1] = 42;
  using again = Mapping.create(size, { what: 'the same file', fd });
  expect(again.bytes[size - 1]).toBe(42);
});
