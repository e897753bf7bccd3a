/** Which PCI devices of this host a guest could have for itself, and what keeps it from that. None of it is needed without one. */

import { obstaclesOf, partnersOf } from '../pci/obstacles.ts';
import { isBridge, type PciFunction, type Platform } from '../pci/platform.ts';
import type { Finding } from './finding.ts';

/** `platform`: undefined where the host has no PCI. */
export function passthroughFindings(platform: Platform | undefined): readonly Finding[] {
  const devices = platform?.functions.filter((device) => !isBridge(device)) ?? [];
  if (!platform || devices.length === 0) return [];
  return [iommuFinding(platform), ...devices.map((device) => deviceFinding(device, platform))];
}

function iommuFinding({ hasIommu }: Platform): Finding {
  const about = { id: 'iommu', title: 'IOMMU' };
  if (hasIommu) {
    return { ...about, severity: 'ok', value: 'on', consequence: 'PCI devices can be passed through (type: vfio)' };
  }
  return {
    ...about,
    severity: 'note',
    value: 'none that is on',
    consequence: 'no PCI device can be passed through',
    remedy: 'turn the IOMMU (SMMU) on in the firmware; some boards have none',
  };
}

function deviceFinding(device: PciFunction, platform: Platform): Finding {
  const { address, id, classCode, driver, group } = device;
  const partners = partnersOf(device, platform).map((other) => other.address);
  const facts = [
    `${id} class ${classCode.toString(16).padStart(6, '0')}`,
    driver === undefined ? 'no driver' : `driver ${driver}`,
    ...(group === undefined
      ? []
      : [`IOMMU group ${group}${partners.length > 0 ? ` with ${partners.join(', ')}` : ''}`]),
  ];
  const about = { id: `pci-${address}`, title: address, value: facts.join(', ') };
  if (!platform.hasIommu) return { ...about, severity: 'note', consequence: 'no guest can have it without an IOMMU' };
  const obstacles = obstaclesOf(device, platform);
  if (obstacles.length === 0) return { ...about, severity: 'ok', consequence: 'a guest can have it (type: vfio)' };
  return {
    ...about,
    severity: 'note',
    consequence: `no guest can have it: ${obstacles.map(({ why }) => why).join('; ')}`,
    remedy: obstacles.map(({ remedy }) => remedy).join(' && '),
  };
}
