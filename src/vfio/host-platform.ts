/**
 * The PCI functions of a machine, and what it is, from its sysfs: of this one (/sys), or of another one of which the files were
 * copied. A copy need not have everything; what is missing is not known.
 */
import { basename, join } from 'node:path';
import type { HostFiles } from '../host/host-files.ts';
import type { PciBar, PciFunction, Platform } from '../pci/platform.ts';

const ADDRESS = /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;
/** Flags of the third column of `resource` (linux/ioport.h, IORESOURCE_*). */
const Resource = { MEM: 0x200n, PREFETCH: 0x2000n, MEM_64: 0x10_0000n } as const;
const BAR_COUNT = 6;

/** `sysfs`: where /sys, or its copy, is the root. `undefined`: there is no PCI in that tree, or no such tree. */
export function readPlatform(sysfs: HostFiles): Platform | undefined {
  if (!sysfs.names('bus/pci').includes('devices')) return undefined;
  const addresses = sysfs.names('bus/pci/devices').filter((name) => ADDRESS.test(name));
  return {
    socId: sysfs.text('devices/soc0/soc_id'),
    compatibles: strings(sysfs, 'firmware/devicetree/base/compatible'),
    hasIommu: sysfs.names('kernel/iommu_groups').length > 0,
    functions: addresses.toSorted().map((address) => readFunction(sysfs, address)),
  };
}

function readFunction(sysfs: HostFiles, address: string): PciFunction {
  const folder = join('bus/pci/devices', address);
  const hex = (file: string) => Number.parseInt(sysfs.text(join(folder, file)) ?? '0', 16);
  const id = ['vendor', 'device'].map((file) => hex(file).toString(16).padStart(4, '0')).join(':');
  const path = sysfs.resolved(folder)?.split('/') ?? [];
  // …/pci0000:00/0000:00:01.0/0000:01:00.0: what lies between the root bus and the function are bridges.
  const root = path.findIndex((name) => /^pci[0-9a-f]{4,}:[0-9a-f]{2}$/.test(name));
  const controllerFolder = root > 0 ? path.slice(0, root).join('/') : undefined;
  const driver = sysfs.resolved(join(folder, 'driver'));
  const group = sysfs.resolved(join(folder, 'iommu_group'));
  return {
    address,
    id,
    classCode: hex('class'),
    driver: driver && basename(driver),
    group: group && basename(group),
    behind: root < 0 ? [] : path.slice(root + 1, -1).filter((name) => ADDRESS.test(name)),
    controller: controllerFolder === undefined ? [] : strings(sysfs, join(controllerFolder, 'of_node/compatible')),
    bars: readBars(sysfs.text(join(folder, 'resource')) ?? ''),
  };
}

/** One line a resource: first and last address, flags. The first six are BARs. */
function readBars(resource: string): PciBar[] {
  return resource
    .split('\n')
    .slice(0, BAR_COUNT)
    .flatMap((line, index) => {
      const [start = 0n, end = 0n, flags = 0n] = line.split(' ').map((word) => BigInt(word || 0));
      if ((flags & Resource.MEM) === 0n || end <= start) return [];
      return {
        index,
        size: Number(end - start + 1n),
        isPrefetchable: (flags & Resource.PREFETCH) !== 0n,
        is64Bit: (flags & Resource.MEM_64) !== 0n,
      };
    });
}

/** A property of the device tree that is a list of strings, each with a zero behind it. */
function strings(files: HostFiles, path: string): string[] {
  return (files.text(path) ?? '').split('\0').filter((name) => name !== '');
}
