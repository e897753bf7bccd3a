/**
 * A virtio device on the MMIO bus: its transport, the page that the guest reads its registers from, and the eventfds that
 * tie the guest to the device's I/O thread.
 */
import { VIRTIO_MMIO_INT_VRING } from '../abi/virtio.ts';
import type { AddressRange, GuestAddress } from '../base/range.ts';
import { EventFd } from '../host/eventfd.ts';
import type { WindowPiece } from '../io/protocol.ts';
import { RemoteDevice } from '../io/remote-device.ts';
import type { Vm } from '../kvm/vm.ts';
import type { MemorySlots, Slot } from '../memory/slots.ts';
import { Reg } from '../virtio/mmio-registers.ts';
import { MmioTransport } from '../virtio/mmio-transport.ts';
import type { SharedMemoryRegion } from '../virtio/transport-state.ts';
import type { VirtioSlot } from './layout.ts';
import { RegisterPage, type RegisterPageHost } from './register-page.ts';
import { type GuestPlaces, POOL_FEATURES, type VirtioHome, type VirtioHomeOptions } from './virtio-home.ts';

export interface VirtioMmioOptions extends VirtioHomeOptions {
  readonly slot: VirtioSlot;
}

export class VirtioMmioDevice implements VirtioHome {
  readonly remote: RemoteDevice;
  readonly #options: VirtioMmioOptions;
  readonly #resources = new DisposableStack();
  readonly #page: RegisterPage;
  /** Swallows acknowledgements of used buffers, which mean nothing unless `interrupt` is `strict`. Nobody reads it. */
  readonly #acknowledged: EventFd;
  /** Where its windows lie, and what lies in those that are filled piece by piece. */
  readonly #windows: GuestAddress[] = [];
  readonly #pieces = new Map<number, Slot>();
  #slots: MemorySlots | undefined;
  #transport: MmioTransport | undefined;
  #vm: Vm | undefined;

  /** Has the I/O thread make the device; `place` follows once it is there. */
  constructor(options: VirtioMmioOptions) {
    const { number, name, keys, slot, thread, pool, pageSize } = options;
    this.#options = options;
    using resources = new DisposableStack();
    this.#page = resources.use(new RegisterPage(name, slot.range, pageSize));
    this.#acknowledged = resources.use(EventFd.create());
    this.remote = resources.use(
      new RemoteDevice({
        number,
        name,
        keys,
        thread,
        memory: pool?.memory,
        interrupts: {
          kind: 'one',
          status: this.#isStrict ? this.#page.pointer + BigInt(Reg.InterruptStatus) : undefined,
        },
        onRewire: (change) => this.#rewire(change),
        onConfig: (bytes) => this.#transport?.configChanged(bytes),
        onShow: (piece) => this.#show(piece),
        onHide: (piece) => this.#hide(piece),
        onFault: (reason) => this.#transport?.needsReset(reason),
        log: (message) => options.log(`${name}: ${message}`),
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

  get range(): AddressRange {
    return this.#options.slot.range;
  }

  async place({ bus, slots, placeWindow }: GuestPlaces): Promise<void> {
    const created = await this.remote.creation;
    this.#slots = slots;
    let { config } = created;
    const sharedMemory: SharedMemoryRegion[] = [];
    created.windows.forEach((window, index) => {
      const base = placeWindow(window);
      this.#windows.push(base);
      config = this.remote.place(index, base);
      if (window.shmId !== undefined) sharedMemory.push({ id: window.shmId, base, size: window.size });
    });
    const { name, memory, pool, log } = this.#options;
    const { id, queueSizes } = created;
    const required = pool && POOL_FEATURES;
    const features = created.features | (required?.features ?? 0n);
    this.#transport = new MmioTransport(
      { id, features, required, queueSizes, config, sharedMemory },
      {
        name,
        page: this.#page.view.buffer as ArrayBuffer,
        strict: this.#isStrict,
        end: this.remote,
        atomically: (change) => this.#atomically(change),
        publish: () => this.#page.publish(),
        memory: pool?.memory ?? memory,
        log: (message) => log(`${name}: ${message}`),
      },
    );
    bus.attach(this.range, this.#transport);
  }

  showPage(host: RegisterPageHost): void {
    // An exact InterruptStatus is set by the I/O thread, which cannot publish it where that takes more than a store.
    if (host.isCoherent || !this.#isStrict) this.#page.show(host);
  }

  attach(vm: Vm): void {
    const { base } = this.range;
    this.#vm = vm;
    vm.addIrqfd(this.remote.irq, this.#options.slot.spi);
    this.#wire(vm);
    if (!this.#isStrict) vm.addIoeventfd(this.#acknowledged, base + Reg.InterruptACK, 4, VIRTIO_MMIO_INT_VRING);
  }

  detach(): void {
    this.#vm = undefined;
  }

  #wire(vm: Vm): void {
    const { kicks, calls } = this.remote;
    for (const call of calls) vm.addIrqfd(call, this.#options.slot.spi);
    kicks.forEach((kick, queue) => {
      vm.addIoeventfd(kick, this.range.base + Reg.QueueNotify, 4, queue);
    });
  }

  /** What another process had of the old eventfds must not reach the guest, nor what the guest does reach it. */
  #rewire(change: () => void): void {
    const vm = this.#vm;
    const { kicks, calls } = this.remote;
    for (const call of calls) vm?.removeIrqfd(call, this.#options.slot.spi);
    kicks.forEach((kick, queue) => {
      vm?.removeIoeventfd(kick, this.range.base + Reg.QueueNotify, 4, queue);
    });
    change();
    if (vm) this.#wire(vm);
  }

  /** What lies nowhere in a window is no memory: the guest's accesses exit, and find nothing on the bus. */
  #show({ piece, window, offset, size, pointer, readOnly }: WindowPiece): void {
    const name = `shared memory of ${this.name}`;
    const range = { base: this.#windows[window]! + offset, size };
    const slot: Slot = { kind: 'shm', name, range, pointer, readOnly };
    this.#slots!.add(slot);
    this.#pieces.set(piece, slot);
  }

  #hide(piece: number): void {
    const slot = this.#pieces.get(piece);
    if (slot) this.#slots!.remove(slot);
    this.#pieces.delete(piece);
  }

  /** Nobody reads the page. */
  reset(): void {
    this.#transport?.reset();
  }

  get #isStrict(): boolean {
    return this.#options.keys.interrupt === 'strict';
  }

  /** While the slot is gone the guest's reads exit, and wait for the main thread: for us. */
  #atomically(change: () => void): void {
    this.#page.setReadable(false);
    change();
    this.#page.setReadable(true);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
