/**
 * The device tree that a guest boots with: CPUs, memory, PSCI, interrupt controller, timer, what the boot loader would have
 * said in /chosen, and the nodes that the devices hand in. It knows no address: the machine describes itself in a
 * `GuestDeviceTree`. Labels that overlays may use: gic, its or v2m, apb_pclk, cpu0…, those of reserved ranges and devices.
 */
import { assert } from '../base/assert.ts';
import { ConfigError } from '../base/errors.ts';
import { type AddressRange, endOf } from '../base/range.ts';
import { type DeviceNodeContext, nodeName, ppiCells, reg } from '../fdt/device-node.ts';
import { FdtNode, FdtTree } from '../fdt/tree.ts';
import type { PropertyValue } from '../fdt/value.ts';
import { powerKeyNode } from './device-nodes.ts';

/** "A generic virtual machine": the name that Linux knows for a board that only its device tree describes. */
const ROOT_COMPATIBLE = 'linux,dummy-virt';
/** PrimeCells want an `apb_pclk`; its rate matters to the UART's baud divisor only, and is the one QEMU's virt has. */
const APB_CLOCK_HZ = 24_000_000;

/** PPIs that Arm's server base system (DEN0029 §3.6) gives the timers and the PMU; KVM's defaults. */
const PPI_TIMER_SECURE = 13;
const PPI_TIMER_NON_SECURE = 14;
const PPI_TIMER_VIRTUAL = 11;
const PPI_TIMER_HYPERVISOR = 10;
const PPI_PMU = 7;

/** SPI n is INTID 32 + n. */
const INTID_OF_SPI_0 = 32;

export interface GuestDeviceTree {
  readonly cpus: readonly GuestCpu[];
  /** RAM, lowest first. */
  readonly memory: readonly AddressRange[];
  /** Parts of RAM with a purpose, under /reserved-memory. */
  readonly reserved?: readonly ReservedMemory[];
  readonly gic: GuestGic;
  /** The vCPUs have a PMUv3. */
  readonly pmu?: boolean;
  readonly chosen: GuestChosen;
  readonly devices: readonly GuestDevice[];
  /** A key that presses itself when the VM is asked to power off: line `line` of the GPIO controller labelled `gpio`. */
  readonly powerKey?: { readonly gpio: string; readonly line: number };
  /** Alias → label: { serial0: 'uart0' }. */
  readonly aliases?: Readonly<Record<string, string>>;
}

export interface GuestCpu {
  /** MPIDR_EL1 as KVM has it; only its affinity fields are used. At most 40 bits, so a number holds it. */
  readonly mpidr: number;
  /** "arm,cortex-a72" of the real core, where that is known. */
  readonly compatible?: string;
  /** Relative performance, 1024 for the fastest kind (bindings cpu/cpu-capacity.txt). */
  readonly capacity?: number;
}

export interface ReservedMemory {
  /** Node name without address, and with `-` as `_` its label: "restricted-dma". */
  readonly name: string;
  readonly range: AddressRange;
  readonly compatible?: string;
  /** The guest must not even map it. */
  readonly noMap?: boolean;
}

export type GuestGic =
  | {
      readonly version: 3;
      readonly distributor: AddressRange;
      readonly redistributors: readonly AddressRange[];
      readonly its?: AddressRange;
    }
  | {
      readonly version: 2;
      readonly distributor: AddressRange;
      readonly cpuInterface: AddressRange;
      /** An MSI frame whose messages become the SPIs `spiBase` … `spiBase + spiCount - 1`. */
      readonly v2m?: AddressRange & { readonly spiBase: number; readonly spiCount: number };
    };

export interface GuestChosen {
  readonly bootargs?: string;
  /** Label of the UART that is the console. */
  readonly stdout?: string;
  readonly initrd?: AddressRange;
  /** Fresh at every boot; zeros of the same length where the tree is only shown. */
  readonly rngSeed?: Uint8Array;
  readonly kaslrSeed?: Uint8Array;
}

export interface GuestDevice {
  /** Unique; characters that a label cannot have become `_`. */
  readonly label: string;
  readonly range: AddressRange;
  readonly interrupts?: readonly number[];
  /** A device's `deviceTreeNode`, or one of device-nodes.ts. */
  node(context: DeviceNodeContext): FdtNode;
}

