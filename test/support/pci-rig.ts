/**
 * A virtio device behind its PCI function, all in one thread: the real function, the real host of the device, a loop whose
 * turns the test gives, and a driver that knows nothing but the configuration space (virtio 1.4 §4.1.3).
 */
import assert from 'node:assert/strict';
import {
  PCI_BASE_ADDRESS_0,
  PCI_CAP_ID_MSIX,
  PCI_CAP_ID_VNDR,
  PCI_CAPABILITY_LIST,
  PCI_COMMAND,
} from '../../src/abi/pci.ts';
import { type AddressRange, contains, overlaps } from '../../src/base/range.ts';
import type { AccessSize, MmioDevice } from '../../src/bus/mmio-device.ts';
import { DeviceHost } from '../../src/io/device-host.ts';
import { GuardedLoop } from '../../src/io/guarded-loop.ts';
import type { MsiMessage } from '../../src/pci/msi-vectors.ts';
import { ringFeatures } from '../../src/virtio/features.ts';
import { VirtioPciFunction } from '../../src/virtio/pci-function.ts';
import { QueueCounters } from '../../src/virtio/queue-counters.ts';
import type { SharedMemoryRegion } from '../../src/virtio/transport-state.ts';
import { EchoDevice } from './echo-device.ts';
import { FakeLoop } from './fake-loop.ts';
import { GuestRam } from './guest-ram.ts';

export interface Capability {
  readonly offset: number;
  readonly id: number;
  readonly type: number;
  readonly bar: number;
  readonly start: number;
  readonly length: number;
}

export class PciRig {
  readonly ram = new GuestRam();
  readonly loop = new FakeLoop();
  readonly device = new EchoDevice();
  readonly fn: VirtioPciFunction;
  readonly isr = new Int32Array(new SharedArrayBuffer(4));
  readonly placed = new Map<number, { range: AddressRange; device: MmioDevice }>();
  readonly messages: string[] = [];
  /** What the function told its world, in order. */
  readonly told: string[] = [];
  readonly routes = new Map<number, MsiMessage>();
  readonly pending = new Set<number>();

  constructor({
    sharedMemory = [],
    window,
  }: { sharedMemory?: readonly SharedMemoryRegion[]; window?: AddressRange } = {}) {
    const loop = new GuardedLoop(this.loop);
    const { memory } = this.ram;
    const note = (text: string) => void this.told.push(text);
    const host = new DeviceHost(this.device, {
      ...{ loop, memory, counters: this.device.queueSizes.map(() => new QueueCounters()) },
      interrupt: (index) => note(`interrupt of queue ${index}`),
      faulted: (reason) => this.fn.transport.needsReset(reason),
    });
    const { id, queueSizes, config } = this.device;
    const features = this.device.features | ringFeatures({ packed: false, inOrder: false, ringReset: true });
    this.fn = new VirtioPciFunction(
      { id, features, queueSizes, config: config.bytes, sharedMemory },
      {
        ...{
          name: 'device0',
          bytes: new DataView(new ArrayBuffer(4096)),
          isMultiFunction: false,
          memory,
          isr: this.isr,
        },
        log: (message) => void this.messages.push(message),
        space: {
          attach: (range, device) => {
            const isFree = [...this.placed.values()].every((other) => !overlaps(other.range, range));
            if (!isFree || (window && !contains(window, range))) return false;
            this.placed.set(range.base, { range, device });
            return true;
          },
          detach: ({ base }) => void assert(this.placed.delete(base)),
        },
        sink: {
          route: (vector, message) => {
            if (message) this.routes.set(vector, message);
            else this.routes.delete(vector);
          },
          isPending: (vector) => this.pending.has(vector),
          enabled: (isEnabled) => note(`messages ${isEnabled ? 'on' : 'off'}`),
        },
        end: {
          activate: (queues, accepted) => host.activate(queues, accepted),
          notify: (index) => host.kicked(index),
          reset: () => host.reset(),
          stopQueue: (index) => host.stopQueue(index),
          startQueue: (queue) => host.startQueue(queue),
          writeConfig: (offset, bytes) => {
            host.writeConfig(offset, bytes);
            return config.bytes;
          },
        },
        mapVector: (index, vector) => note(`vector of ${index}: ${vector ?? 'none'}`),
        started: (isStarted) => note(isStarted ? 'started' : 'stopped'),
        interruptConfig: () => note('interrupt of the config space'),
        commandChanged: () => {},
        notifyPlaced: (base) => note(`notifications at ${base?.toString(16) ?? 'nowhere'}`),
        sharedMemoryPlaced: (base) => note(`shared memory at ${base?.toString(16) ?? 'nowhere'}`),
        readsHaveEffects: () => note('reads have effects'),
      },
    );
    config.onUpdate(() => this.fn.transport.configChanged(config.bytes));
  }

  read(offset: number, size: AccessSize = 4): number {
    return this.fn.readConfig(offset, size);
  }

  write(offset: number, value: number, size: AccessSize = 4): void {
    this.fn.writeConfig(offset, size, value);
  }

  /** Walks the list, as §6.7 of PCI Local Bus 3.0 says. */
  get capabilities(): readonly Capability[] {
    const found: Capability[] = [];
    for (let at = this.read(PCI_CAPABILITY_LIST, 1); at !== 0; at = this.read(at + 1, 1)) {
      assert(found.length < 48 && at % 4 === 0, 'the list of capabilities has no end');
      found.push({
        ...{ offset: at, id: this.read(at, 1), type: this.read(at + 3, 1), bar: this.read(at + 4, 1) },
        ...{ start: this.read(at + 8), length: this.read(at + 12) },
      });
    }
    return found;
  }

  virtio(type: number): Capability {
    return this.capabilities.find((capability) => capability.id === PCI_CAP_ID_VNDR && capability.type === type)!;
  }

  get msix(): number {
    return this.capabilities.find(({ id }) => id === PCI_CAP_ID_MSIX)!.offset;
  }

  /** Puts all BARs somewhere, one above the other, and enables them. */
  enable(base = 0x1000_0000): void {
    for (const bar of [0, 1]) this.write(PCI_BASE_ADDRESS_0 + 4 * bar, base + bar * 0x10_0000);
    this.write(PCI_BASE_ADDRESS_0 + 8, 0);
    this.write(PCI_BASE_ADDRESS_0 + 12, 8);
    this.write(PCI_COMMAND, 6, 2);
  }

  /** An access to memory, as the bus would bring it. */
  load(address: number, size: AccessSize): number {
    const { range, device } = this.#at(address);
    return device.read(address - range.base, size) ?? 0;
  }

  store(address: number, value: number, size: AccessSize): void {
    const { range, device } = this.#at(address);
    device.write(address - range.base, size, value);
  }

  /** Where a structure lies that a capability points to. */
  addressOf({ bar, start }: Pick<Capability, 'bar' | 'start'>): number {
    return (this.read(PCI_BASE_ADDRESS_0 + 4 * bar) & ~0xf) + start;
  }

  #at(address: number) {
    const found = [...this.placed.values()].find(
      ({ range }) => address >= range.base && address < range.base + range.size,
    );
    assert(found, `nothing lies at ${address.toString(16)}`);
    return found;
  }
}
