import { describe, expect, test } from 'vitest';
import { passedDevices } from '../../../src/config/device-kinds.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { barPolicies } from '../../../src/machine/bar-policies.ts';
import { BAR_POLICY_NAMES, type BarPolicy } from '../../../src/pci/bar-policy.ts';
import type { Decision } from '../../../src/pci/decide.ts';
import { QUIRKS } from '../../../src/pci/quirks.ts';

const BARS = [
  { index: 0, size: 2 ** 24, isPrefetchable: false, is64Bit: false },
  { index: 2, size: 2 ** 34, isPrefetchable: true, is64Bit: true },
];

function decision(quirkId?: string): Decision {
  const quirk = QUIRKS.find(({ id }) => id === quirkId);
  const device = {
    ...{ address: '0000:01:00.0', id: '1002:67df', classCode: 0x03_00_00, behind: [], controller: [], bars: BARS },
  };
  return { device, because: [], policy: quirk?.policy ?? 'direct', ...(quirk && { quirk }) };
}

/** As the parser makes it. */
function configured(bars: Readonly<Record<number, BarPolicy>>) {
  const text = `{ kernel: Image, devices: { gpu: { type: vfio, host: "0000:01:00.0", bars: ${JSON.stringify(bars)} } } }`;
  const config = parseConfig(text, { file: 'a.yaml', directory: '/', resolvePath: (name) => name });
  return passedDevices(config)[0]![1];
}

describe('barPolicies', () => {
  test('direct where nothing is known of the machine, what the config says all the same', () => {
    expect([...barPolicies('gpu', configured({}), decision())]).toEqual([
      [0, 'direct'],
      [2, 'direct'],
    ]);
    expect([...barPolicies('gpu', configured({ 2: 'trap' }), decision())]).toEqual([
      [0, 'direct'],
      [2, 'trap'],
    ]);
  });

  test.each(BAR_POLICY_NAMES.filter((name) => name !== 'refuse'))('%s of the config holds before a quirk', (policy) => {
    const bars = configured({ 0: policy, 2: policy });
    expect([...barPolicies('gpu', bars, decision('altra-pcie-65')).values()]).toEqual([policy, policy]);
  });

  test('the safe policy that a quirk names', () => {
    expect([...barPolicies('gpu', configured({}), decision('bcm2711-writes')).values()]).toEqual([
      'device+emulate',
      'device+emulate',
    ]);
  });

  test('refused, with what there is to choose, for each BAR that nobody has decided', () => {
    expect(() => barPolicies('gpu', configured({ 0: 'trap' }), decision('altra-pcie-65'))).toThrow(
      'Cannot show BAR 2 (16 GiB, prefetchable) of 0000:01:00.0 to the guest as it is: on this machine (Ampere Altra and Altra Max, quirk altra-pcie-65) the root ports may put combined writes of Normal non-cacheable memory at wrong addresses: write devices.gpu.bars.2: device+emulate | ro-direct | trap; direct is right with a guest kernel',
    );
    expect(() => barPolicies('gpu', configured({ 0: 'refuse' }), decision())).toThrow('its policy is refuse');
  });

  test('a BAR that the device does not have', () => {
    expect(() => barPolicies('gpu', configured({ 1: 'trap' }), decision())).toThrow(
      'PCI device 0000:01:00.0 has no such BAR: it has the memory BARs 0, 2',
    );
  });
});