export function buildDeviceTree(guest: GuestDeviceTree): FdtTree {
  const tree = new FdtTree(
    new FdtNode('', { compatible: ROOT_COMPATIBLE, model: 'orko-vmm', '#address-cells': 2, '#size-cells': 2 }),
    [],
    affinityOf(guest.cpus[0]!) % 2 ** 32,
  );
  const gicNode = makeGic(guest.gic);
  const gic = tree.phandleOf(gicNode);
  const clockNode = makeClock();
  const clock = tree.phandleOf(clockNode);
  /** Which CPUs have a PPI, as only a GICv2 wants to know. */
  const cpuMask = guest.gic.version === 2 ? 2 ** Math.min(guest.cpus.length, 8) - 1 : 0;
  const phandleOf = (label: string): number => tree.phandleOf(labelledNode(tree, label));

  tree.root.set('interrupt-parent', gic);
  const chosen = tree.root.add(new FdtNode('chosen'));
  const aliases = guest.aliases && tree.root.add(new FdtNode('aliases'));
  for (const range of guest.memory) tree.root.add(makeMemory(range));
  if (guest.reserved?.length) tree.root.add(makeReserved(guest.reserved));
  tree.root.add(makeCpus(guest.cpus));
  tree.root.add(new FdtNode('psci', { compatible: ['arm,psci-1.0', 'arm,psci-0.2'], method: 'hvc' }));
  tree.root.add(gicNode);
  tree.root.add(makeTimer(cpuMask));
  if (guest.pmu)
    tree.root.add(new FdtNode('pmu', { compatible: 'arm,armv8-pmuv3', interrupts: ppiCells(PPI_PMU, cpuMask) }));
  tree.root.add(clockNode);
  for (const device of guest.devices) {
    const { range, interrupts } = device;
    const node = device.node({ range, ...(interrupts && { interrupts }), clock, gic, phandleOf });
    labelDevice(tree, node, device.label);
    tree.root.add(node);
  }
  if (guest.powerKey) tree.root.add(powerKeyNode(phandleOf(guest.powerKey.gpio), guest.powerKey.line));

  for (const [alias, label] of Object.entries(guest.aliases ?? {}))
    aliases?.set(alias, tree.pathOf(labelledNode(tree, label)));
  fillChosen(chosen, guest.chosen, tree);
  return tree;
}

/** Gives `node`, which is not in the tree yet, its label. Those that its children have already must be free as well. */
function labelDevice(tree: FdtTree, node: FdtNode, name: string): void {
  node.labels.add(labelOf(name));
  const labels = [...node.labels, ...[...node.children.values()].flatMap((child) => [...child.labels])];
  // Device names come from the config, so that a label is taken is the user's business.
  const taken = labels.find((label, index) => tree.labelled(label) || labels.indexOf(label) !== index);
  if (taken === undefined) return;
  throw new ConfigError(
    `Cannot make the device tree: device ${taken === labelOf(name) ? name : taken} would get the label ${taken}, which is taken; call it something else`,
    { keyPath: `devices.${name}` },
  );
}

/** The label of the device that the config calls `name`. */
export function labelOf(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=[0-9])/, '_');
}

function labelledNode(tree: FdtTree, label: string): FdtNode {
  const node = tree.labelled(labelOf(label));
  assert(node !== undefined, `no node of the guest's device tree has the label ${label}`);
  return node;
}

/** Aff3 (bits 39:32) and Aff2…Aff0 (bits 23:0) of MPIDR_EL1, which is what `reg` holds (bindings arm/cpus.yaml). */
function affinityOf({ mpidr }: GuestCpu): number {
  return (Math.floor(mpidr / 2 ** 32) % 2 ** 8) * 2 ** 32 + (mpidr % 2 ** 24);
}

function makeCpus(cpus: readonly GuestCpu[]): FdtNode {
  const wide = cpus.some((cpu) => affinityOf(cpu) >= 2 ** 32);
  return new FdtNode(
    'cpus',
    { '#address-cells': wide ? 2 : 1, '#size-cells': 0 },
    cpus.map((cpu, index) => {
      const affinity = affinityOf(cpu);
      const node = new FdtNode(nodeName('cpu', affinity), {
        device_type: 'cpu',
        compatible: cpu.compatible ?? 'arm,armv8',
        reg: wide ? BigInt(affinity) : affinity,
        'enable-method': 'psci',
        ...(cpu.capacity !== undefined && { 'capacity-dmips-mhz': cpu.capacity }),
      });
      node.labels.add(`cpu${index}`);
      return node;
    }),
  );
}

