/** The device tree of this machine's guest: buildDeviceTree with our addresses, then the user's overlays. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../base/errors.ts';
import type { AddressRange } from '../base/range.ts';
import { buildDeviceTree, type GuestGic, labelOf } from '../boot/device-tree.ts';
import type { VmConfig } from '../config/schema.ts';
import { POWER_KEY_LINE } from '../devices/power-key.ts';
import type { FdtTree } from '../fdt/tree.ts';
import { BOARD_DEVICES, SCRATCH_DEVICE } from './board.ts';
import { gicAddresses, hasPci, LAYOUT, mainMemory, placePools, redistributorRanges, V2M_SPIS } from './layout.ts';
import { pciNode } from './pci-places.ts';
import { hasChildren, poolNode, poolNodeName, virtioNodes } from './virtio-nodes.ts';

/** Lengths that Linux takes: 64 bytes feed its random pool at once, the other is one u64. */
export const RNG_SEED_BYTES = 64;
export const KASLR_SEED_BYTES = 8;

/** What is known only once the VM exists, or assumed where there is none (`orko-vmm dtb` on another host). */
export interface GuestFacts {
  readonly mpidrs: readonly number[];
  readonly gicVersion: 2 | 3;
  readonly hasIts: boolean;
  readonly hasPmu: boolean;
  /** Whether DMA of PCI devices sees the caches. */
  readonly isPciCoherent: boolean;
  readonly initrd: AddressRange | undefined;
  readonly rngSeed: Uint8Array;
  readonly kaslrSeed: Uint8Array;
}

export async function guestTree(config: VmConfig, facts: GuestFacts): Promise<FdtTree> {
  const { kernel } = config;
  const memory = mainMemory(config);
  const pools = placePools(config);
  const tree = buildDeviceTree({
    cpus: facts.mpidrs.map((mpidr) => ({ mpidr })),
    memory: [memory],
    ...(pools.length > 0 && { reserved: pools.map(poolNode) }),
    gic: describeGic(config.cpus.count, memory, facts),
    pmu: facts.hasPmu,
    chosen: {
      bootargs: kernel.cmdline,
      stdout: 'uart0',
      ...(facts.initrd && { initrd: facts.initrd }),
      rngSeed: facts.rngSeed,
      kaslrSeed: facts.kaslrSeed,
    },
    devices: [
      ...BOARD_DEVICES,
      ...(config.scratchDevice ? [SCRATCH_DEVICE] : []),
      ...virtioNodes(config),
      ...(hasPci(config)
        ? [pciNode(config, { msi: msiLabel(facts), isCoherent: facts.isPciCoherent }, ({ name }) => poolNodeName(name))]
        : []),
    ],
    powerKey: { gpio: 'gpio0', line: POWER_KEY_LINE },
    aliases: { serial0: 'uart0', rtc0: 'rtc0' },
  });
  if (hasChildren(config)) await addChildren(tree, config);
  if (config.overlays.length > 0) await applyOverlays(tree, config);
  return tree;
}

/** Who takes messages. */
function msiLabel({ gicVersion, hasIts }: GuestFacts): string | undefined {
  if (gicVersion === 2) return 'v2m';
  return hasIts ? 'its' : undefined;
}

function describeGic(cpuCount: number, memory: AddressRange, facts: GuestFacts): GuestGic {
  if (facts.gicVersion === 2) {
    return {
      version: 2,
      distributor: LAYOUT.gicDistributor,
      cpuInterface: LAYOUT.gicCpuInterface,
      v2m: { ...LAYOUT.gicV2m, spiBase: V2M_SPIS.base, spiCount: V2M_SPIS.count },
    };
  }
  return {
    version: 3,
    distributor: LAYOUT.gicDistributor,
    redistributors: redistributorRanges(gicAddresses(cpuCount, memory)),
    ...(facts.hasIts && { its: LAYOUT.gicIts }),
  };
}

/** Puts what hangs on the devices' buses below their nodes. Labels of all of it can be used in all of it. */
async function addChildren(tree: FdtTree, { devices }: VmConfig): Promise<void> {
  const { applyOverlay } = await import('../fdt/overlay.ts');
  const { InlineMerge } = await import('../fdt/inline.ts');
  const inline = new InlineMerge(tree);
  const files: (() => void)[] = [];
  for (const [name, { children }] of Object.entries(devices)) {
    const node = tree.resolve(labelOf(name))!;
    for (const [index, child] of children.entries()) {
      const keyPath = `devices.${name}.children.${index}`;
      if (child.kind === 'inline') inline.shape(node, child.tree, keyPath);
      else {
        const blob = await readOverlay(child.path, keyPath);
        files.push(() => applyOverlay(tree, blob, child.path, tree.pathOf(node)));
      }
    }
  }
  for (const apply of files) apply();
  inline.fill();
}

async function applyOverlays(tree: FdtTree, { overlays }: VmConfig): Promise<void> {
  const { applyOverlay } = await import('../fdt/overlay.ts');
  const { mergeInlineOverlay } = await import('../fdt/inline.ts');
  for (const [index, overlay] of overlays.entries()) {
    const keyPath = `overlays.${index}`;
    if (overlay.kind === 'inline') mergeInlineOverlay(tree, overlay.tree, keyPath);
    else applyOverlay(tree, await readOverlay(overlay.path, keyPath), overlay.path);
  }
}

/** The bytes of a `.dtbo`, or of a `.dts` that dtc compiles. */
async function readOverlay(path: string, keyPath: string): Promise<Uint8Array> {
  if (/\.dtsi?o?$/.test(path)) {
    const { compileDts } = await import('../host/dtc.ts');
    return compileDts(path, keyPath);
  }
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(`Cannot read the overlay ${path}: ${(error as Error).message}`, { keyPath });
  }
}
