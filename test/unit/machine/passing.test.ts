import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';
import { HostFiles } from '../../../src/host/host-files.ts';
import { planPassing, signWords } from '../../../src/machine/passing.ts';
import { MACHINES, writeSysfs } from '../../support/sysfs-trees.ts';

const directory = mkdtempSync(join(tmpdir(), 'orko-passing-'));
/** Of each machine the device for a guest. */
const ADDRESSES = { altra: '0000:01:00.0', rk3588: '0000:01:00.0', plain: '0000:00:02.0' } as const;
type Machine = keyof typeof ADDRESSES;

beforeAll(() => {
  // Nobody's quirks but ours.
  vi.stubEnv('XDG_CONFIG_HOME', directory);
  for (const [name, address] of Object.entries(ADDRESSES) as [Machine, string][]) {
    const sysfs = join(directory, name);
    writeSysfs(sysfs, MACHINES[name]);
    for (const folder of ['kernel/iommu_groups/1', 'bus/pci/drivers/vfio-pci']) {
      mkdirSync(join(sysfs, folder), { recursive: true });
    }
    const device = join(sysfs, 'bus/pci/devices', address);
    symlinkSync(join(sysfs, 'bus/pci/drivers/vfio-pci'), join(device, 'driver'));
    symlinkSync(join(sysfs, 'kernel/iommu_groups/1'), join(device, 'iommu_group'));
  }
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

function plan(machine: Machine, bars: object, more: object = {}) {
  const devices = { gpu: { type: 'vfio', host: ADDRESSES[machine], bars }, ...more };
  const text = JSON.stringify({ kernel: 'Image', devices });
  const config = parseConfig(text, { file: 'a.yaml', directory: '/', resolvePath: (name) => name });
  return planPassing(config, new HostFiles(join(directory, machine)));
}

test('a machine that nothing is known of: BARs as they are, and nothing to tell the guest', () => {
  const { policies, sign } = plan('plain', {});
  expect([...policies.get('gpu')!.values()].every((policy) => policy === 'direct')).toBe(true);
  expect(signWords(sign)).toEqual([]);
});

test('Altra: the guest can know the machine by its host bridge, while a BAR is direct', () => {
  expect(plan('altra', { 0: 'trap', 1: 'direct' }).sign.bridge).toBe('1def:e100');
  expect(plan('altra', { 0: 'trap', 1: 'ro-direct' }).sign.bridge).toBeUndefined();
  expect(signWords(plan('altra', { 0: 'direct', 1: 'direct' }).sign)).toEqual([
    "The guest's PCI host bridge is 1def:e100, for its kernel to know this machine by",
  ]);
  expect(() => plan('altra', {})).toThrow(/quirk altra-pcie-65/);
});

test('RK3588: the device tree does not say dma-coherent, and a pool on that bus is refused', () => {
  const { sign } = plan('rk3588', { 0: 'trap' });
  expect(signWords(sign)).toEqual(["The guest's device tree says that DMA of PCI devices does not see caches"]);
  const disk = { type: 'blk', backend: '/run/blk.sock', memory: 'pool' };
  expect(() => plan('rk3588', { 0: 'trap' }, { disk })).not.toThrow();
  expect(() => plan('rk3588', { 0: 'trap' }, { disk: { ...disk, transport: 'pci' } })).toThrow(
    'let it have transport: mmio',
  );
});