function makeMemory(range: AddressRange): FdtNode {
  return new FdtNode(nodeName('memory', range.base), { device_type: 'memory', reg: reg(range) });
}

function makeReserved(reserved: readonly ReservedMemory[]): FdtNode {
  return new FdtNode(
    'reserved-memory',
    { '#address-cells': 2, '#size-cells': 2, ranges: true },
    reserved.map(({ name, range, compatible, noMap }) => {
      const node = new FdtNode(nodeName(name, range.base), {
        ...(compatible !== undefined && { compatible }),
        reg: reg(range),
        ...(noMap && { 'no-map': true as const }),
      });
      node.labels.add(labelOf(name));
      return node;
    }),
  );
}

/** Linux, bindings interrupt-controller/arm,gic-v3.yaml and arm,gic.yaml. */
function makeGic(gic: GuestGic): FdtNode {
  const registers = gic.version === 3 ? gic.redistributors : [gic.cpuInterface];
  const node = new FdtNode(nodeName('interrupt-controller', gic.distributor.base), {
    compatible: gic.version === 3 ? 'arm,gic-v3' : 'arm,cortex-a15-gic',
    reg: reg(gic.distributor, ...registers),
    ...(gic.version === 3 && { '#redistributor-regions': gic.redistributors.length }),
    'interrupt-controller': true,
    '#interrupt-cells': 3,
    '#address-cells': 2,
    '#size-cells': 2,
    ranges: true,
  });
  node.labels.add('gic');
  if (gic.version === 3 && gic.its) node.add(makeIts(gic.its));
  if (gic.version === 2 && gic.v2m) node.add(makeV2m(gic.v2m));
  return node;
}

function makeIts(range: AddressRange): FdtNode {
  const node = new FdtNode(nodeName('msi-controller', range.base), {
    compatible: 'arm,gic-v3-its',
    reg: reg(range),
    'msi-controller': true,
    '#msi-cells': 1,
  });
  node.labels.add('its');
  return node;
}

/** The frame's own MSI_TYPER would say the same; the properties win over it, so they are the one place that counts. */
function makeV2m(frame: AddressRange & { readonly spiBase: number; readonly spiCount: number }): FdtNode {
  const node = new FdtNode(nodeName('v2m', frame.base), {
    compatible: 'arm,gic-v2m-frame',
    reg: reg(frame),
    'msi-controller': true,
    'arm,msi-base-spi': INTID_OF_SPI_0 + frame.spiBase,
    'arm,msi-num-spis': frame.spiCount,
  });
  node.labels.add('v2m');
  return node;
}

/** Bindings timer/arm,arch_timer.yaml. `always-on`: it counts and interrupts in every idle state there is. */
function makeTimer(cpuMask: number): FdtNode {
  return new FdtNode('timer', {
    compatible: 'arm,armv8-timer',
    interrupts: [PPI_TIMER_SECURE, PPI_TIMER_NON_SECURE, PPI_TIMER_VIRTUAL, PPI_TIMER_HYPERVISOR].flatMap((ppi) =>
      ppiCells(ppi, cpuMask),
    ),
    'always-on': true,
  });
}

function makeClock(): FdtNode {
  const node = new FdtNode('apb-pclk', {
    compatible: 'fixed-clock',
    '#clock-cells': 0,
    'clock-frequency': APB_CLOCK_HZ,
    'clock-output-names': 'clk24mhz',
  });
  node.labels.add('apb_pclk');
  return node;
}

function fillChosen(node: FdtNode, chosen: GuestChosen, tree: FdtTree): void {
  const { bootargs, stdout, initrd, rngSeed, kaslrSeed } = chosen;
  const properties: Record<string, PropertyValue | undefined> = {
    bootargs,
    'stdout-path': stdout === undefined ? undefined : tree.pathOf(labelledNode(tree, stdout)),
    'linux,initrd-start': initrd && BigInt(initrd.base),
    'linux,initrd-end': initrd && BigInt(endOf(initrd)),
    'rng-seed': rngSeed,
    'kaslr-seed': kaslrSeed,
  };
  for (const [name, value] of Object.entries(properties)) if (value !== undefined) node.set(name, value);
}
