import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FileDisk } from '../../../src/backends/file-disk.ts';
import { type DiskKeys, openDisk } from '../../../src/backends/open-disk.ts';
import { ConfigError } from '../../../src/base/errors.ts';
import { FakeLoop } from '../../support/fake-loop.ts';

const KEYS: Omit<DiskKeys, 'path'> = {
  readonly: false,
  format: 'auto',
  shared: false,
  discard: true,
  blockSize: undefined,
};

let directory: string;
let path: string;
let messages: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orko-open-'));
  path = join(directory, 'disk.img');
  writeFileSync(path, Buffer.alloc(64 * 1024));
  messages = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(keys: Partial<DiskKeys> = {}): FileDisk {
  const log = (message: string) => void messages.push(message);
  return openDisk({ path, ...KEYS, ...keys }, 'devices.root.path', { loop: new FakeLoop(), log });
}

function refusal(keys: Partial<DiskKeys> = {}): string {
  try {
    open(keys)[Symbol.dispose]();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.keyPath).toBe('devices.root.path');
    return error.message;
  }
  throw new Error('The disk was opened');
}

describe('openDisk', () => {
  test('a raw image', () => {
    using disk = open();
    expect(disk.sizeBytes).toBe(64 * 1024);
    expect(disk.isReadonly).toBe(false);
    expect(messages).toEqual([]);
  });

  test('one VM writes, or several read', () => {
    {
      using _ = open();
      expect(refusal()).toMatch(/another program uses it: .* readonly: true in both/);
      expect(refusal({ readonly: true })).toContain('another program writes it');
      open({ shared: true })[Symbol.dispose]();
    }
    using _first = open({ readonly: true });
    using _second = open({ readonly: true });
    expect(refusal()).toContain('another program uses it');
  });

  test('a refused disk is closed again', () => {
    writeFileSync(path, 'QFI\xfb\0\0\0\x03', 'latin1');
    expect(refusal()).toContain('it is a qcow2 image');
    writeFileSync(path, Buffer.alloc(4096));
    open()[Symbol.dispose]();
  });

  test('other formats are refused with the line that serves them; format: raw takes them', () => {
    writeFileSync(path, Buffer.concat([Buffer.from('QFI\xfb\0\0\0\x03', 'latin1'), Buffer.alloc(4096)]));
    expect(refusal()).toMatch(/qcow2 image.*\n {2}backend: \{ command: \[qemu-storage-daemon, .*disk\.img/);
    open({ format: 'raw' })[Symbol.dispose]();
  });

  test('what is no disk', () => {
    expect(refusal({ path: directory })).toContain('neither a file nor a block device');
    expect(refusal({ path: '/dev/null' })).toContain('neither a file nor a block device');
    expect(refusal({ path: join(directory, 'none') })).toContain('ENOENT');
    writeFileSync(path, '');
    expect(refusal()).toContain('it is empty: give it a size');
    writeFileSync(path, 'short');
    expect(refusal()).toContain('it has 5 bytes and a block has 512');
  });

  test('a file that may not be written', () => {
    if (process.getuid?.() === 0) return;
    chmodSync(path, 0o444);
    expect(refusal()).toContain('you may not write it: set readonly: true');
    open({ readonly: true })[Symbol.dispose]();
    chmodSync(path, 0);
    expect(refusal({ readonly: true })).toContain('you may not read it');
  });

  test('the rest of a block is said to be out of reach', () => {
    writeFileSync(path, Buffer.alloc(1000));
    using disk = open();
    expect(messages).toEqual([expect.stringContaining('does not see its last 488 bytes')]);
    expect(disk.sizeBytes).toBe(1000);
  });
});
