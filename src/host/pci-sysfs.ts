/**
 * The PCI functions of a machine, and what it is, from its sysfs: of this one (/sys), or of another one of which the files were
 * copied. A copy need not have everything; what is missing is not known.
 */
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';

/** The shape that pci/platform.ts wants. */
interface SysfsPlatform {
  readonly socId: string | undefined;
  readonly compatibles: readonly string[];
  readonly functions: readonly SysfsFunction[];
}

interface SysfsFunction {
  readonly address: string;
  readonly id: string;
  readonly classCode: number;
  readonly driver: string | undefined;
  readonly behind: readonly string[];
  readonly controller: readonly string[];
  readonly bars: readonly SysfsBar[];
}

interface SysfsBar {
  readonly index: number;
  readonly size: number;
  readonly isPrefetchable: boolean;
  readonly is64Bit: boolean;
}

const ADDRESS = /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;
/** Flags of the third column of `resource` (linux/ioport.h, IORESOURCE_*). */
const Resource = { MEM: 0x200n, PREFETCH: 0x2000n, MEM_64: 0x10_0000n } as const;
const BAR_COUNT = 6;

/** `undefined`: there is no PCI in that tree, or no such tree. */
export function readPlatform(sysfs: string): SysfsPlatform | undefined {
  const folder = join(sysfs, 'bus/pci/devices');
  const names = list(folder)?.filter((name) => ADDRESS.test(name));
  if (names === undefined) return undefined;
  return {
    socId: text(join(sysfs, 'devices/soc0/soc_id')),
    compatibles: strings(join(sysfs, 'firmware/devicetree/base/compatible')),
    functions: names.sort().map((name) => readFunction(join(folder, name), name)),
  };
}

function readFunction(folder: string, address: string): SysfsFunction {
  const hex = (file: string) => Number.parseInt(text(join(folder, file)) ?? '0', 16);
  const id = ['vendor', 'device'].map((file) => hex(file).toString(16).padStart(4, '0')).join(':');
  const path = real(folder)?.split('/') ?? [];
  // …/pci0000:00/0000:00:01.0/0000:01:00.0: what lies between the root bus and the function are bridges.
  const root = path.findIndex((name) => /^pci[0-9a-f]{4,}:[0-9a-f]{2}$/.test(name));
  const controllerFolder = root > 0 ? path.slice(0, root).join('/') : undefined;
  const driver = real(join(folder, 'driver'));
  return {
    address,
    id,
    classCode: hex('class'),
    driver: driver && basename(driver),
    behind: root < 0 ? [] : path.slice(root + 1, -1).filter((name) => ADDRESS.test(name)),
    controller: controllerFolder === undefined ? [] : strings(join(controllerFolder, 'of_node/compatible')),
    bars: readBars(text(join(folder, 'resource')) ?? ''),
  };
}

/** One line a resource: first and last address, flags. The first six are BARs. */
function readBars(resource: string): SysfsBar[] {
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

function list(folder: string): string[] | undefined {
  try {
    return readdirSync(folder);
  } catch {
    return undefined;
  }
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** A property of the device tree that is a list of strings, each with a zero behind it. */
function strings(path: string): string[] {
  return (text(path) ?? '').split('\0').filter((name) => name !== '');
}
