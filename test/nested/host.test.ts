/** The Arm hosts themselves: what the other nested tests rely on. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { NODE_VERSION } from '../../src/nested/l1-image.ts';
import { hasHost, host, type NestedHost } from '../support/nested-host.ts';

describe('host main', () => {
  let l1: NestedHost;
  beforeAll(async () => {
    l1 = await host('main');
  });

  test('run: gives stdout, stderr and the exit code, and takes stdin', async () => {
    const result = await l1.run('cat; echo no >&2; exit 7', { stdin: 'yes' });
    expect(result).toEqual({ exitCode: 7, stdout: 'yes', stderr: 'no\n' });
  });

  test('run: has KVM, and Node as package.json has it', async () => {
    const { stdout } = await l1.run('uname -m; test -c /dev/kvm && echo kvm; node -p process.version');
    expect(stdout).toBe(`aarch64\nkvm\nv${NODE_VERSION}\n`);
  });

  test('run: a command that takes too long is ended, with what it started', async () => {
    await expect(l1.run('sleep 4321 & sleep 4321', { timeoutMs: 1_000 })).rejects.toThrow('did not end within 1000 ms');
    const { stdout } = await l1.run('pgrep -fc "^sleep 4321"');
    expect(stdout).toBe('0\n');
  });

  test('directory: what one side writes the other side reads at once', async () => {
    const file = join(l1.directory, 'coherent');
    for (let round = 0; round < 5; round++) {
      await writeFile(file, `from here ${round}`);
      const { stdout } = await l1.run(`cat ${file}; printf 'from there' >${file}.back`);
      expect(stdout).toBe(`from here ${round}`);
    }
  });

  test('spawn: with a terminal the command sees one, and words go both ways', async () => {
    const shell = l1.spawn('test -t 0 && read word && echo "got $word"', { tty: true });
    shell.write('it\n');
    await shell.printed('got it');
    expect(await shell.exited()).toBe(0);
  });

  test('orko-vmm: is installed', async () => {
    const { exitCode, stdout } = await l1.run('orko-vmm --help');
    expect(stdout).toContain('run');
    expect(exitCode).toBe(0);
  });
});

describe.skipIf(!hasHost('pi4'))('the other hosts', () => {
  test('pi4: has GICv2 and no GICv3', { timeout: 600_000 }, async () => {
    const { stdout } = await (await host('pi4')).run('cat /proc/interrupts; test -c /dev/kvm && echo kvm');
    expect(stdout).toContain('GICv2');
    expect(stdout).not.toContain('GICv3');
    expect(stdout).toContain('kvm');
  });

  test('16k: has pages of 16 KiB', { timeout: 1_800_000 }, async () => {
    const { stdout } = await (await host('16k')).run('getconf PAGESIZE; test -c /dev/kvm && echo kvm');
    expect(stdout).toBe('16384\nkvm\n');
  });
});
