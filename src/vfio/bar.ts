/**
 * A BAR of a device that is passed through. Parts of it may be memory of the guest, as its policy says (pci/bar-policy.ts); what exits is
 * done for it in accesses as wide as the guest's (bar-registers.ts).
 */
import { O_RDWR, O_SYNC } from '../abi/libc.ts';
import type { AddressRange, GuestAddress } from '../base/range.ts';
import { MiB } from '../base/units.ts';
import type { AccessSize, MmioDevice } from '../bus/mmio-device.ts';
import { Fd } from '../host/fd.ts';
import { Mapping } from '../host/mapping.ts';
import type { Slot } from '../memory/slots.ts';
import { mappableParts, type Part } from '../pci/bar-parts.ts';
import type { BarPolicy } from '../pci/bar-policy.ts';
import type { Bar } from '../pci/bars.ts';
import type { PhysicalBar } from '../pci/physical-function.ts';
import { FileRegisters, MappedRegisters, type Registers } from './bar-registers.ts';
import type { VfioDevice, VfioRegion } from './device.ts';

/** A part that is ours: the MSI-X table, its pending bits. */
export interface OwnPart extends Part {
  read(offset: number, size: AccessSize): number;
  write(offset: number, size: AccessSize, value: number): void;
}

/** Where memory slots go. */
export interface SlotPlaces {
  add(slot: Slot): void;
  remove(slot: Slot): void;
}

export interface VfioBarOptions {
  /** Of the device, as in the config. */
  readonly name: string;
  readonly device: VfioDevice;
  readonly region: VfioRegion;
  readonly policy: Exclude<BarPolicy, 'refuse'>;
  readonly own: readonly OwnPart[];
  readonly slots: SlotPlaces;
  /** Bytes of a host page. */
  readonly pageSize: number;
  /** The device does not answer. */
  onSilence(): void;
}

const UNALIGNED: Readonly<Record<string, Pick<Slot, 'unaligned'>>> = {
  device: { unaligned: 'stop' },
  'device+emulate': { unaligned: 'emulate' },
  'device+inject': { unaligned: 'inject' },
};
/** Stage 2 maps blocks of this size where guest and host addresses agree below it. */
const BLOCK_BYTES = 2 * MiB;
/** The guest's accesses that exited. */
export interface BarCounts {
  reads: number;
  writes: number;
}

export class VfioBar implements Bar, Disposable {
  readonly index: number;
  readonly size: number;
  readonly is64Bit: boolean;
  readonly isPrefetchable: boolean;
  readonly device: MmioDevice;
  readonly counts: BarCounts = { reads: 0, writes: 0 };
  readonly #options: VfioBarOptions;
  readonly #resources = new DisposableStack();
  readonly #parts: readonly (Part & { readonly pointer: bigint })[];
  readonly #registers: Registers;
  #slots: readonly Slot[] = [];
  #isGone = false;

