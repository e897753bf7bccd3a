import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { quirkLines } from '../../../src/cli/quirk-lines.ts';
import { examineQuirks } from '../../../src/doctor/pci-quirks.ts';
import { MACHINES, writeSysfs } from '../../support/sysfs-trees.ts';

const directory = mkdtempSync(join(tmpdir(), 'orko-quirks-'));
afterAll(() => rmSync(directory, { recursive: true }));
for (const [name, machine] of Object.entries(MACHINES)) writeSysfs(join(directory, name), machine);

const NO_FILES = { HOME: join(directory, 'nobody') };
function examine(machine: keyof typeof MACHINES, file?: string) {
  return examineQuirks({ sysfs: join(directory, machine), file, env: NO_FILES });
}

describe('examineQuirks: what docs/device-memory.md promises for', () => {
  test.each([
    ['altra', 'altra-pcie-65', 'refuse', ['its bridge 0000:00:00.0 is 1def:e100', 'the SoC id is jep106:0a16:0001']],
    ['altra-bridge-only', 'altra-pcie-65', 'refuse', ['its bridge 0000:00:00.0 is 1def:e100']],
    [
      'rk3588',
      'rk35xx-coherency',
      'refuse',
      [
        'the device tree of the machine says rockchip,rk3588',
        'its PCI controller is rockchip,rk3588-pcie',
        'its PCI controller is rockchip,rk3568-pcie',
      ],
    ],
    [
      'pi4',
      'bcm2711-writes',
      'device+emulate',
      [
        'its bridge 0000:00:00.0 is 14e4:2711',
        'the device tree of the machine says brcm,bcm2711',
        'its PCI controller is brcm,bcm2711-pcie',
      ],
    ],
    [
      'pi5',
      'bcm2712-plain',
      'direct',
      [
        'its bridge 0001:00:00.0 is 14e4:2712',
        'the device tree of the machine says brcm,bcm2712',
        'its PCI controller is brcm,bcm2712-pcie',
      ],
    ],
    [
      'synquacer',
      'synquacer-msi',
      'direct',
      [
        'the device tree of the machine says socionext,developer-box',
        'its PCI controller is socionext,synquacer-pcie-ecam',
      ],
    ],
    ['plain', undefined, 'direct', []],
  ] as const)('%s: %s, %s', (machine, id, policy, because) => {
    const { decisions } = examine(machine);
    expect(decisions.map(({ quirk, policy, because }) => ({ id: quirk?.id, policy, because }))).toEqual([
      { id, policy, because },
    ]);
  });
});

test('examineQuirks: reads the BARs of a function, and offers no bridge', () => {
  const [decision] = examine('altra').decisions;
  expect(decision!.device).toMatchObject({
    address: '0000:01:00.0',
    behind: ['0000:00:01.0'],
    bars: [
      { index: 0, size: 16 * 2 ** 20, isPrefetchable: false, is64Bit: false },
      { index: 1, size: 256 * 2 ** 20, isPrefetchable: true, is64Bit: true },
    ],
  });
});

test('quirkLines: the decision, its reason, the choices and what they mean', () => {
  const text = quirkLines(examine('altra'));
  expect(text).toContain('0000:01:00.0 1002:67df class 030000: BAR0 16 MiB, BAR1 256 MiB prefetchable\n');
  expect(text).toContain('  policy: refuse: altra-pcie-65 (Ampere Altra and Altra Max): the root ports may put');
  expect(text).toContain('  or choose: device+emulate | ro-direct | trap\n');
  expect(text).toContain('  ro-direct: the guest reads it without leaving');
  expect(quirkLines(examine('plain'))).toContain('policy: direct: no quirk is known of this machine\n');
});

describe('a file of quirks', () => {
  const file = join(directory, 'own.yaml');
  const write = (text: string) => writeFileSync(file, text);

  test('holds before the built-in ones', () => {
    write('quirks:\n  qemu-bridge: { bridges: ["1b36:000*"], problem: "for the test", policy: trap, note: hello }\n');
    const { decisions, files } = examine('plain', file);
    expect(decisions[0]).toMatchObject({ policy: 'trap', quirk: { id: 'qemu-bridge', source: file, note: 'hello' } });
    expect(files).toEqual([file]);
  });

  test('takes the place of a built-in one of the same name', () => {
    write('quirks:\n  altra-pcie-65: { soc-ids: ["jep106:0a16:0002"], problem: "only there", policy: refuse }\n');
    expect(examine('altra', file).decisions[0]).toMatchObject({ policy: 'direct', because: [] });
  });

  test.each([
    ['quirks: { a: { bridges: ["1b36:0008"], problem: x } }', /policy/, /policy: trap/],
    ['quirks: { a: { problem: x, policy: trap } }', /quirks\.a/, /fits no machine: name bridges/],
    ['quirks: { a: { bridges: [1def], problem: x, policy: trap } }', /bridges/, /vendor:device/],
    ['quirks: { a: { bridges: ["1b36:0008"], problem: x, policy: off } }', /policy/, /direct/],
    ['quirks: [', /^/, /not YAML/],
    ['', /^/, /Expected/],
  ])('%s is refused', (text, keyPath, message) => {
    write(text);
    let error: { keyPath?: string; message?: string; file?: string } = {};
    try {
      examine('plain', file);
    } catch (thrown) {
      error = thrown as typeof error;
    }
    expect(error).toMatchObject({ name: 'ConfigError', file });
    expect(error.keyPath).toMatch(keyPath);
    expect(error.message).toMatch(message);
  });

  test('that is not there is a sentence when it was asked for', () => {
    expect(() => examine('plain', join(directory, 'none.yaml'))).toThrow(/^Cannot read the quirks in/);
  });
});

test('examineQuirks: what is no sysfs', () => {
  const sysfs = join(directory, 'nothing');
  expect(() => examineQuirks({ sysfs, file: undefined, env: NO_FILES })).toThrow(
    /^Cannot find PCI devices in .*: there is no bus\/pci\/devices/,
  );
});

test('examineQuirks: a copy of which links were followed still tells the host bridge', () => {
  const copy = join(directory, 'followed');
  cpSync(join(directory, 'altra-bridge-only'), copy, { recursive: true, dereference: true });
  const { decisions } = examineQuirks({ sysfs: copy, file: undefined, env: NO_FILES });
  expect(decisions.map(({ policy }) => policy)).toEqual(['refuse']);
});
