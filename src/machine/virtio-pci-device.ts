/**
 * A virtio device on the PCI bus: its function, the eventfds that tie the guest to the device's I/O thread, and the shared memory
 * that lies in a BAR.
 */
import { ConfigError } from '../base/errors.ts';
import type { GuestAddress } from '../base/range.ts';
import { swizzled } from '../boot/pci-node.ts';
import { EventFd } from '../host/eventfd.ts';
import { Mapping } from '../host/mapping.ts';
import type { WindowPiece } from '../io/protocol.ts';
import { RemoteDevice } from '../io/remote-device.ts';
import type { Vm } from '../kvm/vm.ts';
import type { MemorySlots, Slot } from '../memory/slots.ts';
import type { DeviceAction } from '../virtio/device.ts';
import { NOTIFY_MULTIPLIER } from '../virtio/pci-capabilities.ts';
import { VirtioPciFunction } from '../virtio/pci-function.ts';
import type { SharedMemoryRegion } from '../virtio/transport-state.ts';
import { INTX_SPIS } from './layout.ts';
import type { PciHost, SlotOfDevice } from './pci-host.ts';
import { QueueInterrupts } from './queue-interrupts.ts';
import { type GuestPlaces, POOL_FEATURES, type VirtioHome, type VirtioHomeOptions } from './virtio-home.ts';

/** What the driver writes to notify: the number of the queue. */
const NOTIFY_BYTES = 2;
/** Of a mapping, of which one word is used. */
const ISR_BYTES = 4096;

export interface VirtioPciOptions extends VirtioHomeOptions {
  readonly pci: PciHost;
  readonly devfn: number;
  /** It sits behind a root port of its own, at `devfn`. */
  readonly isPluggable: boolean;
}

/** A piece of the shared memory BAR, at its offset. */
interface Piece {
  readonly offset: number;
  readonly size: number;
  readonly pointer: bigint;
  readonly readOnly: boolean;
  slot?: Slot;
}

export class VirtioPciDevice implements VirtioHome {
  readonly remote: RemoteDevice;
  readonly #options: VirtioPciOptions;
  readonly #resources = new DisposableStack();
  readonly #resampled: EventFd;
  readonly #isr: Int32Array;
  readonly #pieces = new Map<number, Piece>();
  /** Where each window begins in the shared memory BAR. */
  readonly #windows: number[] = [];
  #slots: MemorySlots | undefined;
  #function: VirtioPciFunction | undefined;
  #interrupts: QueueInterrupts | undefined;
  #port: SlotOfDevice | undefined;
  #vm: Vm | undefined;
  #notifyBase: GuestAddress | undefined;
  #sharedBase: GuestAddress | undefined;