  constructor({ index, is64Bit, isPrefetchable }: PhysicalBar, options: VfioBarOptions) {
    this.index = index;
    this.size = options.region.size;
    this.is64Bit = is64Bit;
    this.isPrefetchable = isPrefetchable;
    this.#options = options;
    using resources = new DisposableStack();
    const { device, region } = options;
    const whole = mapAsDevice(index, options);
    if (whole) {
      resources.use(whole);
      const parts = mappableParts(region.mappable, options.own, options.pageSize);
      this.#parts = parts.map((part) => ({ ...part, pointer: whole.pointer + BigInt(part.offset) }));
      this.#registers = new MappedRegisters(whole.pointer);
    } else {
      this.#parts = mapParts(index, options).map(({ offset, mapping }) => {
        resources.use(mapping);
        return { offset, size: mapping.size, pointer: mapping.pointer };
      });
      this.#registers = new FileRegisters(device, region);
    }
    this.device = this.#createDevice();
    this.#resources = resources.move();
  }

  placed(base: GuestAddress | undefined): void {
    const { slots, policy, name } = this.#options;
    for (const slot of this.#slots) slots.remove(slot);
    this.#slots = [];
    if (base === undefined || this.#isGone) return;
    this.#slots = this.#parts.map(({ offset, size, pointer }): Slot => {
      const range: AddressRange = { base: base + offset, size };
      const what = { kind: 'bar' as const, name: `BAR ${this.index} of ${name}` };
      return { ...what, range, pointer, readOnly: policy === 'ro-direct', ...UNALIGNED[policy] };
    });
    for (const slot of this.#slots) slots.add(slot);
  }

  #createDevice(): MmioDevice {
    const { name, own, onSilence } = this.#options;
    const registers: Registers = {
      read: (offset, size) => (this.#isGone ? undefined : this.#registers.read(offset, size)),
      write: (offset, size, value) => !this.#isGone && this.#registers.write(offset, size, value),
    };
    const ownAt = (offset: number) => own.find((part) => offset >= part.offset && offset < part.offset + part.size);
    const read = (offset: number, size: AccessSize): number => {
      this.counts.reads++;
      const part = ownAt(offset);
      if (part) return part.read(offset - part.offset, size);
      const value = registers.read(offset, size);
      if (value === undefined) onSilence();
      return Number(value ?? 2 ** (8 * size) - 1);
    };
    const write = (offset: number, size: AccessSize, value: number): void => {
      this.counts.writes++;
      const part = ownAt(offset);
      if (part) part.write(offset - part.offset, size, value);
      else if (!registers.write(offset, size, value)) onSilence();
    };
    return {
      name: `BAR ${this.index} of ${name}`,
      read,
      write,
      read64: (offset) => {
        if (ownAt(offset)) return BigInt(read(offset, 4)) | (BigInt(read(offset + 4, 4)) << 32n);
        this.counts.reads++;
        const value = registers.read(offset, 8);
        if (value === undefined) onSilence();
        return BigInt(value ?? 0xffff_ffff_ffff_ffffn);
      },
      write64: (offset, value) => {
        if (ownAt(offset)) {
          write(offset, 4, Number(BigInt.asUintN(32, value)));
          write(offset + 4, 4, Number(value >> 32n));
          return;
        }
        this.counts.writes++;
        if (!registers.write(offset, 8, value)) onSilence();
      },
    };
  }

  /** While the guest runs: what it accesses exits from then on. */
  leave(): void {
    this.placed(undefined);
    this.#isGone = true;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

/**
 * Of a policy that shows it as device memory: all of the BAR, by sysfs, whose mapping becomes Device-nGnRE in stage 2 (docs/device-memory.md).
 * VFIO must not access it then, not once: it takes the BAR for itself when it first does, whereupon Linux takes other mappings of it away
 * and gives out no new ones (IO_STRICT_DEVMEM; kernel/resource.c, revoke_iomem).
 */
function mapAsDevice(index: number, { device, region, policy, pageSize, name }: VfioBarOptions): Mapping | undefined {
  if (!policy.startsWith('device') || region.mappable.length === 0 || region.size < pageSize) return undefined;
  const what = `BAR ${index} of ${name}`;
  const path = `/sys/bus/pci/devices/${device.address}/resource${index}`;
  using fd = Fd.open(path, O_RDWR | O_SYNC, `open ${path}, ${what} as device memory`, {
    EACCES: 'only root may: choose another policy for it, or run as root',
    EPERM: 'the kernel is locked down: choose another policy for it',
  });
  return Mapping.create(region.size, { what, fd, alignment: alignmentOf(region.size) });
}

/** By vfio-pci, whose mapping becomes Normal-NC in stage 2. */
function mapParts(
  index: number,
  { device, region, policy, own, pageSize, name }: VfioBarOptions,
): readonly { offset: number; mapping: Mapping }[] {
  if (policy !== 'direct' && policy !== 'ro-direct') return [];
  const what = `BAR ${index} of ${name}`;
  using mapped = new DisposableStack();
  const parts = mappableParts(region.mappable, own, pageSize).map(({ offset, size }) => {
    const place = { fd: device.fd, offset: region.offset + offset, alignment: alignmentOf(size) };
    return { offset, mapping: mapped.use(Mapping.create(size, { what, ...place, readOnly: policy === 'ro-direct' })) };
  });
  mapped.move();
  return parts;
}

const alignmentOf = (size: number): number => (size >= BLOCK_BYTES ? BLOCK_BYTES : 0);
