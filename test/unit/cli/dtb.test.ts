import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MiB } from '../../../src/base/units.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const directory = mkdtempSync(join(tmpdir(), 'orko-dtb-'));
const BOARD = join(directory, 'board.yaml');

beforeAll(() => {
  writeFileSync(join(directory, 'payload.bin'), new Uint8Array(4096));
  writeFileSync(join(directory, 'initrd'), new Uint8Array(5000));
  writeFileSync(BOARD, 'kernel: { image: payload.bin, initrd: initrd, cmdline: "console=ttyAMA0" }\ncpus: 2\n');
});
afterAll(() => rmSync(directory, { recursive: true }));

function run(program: string, words: readonly string[], input?: Uint8Array) {
  const { status, stdout, stderr, error } = spawnSync(program, words, { input, maxBuffer: 2 ** 24 });
  if (error) throw error;
  return { status, stdout, stderr: stderr.toString() };
}

function dtb(...words: string[]) {
  return run(join(ROOT, 'node_modules/.bin/node'), [join(ROOT, 'src/main.ts'), 'dtb', BOARD, ...words]);
}

/** What dtc, with all its checks, makes of a blob. */
function decompile(blob: Uint8Array): string {
  const { status, stdout, stderr } = run('dtc', ['-I', 'dtb', '-O', 'dts', '-'], blob);
  expect([status, stderr]).toEqual([0, '']);
  return stdout.toString();
}

test('dtb: the same bytes every time, and dtc has nothing to say about them', () => {
  const { status, stdout } = dtb();
  expect(status).toBe(0);
  expect(dtb().stdout.equals(stdout)).toBe(true);
  const dts = decompile(stdout);
  expect(dts).toMatch(/^\t\tkaslr-seed = <0x00 0x00>;$/m);
  expect(dts).toMatch(/^\t\trng-seed = <(0x00 ?){16}>;$/m);
  expect(dts).toContain('bootargs = "console=ttyAMA0"');
  expect(dts).toContain('linux,initrd-start');
});

test('dtb --dts: dtc makes the binary of the text', () => {
  const { stdout: dts } = dtb('--dts');
  const { stdout, stderr } = run('dtc', ['-I', 'dts', '-O', 'dtb', '-'], dts);
  expect(stderr).toBe('');
  expect(stdout.equals(dtb().stdout)).toBe(true);
});

test('dtb: overlays are in it', () => {
  writeFileSync(join(directory, 'o.yaml'), `${readFileSync(BOARD)}overlays: [{ /chosen: { "my,option": [1, 2] } }]\n`);
  const words = [join(ROOT, 'src/main.ts'), 'dtb', join(directory, 'o.yaml'), '--dts'];
  expect(run(process.execPath, words).stdout.toString()).toContain('my,option = <0x1 0x2>;');
});

test.skipIf(process.arch === 'arm64')(
  'dtb: on a host without Arm KVM it says what it assumes, unless it is quiet',
  () => {
    const assumed = 'MPIDRs as KVM numbers them\n';
    expect(dtb('--dts').stderr).toBe(`orko-vmm: This is an x64 host: assumed GICv3 with an ITS, a PMU, and ${assumed}`);
    expect(dtb('--dts', '--set', 'gic=v2', '--set', 'cpus.pmu=off').stderr).toBe(
      `orko-vmm: This is an x64 host: assumed GICv2 with GICv2m, no PMU, and ${assumed}`,
    );
    expect(dtb('--dts', '-q').stderr).toBe('');
  },
);

test('dtb: an initrd that does not fit is an error, as for run', () => {
  writeFileSync(join(directory, 'large'), new Uint8Array(3 * MiB));
  const { status, stderr } = dtb('--dts', '--set', 'memory=2M', '--set', `kernel.initrd=${join(directory, 'large')}`);
  expect(status).toBe(65);
  expect(stderr).toMatch(/^orko-vmm: .*initrd.*\n$/);
});
