/**
 * Copies of other machines' /sys, as far as `orko-vmm quirks` looks at them, written into a folder: a table of machines
 * instead of trees full of links and of files with zero bytes in them.
 */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

interface SysfsFunction {
  /** Its path below the root bus: bridges on the way, then its own address. */
  readonly path: string;
  readonly id: string;
  readonly classCode: string;
  /** Lines of `resource`. */
  readonly resource?: readonly string[];
}

export interface SysfsMachine {
  readonly socId?: string;
  /** `compatible` of the root of the device tree. */
  readonly compatible?: readonly string[];
  /** `compatible` of the PCI controller, and where it lies: "platform/scb/fd500000.pcie". */
  readonly controller?: { readonly path: string; readonly compatible: readonly string[] };
  readonly functions: readonly SysfsFunction[];
}

const HOST_BRIDGE = '0x060000';
const PCI_BRIDGE = '0x060400';
const MEM = '0x0000000000040200';
const PREFETCHABLE_64 = '0x000000000014220c';
const NONE = '0x0000000000000000 0x0000000000000000 0x0000000000000000';

/** A graphics card: registers, and a large window that drivers map with write combining. */
const GRAPHICS_BARS = [
  `0x0000000030000000 0x0000000030ffffff ${MEM}`,
  `0x0000300000000000 0x000030000fffffff ${PREFETCHABLE_64}`,
  NONE,
];
const NVME_BARS = [`0x0000000600000000 0x0000000600003fff 0x0000000000140204`, NONE];

export const MACHINES = {
  altra: {
    socId: 'jep106:0a16:0001',
    functions: [
      { path: '0000:00:00.0', id: '1def:e100', classCode: HOST_BRIDGE },
      { path: '0000:00:01.0', id: '1def:e101', classCode: PCI_BRIDGE },
      { path: '0000:00:01.0/0000:01:00.0', id: '1002:67df', classCode: '0x030000', resource: GRAPHICS_BARS },
    ],
  },
  /** ACPI and no soc_id, as with older firmware: the host bridge has to do. */
  'altra-bridge-only': {
    functions: [
      { path: '0000:00:00.0', id: '1def:e100', classCode: HOST_BRIDGE },
      { path: '0000:00:01.0', id: '1def:e101', classCode: PCI_BRIDGE },
      { path: '0000:00:01.0/0000:01:00.0', id: '144d:a808', classCode: '0x010802', resource: NVME_BARS },
    ],
  },
  rk3588: {
    compatible: ['radxa,rock-5b', 'rockchip,rk3588'],
    controller: { path: 'platform/a40000000.pcie', compatible: ['rockchip,rk3588-pcie', 'rockchip,rk3568-pcie'] },
    functions: [
      { path: '0000:00:00.0', id: '1d87:3588', classCode: PCI_BRIDGE },
      { path: '0000:00:00.0/0000:01:00.0', id: '144d:a808', classCode: '0x010802', resource: NVME_BARS },
    ],
  },
  pi4: {
    compatible: ['raspberrypi,4-compute-module', 'brcm,bcm2711'],
    controller: { path: 'platform/scb/fd500000.pcie', compatible: ['brcm,bcm2711-pcie'] },
    functions: [
      { path: '0000:00:00.0', id: '14e4:2711', classCode: PCI_BRIDGE },
      { path: '0000:00:00.0/0000:01:00.0', id: '1106:3483', classCode: '0x0c0330', resource: NVME_BARS },
    ],
  },
  pi5: {
    compatible: ['raspberrypi,5-model-b', 'brcm,bcm2712'],
    controller: { path: 'platform/axi/1000110000.pcie', compatible: ['brcm,bcm2712-pcie'] },
    functions: [
      { path: '0001:00:00.0', id: '14e4:2712', classCode: PCI_BRIDGE },
      { path: '0001:00:00.0/0001:01:00.0', id: '144d:a808', classCode: '0x010802', resource: NVME_BARS },
    ],
  },
  synquacer: {
    compatible: ['socionext,developer-box', 'socionext,synquacer'],
    controller: { path: 'platform/60000000.pcie', compatible: ['socionext,synquacer-pcie-ecam'] },
    functions: [
      { path: '0000:00:00.0', id: '1b21:1182', classCode: PCI_BRIDGE },
      { path: '0000:00:00.0/0000:01:00.0', id: '10de:128b', classCode: '0x030000', resource: GRAPHICS_BARS },
    ],
  },
  /** A Cortex-A76 server of nobody's: nothing is known of it. */
  plain: {
    compatible: ['linux,dummy-virt'],
    controller: { path: 'platform/4010000000.pcie', compatible: ['pci-host-ecam-generic'] },
    functions: [
      { path: '0000:00:00.0', id: '1b36:0008', classCode: HOST_BRIDGE },
      { path: '0000:00:02.0', id: '1b36:0010', classCode: '0x010802', resource: NVME_BARS },
    ],
  },
} as const satisfies Record<string, SysfsMachine>;

/** Writes the tree of a machine into `folder`, which does not exist yet. */
export function writeSysfs(folder: string, machine: SysfsMachine): void {
  const { socId, compatible, controller, functions } = machine;
  if (socId) write(join(folder, 'devices/soc0/soc_id'), `${socId}\n`);
  const tree = join(folder, 'firmware/devicetree/base');
  if (compatible) write(join(tree, 'compatible'), listOf(compatible));
  const devices = join(folder, 'devices', controller?.path ?? '');
  if (controller) {
    const node = join(tree, 'soc/pcie');
    write(join(node, 'compatible'), listOf(controller.compatible));
    link(join(devices, 'of_node'), node);
  }
  for (const { path, id, classCode, resource = [] } of functions) {
    const address = path.slice(path.lastIndexOf('/') + 1);
    const [vendor, device] = id.split(':');
    const place = join(devices, `pci${address.slice(0, address.indexOf(':'))}:00`, path);
    write(join(place, 'vendor'), `0x${vendor}\n`);
    write(join(place, 'device'), `0x${device}\n`);
    write(join(place, 'class'), `${classCode}\n`);
    write(join(place, 'resource'), `${[...resource, NONE].join('\n')}\n`);
    link(join(folder, 'bus/pci/devices', address), place);
  }
}

const listOf = (names: readonly string[]) => names.map((name) => `${name}\0`).join('');

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function link(path: string, target: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(relative(dirname(path), target), path);
}
