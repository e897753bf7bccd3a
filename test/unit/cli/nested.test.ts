import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { hostOptions, nestedCommand } from '../../../src/cli/nested.ts';
import { quickParse } from '../../../src/cli/quick-parse.ts';
import { UsageError } from '../../../src/cli/usage-error.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const directory = mkdtempSync(join(tmpdir(), 'orko-nested-'));
afterAll(() => rmSync(directory, { recursive: true }));

function hostOf(...words: string[]) {
  return hostOptions(quickParse(nestedCommand, ['board.yaml', ...words]) as never);
}

test('hostOptions: what is not said stays as it is by default', () => {
  expect(hostOf()).toEqual({ qemuArguments: [] });
});

test('hostOptions: a host like a Raspberry Pi 4', () => {
  expect(hostOf('--host-cpu', 'cortex-a72', '--host-gic', '2', '--host-memory', '2G', '--host-cpus', '4')).toEqual({
    cpu: 'cortex-a72',
    gic: 2,
    memoryMiB: 2048,
    cpus: 4,
    qemuArguments: [],
  });
});

test("hostOptions: words for QEMU's own command line keep their order", () => {
  expect(hostOf('--qemu-arg=-d', '--qemu-arg', 'guest_errors', '--host-kernel=16k')).toEqual({
    kernel: '16k',
    qemuArguments: ['-d', 'guest_errors'],
  });
});

test.each([
  [['--host-cpus', '0'], '--host-cpus 0: expected a number from 1 to 123'],
  [['--host-cpus', '124'], '--host-cpus 124: expected a number from 1 to 123'],
  [['--host-cpus', 'all'], '--host-cpus all: expected a number from 1 to 123'],
  [['--host-memory', '511M'], '--host-memory 511M: expected a size of whole MiB from 512M on, like 4G'],
  [['--host-memory', '4'], '--host-memory 4: expected a size of whole MiB from 512M on, like 4G'],
  [['--host-memory', 'much'], '--host-memory much: expected a size of whole MiB from 512M on, like 4G'],
])('hostOptions: %j is a mistake on the command line', (words, sentence) => {
  expect(() => hostOf(...words)).toThrow(new UsageError(sentence, 'nested'));
});

test('nested: a device of this machine is refused by name and line, before anything is started', () => {
  const board = join(directory, 'board.yaml');
  writeFileSync(board, 'name: board\nkernel: /dev/null\n');
  const words = [join(ROOT, 'src/main.ts'), 'nested', board];
  const { status, stderr } = spawnSync(join(ROOT, 'node_modules/.bin/node'), words, { encoding: 'utf8' });
  expect(status).toBe(65);
  expect(stderr).toBe(
    `orko-vmm: ${board}:2: kernel: Cannot share /dev/null with the nested machine: ` +
      'it belongs to the kernel of this machine: use "orko-vmm run" on a machine with /dev/kvm\n',
  );
});
