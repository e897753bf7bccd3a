/** On this host's files. */
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PmemFile } from '../../../src/backends/pmem-file.ts';
import { ConfigError, HostError } from '../../../src/base/errors.ts';
import { MiB } from '../../../src/base/units.ts';
import { viewOf } from '../../../src/host/libc.ts';
import { EpollLoop } from '../../../src/io/io-loop.ts';

const folder = mkdtempSync(join(tmpdir(), 'orko-pmem-'));
afterAll(() => rmSync(folder, { recursive: true }));

let loop: EpollLoop;
beforeEach(() => {
  loop = new EpollLoop();
});
afterEach(() => loop[Symbol.dispose]());

function setUp({ size = 2 * MiB, readOnly = false, path = join(folder, 'disk.img'), fill = true } = {}) {
  if (fill) writeFileSync(path, new Uint8Array(size).fill(1));
  const messages: string[] = [];
  const log = (message: string) => void messages.push(message);
  const open = (readOnlyToo = readOnly) =>
    new PmemFile({ path, readOnly: readOnlyToo, name: 'pmem0', keyPath: 'devices.pmem0.path', loop, log });
  return { path, messages, open };
}

describe('PmemFile', () => {
  test('maps the file: what is written there is in the file, and a flush says so', () => {
    const { path, messages, open } = setUp({ size: 4 * MiB });
    using file = open();
    expect([file.size, Number(file.pointer) % (2 * MiB), file.readOnly, file.what]).toEqual([
      4 * MiB,
      0,
      false,
      `${path} of pmem0`,
    ]);
    const view = viewOf(file.pointer, file.size);
    new Uint8Array(view)[3 * MiB] = 42;
    view.transfer(0);
    const durable: boolean[] = [];
    for (let flushes = 1; flushes <= 3; flushes++) {
      file.flush((isDurable) => durable.push(isDurable));
      while (durable.length < flushes) loop.turn();
    }
    expect(durable).toEqual([true, true, true]);
    expect(readFileSync(path)[3 * MiB]).toBe(42);
    expect(messages).toEqual([]);
  });

  test('a flush that runs when the file is closed is waited for, and nobody is told', () => {
    const { open } = setUp();
    const file = open();
    file.flush(() => expect.unreachable());
    file[Symbol.dispose]();
  });

  test('read-only: opens a file that cannot be written, and shares it with others who read', () => {
    const { open } = setUp({ readOnly: true });
    using file = open();
    using other = open();
    expect([file.readOnly, other.size]).toEqual([true, 2 * MiB]);
    expect(() => open(false)).toThrow('another device or program uses it: end that, or use a copy');
  });

  test('a file that somebody writes is nobody else’s', () => {
    const { open } = setUp();
    using _file = open();
    expect(() => open()).toThrow(ConfigError);
    expect(() => open(true)).toThrow('another device or program writes to it: end that, or use a copy');
  });

  test.each([
    [0, 'it has 0 bytes, which is no multiple of 2 MiB: make it larger with truncate -s 2M '],
    [2 * MiB - 1, 'which is no multiple of 2 MiB: make it larger with truncate -s 2M '],
    [3 * MiB, 'it has 3 MiB, which is no multiple of 2 MiB: make it larger with truncate -s 4M '],
  ])('a size of %i is refused, with what helps', (size, message) => {
    const { open } = setUp({ size });
    expect(() => open()).toThrow(message);
    expect(() => open()).toThrow(ConfigError);
  });

  test('a file that is not there is a HostError with its name', () => {
    const path = join(folder, 'none.img');
    const { open } = setUp({ path, fill: false });
    expect(() => open()).toThrow(HostError);
    expect(() => open()).toThrow(`Cannot open ${path} for pmem0: No such file or directory (ENOENT): correct the path`);
  });

  test('holes are warned of, since a full disk would end the VM', () => {
    const { path, messages, open } = setUp({ path: join(folder, 'sparse.img'), size: 0 });
    truncateSync(path, 4 * MiB);
    using _file = open();
    expect(messages).toEqual([expect.stringContaining(`${path} has holes`)]);
  });
});
