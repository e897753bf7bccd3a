/** How each BAR of a device that is passed through is shown: as its config says, else as the quirks of the machine do (docs/device-memory.md). */
import { ConfigError } from '../base/errors.ts';
import { formatSize } from '../base/units.ts';
import type { PassedDevice } from '../config/device-kinds.ts';
import type { BarPolicy } from '../pci/bar-policy.ts';
import type { Decision } from '../pci/decide.ts';

export type AppliedPolicy = Exclude<BarPolicy, 'refuse'>;

/** By BAR. A ConfigError says of which BAR somebody has to decide, and what there is to choose. */
export function barPolicies(
  name: string,
  { bars: chosen }: PassedDevice,
  decision: Decision,
): ReadonlyMap<number, AppliedPolicy> {
  const { device, quirk, policy } = decision;
  for (const index of Object.keys(chosen)) {
    if (device.bars.some((bar) => bar.index === Number(index))) continue;
    const known = device.bars.map((bar) => bar.index).join(', ');
    const has = known === '' ? 'no memory BARs' : `the memory BARs ${known}`;
    throw new ConfigError(`PCI device ${device.address} has no such BAR: it has ${has}`, {
      keyPath: `devices.${name}.bars.${index}`,
    });
  }
  const applied = device.bars.map(({ index, size, isPrefetchable }): [number, AppliedPolicy] => {
    const wanted = chosen[index] ?? policy;
    if (wanted !== 'refuse') return [index, wanted];
    const keyPath = `devices.${name}.bars.${index}`;
    const what = `BAR ${index} (${formatSize(size)}${isPrefetchable ? ', prefetchable' : ''}) of ${device.address}`;
    if (quirk === undefined || chosen[index] === 'refuse') {
      throw new ConfigError(`Cannot show ${what} to the guest: its policy is refuse: choose another`, { keyPath });
    }
    const choices = quirk.choices.length > 0 ? quirk.choices : (['ro-direct', 'trap'] as const);
    const exception = quirk.exception === undefined ? '' : `; ${quirk.exception}`;
    throw new ConfigError(
      `Cannot show ${what} to the guest as it is: on this machine (${quirk.hardware}, quirk ${quirk.id}) ${quirk.problem}: write ${keyPath}: ${choices.join(' | ')}${exception}`,
      { keyPath },
    );
  });
  return new Map(applied);
}
