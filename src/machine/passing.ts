/** What passing devices through comes to on this machine: how each BAR is shown, and what the guest is told (docs/device-memory.md). */
import { ConfigError, HostError } from '../base/errors.ts';
import { isOnPci, type PassedDevice, passedDevices } from '../config/device-kinds.ts';
import type { VmConfig } from '../config/schema.ts';
import { HostFiles } from '../host/host-files.ts';
import { type Decision, decide } from '../pci/decide.ts';
import { obstaclesOf } from '../pci/obstacles.ts';
import type { Platform } from '../pci/platform.ts';
import type { GuestSign } from '../pci/quirks.ts';
import { readPlatform } from '../vfio/host-platform.ts';
import { type AppliedPolicy, barPolicies } from './bar-policies.ts';
import { loadQuirks } from './quirk-files.ts';

export interface Passing {
  /** By device, then by BAR. */
  readonly policies: ReadonlyMap<string, ReadonlyMap<number, AppliedPolicy>>;
  /** Of all devices together: the guest has one host bridge. */
  readonly sign: GuestSign;
}

/** An error where a device cannot be passed through, or nobody has decided how. */
export function planPassing(config: VmConfig, sysfs = new HostFiles('/sys')): Passing {
  const platform = readPlatform(sysfs);
  const decisions = platform ? decide(platform, loadQuirks(process.env).quirks) : [];
  const planned = passedDevices(config).map(([name, device]) => {
    const decision = passable(name, device, platform, decisions);
    const policies = barPolicies(name, device, decision);
    return { name, policies, sign: signOf(decision, policies) };
  });
  const bridge = planned.find(({ sign }) => sign.bridge !== undefined)?.sign.bridge;
  const isIncoherent = planned.some(({ sign }) => sign.isIncoherent);
  if (isIncoherent) refusePools(config);
  return { policies: new Map(planned.map(({ name, policies }) => [name, policies])), sign: { bridge, isIncoherent } };
}

/** For the user, sentences. */
export function signWords({ bridge, isIncoherent }: GuestSign): readonly string[] {
  return [
    ...(bridge ? [`The guest's PCI host bridge is ${bridge}, for its kernel to know this machine by`] : []),
    ...(isIncoherent ? ["The guest's device tree says that DMA of PCI devices does not see caches"] : []),
  ];
}

/** A kernel that knows the bridge does what only a BAR that is shown as it is makes necessary. */
function signOf({ quirk }: Decision, policies: ReadonlyMap<number, AppliedPolicy>): GuestSign {
  const isDirect = [...policies.values()].includes('direct');
  return { bridge: isDirect ? quirk?.guest?.bridge : undefined, isIncoherent: quirk?.guest?.isIncoherent };
}

/** The rings in a pool would be memory that the guest does not cache, and that we do. */
function refusePools({ devices }: VmConfig): void {
  for (const [name, device] of Object.entries(devices)) {
    if (device.type === 'vfio' || !isOnPci(device) || !('memory' in device) || device.memory.pool === undefined)
      continue;
    throw new ConfigError(
      'A device with a pool cannot be on a PCI bus whose DMA does not see caches, as that of this machine: let it have transport: mmio',
      { keyPath: `devices.${name}.memory` },
    );
  }
}

function passable(
  name: string,
  { host }: PassedDevice,
  platform: Platform | undefined,
  decisions: readonly Decision[],
): Decision {
  const keyPath = `devices.${name}.host`;
  const device = platform?.functions.find(({ address }) => address === host);
  if (!platform || !device) {
    throw new ConfigError(
      `There is no PCI device ${host} on this host: "orko-vmm doctor" and "lspci -D" show which there are`,
      { keyPath },
    );
  }
  const [obstacle] = obstaclesOf(device, platform);
  if (obstacle) throw new HostError(`Cannot pass PCI device ${host} through: ${obstacle.why}: ${obstacle.remedy}`);
  return decisions.find((decision) => decision.device === device)!;
}