  /** Has the I/O thread make the device; `place` follows once it is there. */
  constructor(options: VirtioPciOptions) {
    const { number, name, keys, thread, pool } = options;
    this.#options = options;
    using resources = new DisposableStack();
    const isr = resources.use(Mapping.create(ISR_BYTES, { what: `the ISR status of ${name}` }));
    this.#isr = new Int32Array(isr.buffer, 0, 1);
    this.#resampled = resources.use(EventFd.create());
    this.remote = resources.use(
      new RemoteDevice({
        ...{ number, name, keys, thread, memory: pool?.memory },
        interrupts: { kind: 'each', status: isr.pointer, resampled: this.#resampled.number },
        onRewire: (change) => this.#rewire(change),
        onConfig: (bytes) => this.#function?.transport.configChanged(bytes),
        onShow: (piece) => this.#show(piece),
        onHide: (piece) => this.#hide(piece),
        onFault: (reason) => this.#function?.transport.needsReset(reason),
        log: (message) => this.#log(message),
      }),
    );
    this.#resources = resources.move();
  }

  get name(): string {
    return this.#options.name;
  }

  get type(): string {
    return this.#options.keys.type;
  }

  /** What the machine does with it, beside what the device itself can do. */
  get actions(): Readonly<Record<string, DeviceAction>> {
    const port = this.#port;
    if (!port) return {};
    return {
      unplug: {
        help: 'asks the guest to let the device go; a line says when it has. What serves the device stays as it is',
        run: () => {
          if (port.unplug()) return `The guest was asked to let ${this.name} go`;
          throw new ConfigError(`Cannot unplug ${this.name}: it is not plugged in`);
        },
      },
      plug: {
        help: 'puts the device back that was unplugged',
        run: () => {
          if (port.plug()) return `${this.name} is plugged in`;
          throw new ConfigError(`Cannot plug ${this.name} in: it is plugged in already`);
        },
      },
    };
  }

  async place({ slots, placeWindow }: GuestPlaces): Promise<void> {
    const created = await this.remote.creation;
    const { pci, devfn, isPluggable, memory, pool } = this.#options;
    this.#slots = slots;
    let { config } = created;
    const sharedMemory: SharedMemoryRegion[] = [];
    let sharedBytes = 0;
    created.windows.forEach((window, index) => {
      const { size, pointer, readOnly, shmId } = window;
      if (shmId === undefined) {
        config = this.remote.place(index, placeWindow(window));
        return;
      }
      // Each at a multiple of its size, so that it can be mapped by blocks wherever the BAR lies.
      const offset = Math.ceil(sharedBytes / size) * size;
      sharedBytes = offset + size;
      this.#windows[index] = offset;
      sharedMemory.push({ id: shmId, base: offset, size });
      if (pointer !== undefined) this.#pieces.set(-1 - index, { offset, size, pointer, readOnly });
      config = this.remote.place(index, offset);
    });
    const interrupts = new QueueInterrupts(created.queueSizes.length, {
      remote: this.remote,
      requesterId: () => this.#port?.requesterId ?? devfn,
      spi: swizzled(INTX_SPIS, devfn >>> 3, 1),
      resampled: this.#resampled,
      isr: this.#isr,
      routes: pci.routes,
    });
    this.#interrupts = interrupts;
    const required = pool && POOL_FEATURES;
    const features = created.features | (required?.features ?? 0n);
    this.#function = new VirtioPciFunction(
      { id: created.id, features, required, queueSizes: created.queueSizes, config, sharedMemory },
      {
        ...{
          name: this.name,
          bytes: isPluggable ? undefined : pci.memoryOf(devfn),
          isMultiFunction: !isPluggable && pci.hasMore(devfn),
          space: pci,
          sink: interrupts,
          isr: this.#isr,
        },
        ...{ end: this.remote, memory: pool?.memory ?? memory },
        mapVector: (index, vector) => interrupts.mapVector(index, vector),
        started: (isStarted) => interrupts.started(isStarted),
        interruptConfig: () => interrupts.interruptConfig(),
        commandChanged: (command) => interrupts.commandChanged(command),
        notifyPlaced: (base) => this.#placeNotifications(base),
        sharedMemoryPlaced: (base) => this.#placeSharedMemory(base),
        readsHaveEffects: () => pci.hidePage(),
        log: (message) => this.#log(message),
      },
    );
    if (isPluggable) this.#port = pci.addBehindPort(devfn, this.#function, () => this.#log('the guest has let it go'));
    else pci.add(devfn, this.#function);
  }

  attach(vm: Vm): void {
    this.#vm = vm;
    this.#interrupts!.attach(vm);
  }

  detach(): void {
    this.#vm = undefined;
    this.#interrupts!.detach();
  }

  /** The bus resets its functions. */
  reset(): void {}

  /** What another process had of the old eventfds must not reach the guest, nor what the guest does reach it. */
  #rewire(change: () => void): void {
    this.#tieNotifications(false);
    if (this.#interrupts) this.#interrupts.rewire(change);
    else change();
    this.#tieNotifications(true);
  }

  #placeNotifications(base: GuestAddress | undefined): void {
    this.#tieNotifications(false);
    this.#notifyBase = base;
    this.#tieNotifications(true);
  }

  #tieNotifications(isTied: boolean): void {
    const [vm, base] = [this.#vm, this.#notifyBase];
    if (!vm || base === undefined) return;
    this.remote.kicks.forEach((kick, queue) => {
      const address = base + queue * NOTIFY_MULTIPLIER;
      if (isTied) vm.addIoeventfd(kick, address, NOTIFY_BYTES);
      else vm.removeIoeventfd(kick, address, NOTIFY_BYTES);
    });
  }

  #placeSharedMemory(base: GuestAddress | undefined): void {
    for (const piece of this.#pieces.values()) this.#remove(piece);
    this.#sharedBase = base;
    for (const piece of this.#pieces.values()) this.#add(piece);
  }

  #show({ piece: number, window, offset, size, pointer, readOnly }: WindowPiece): void {
    const piece: Piece = { offset: this.#windows[window]! + offset, size, pointer, readOnly };
    this.#add(piece);
    this.#pieces.set(number, piece);
  }

  #hide(number: number): void {
    const piece = this.#pieces.get(number);
    if (piece) this.#remove(piece);
    this.#pieces.delete(number);
  }

  /** Where the guest has the BAR somewhere. */
  #add(piece: Piece): void {
    if (this.#sharedBase === undefined) return;
    const { offset, size, pointer, readOnly } = piece;
    const range = { base: this.#sharedBase + offset, size };
    piece.slot = { kind: 'shm', name: `shared memory of ${this.name}`, range, pointer, readOnly };
    this.#slots!.add(piece.slot);
  }

  #remove(piece: Piece): void {
    if (piece.slot) this.#slots!.remove(piece.slot);
    delete piece.slot;
  }

  #log(message: string): void {
    this.#options.log(`${this.name}: ${message}`);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
