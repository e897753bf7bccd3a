/** Which quirk holds for a PCI function on a machine, what it was known by, and what policy its BARs get. */
import type { BarPolicy } from './bar-policy.ts';
import { domainOf, isBridge, type PciFunction, type Platform } from './platform.ts';
import type { Quirk } from './quirks.ts';

export interface Decision {
  readonly device: PciFunction;
  /** None: the machine is not known to behave in any other way than the architecture says. */
  readonly quirk?: Quirk;
  /** What the quirk was known by, as phrases. */
  readonly because: readonly string[];
  readonly policy: BarPolicy;
}

/** For every function that could be passed through. The first row that fits holds. */
export function decide(platform: Platform, quirks: readonly Quirk[]): readonly Decision[] {
  return platform.functions
    .filter((device) => !isBridge(device))
    .map((device) => {
      for (const quirk of quirks) {
        const because = reasons(quirk, device, platform);
        if (because.length > 0) return { device, quirk, because, policy: quirk.policy };
      }
      return { device, because: [], policy: 'direct' };
    });
}

/** What of the machine, and of the way to `device`, the row names. */
function reasons({ match }: Quirk, device: PciFunction, platform: Platform): readonly string[] {
  const { bridges = [], socIds = [], compatibles = [] } = match;
  const on = bridgesOf(device, platform).filter(({ id }) => bridges.some((pattern) => isLike(id, pattern)));
  const { socId } = platform;
  return [
    ...on.map(({ id, address }) => `its bridge ${address} is ${id}`),
    ...(socId !== undefined && socIds.includes(socId) ? [`the SoC id is ${socId}`] : []),
    ...platform.compatibles
      .filter((name) => compatibles.includes(name))
      .map((name) => `the device tree of the machine says ${name}`),
    ...device.controller.filter((name) => compatibles.includes(name)).map((name) => `its PCI controller is ${name}`),
  ];
}

/** The bridges on the way to it, and the host bridge, which is a function of the same domain that leads nowhere. */
function bridgesOf(device: PciFunction, { functions }: Platform): readonly PciFunction[] {
  return functions.filter(
    (other) =>
      isBridge(other) &&
      (device.behind.includes(other.address) || (domainOf(other) === domainOf(device) && other.behind.length === 0)),
  );
}

function isLike(id: string, pattern: string): boolean {
  return id.length === pattern.length && [...pattern].every((digit, index) => digit === '*' || digit === id[index]);
}
