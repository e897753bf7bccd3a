/**
 * The interrupts of a virtio-pci function: which of its eventfds (one of each queue, one of the config space) is tied to which message,
 * and what happens while a vector is masked: nobody listens to the eventfd, so that its counter is the pending bit. When an
 * irqfd is tied to a counter that is not 0, KVM delivers it.
 *
 * A driver without MSI-X has one wired interrupt. Its level stays up until the guest ends it, as KVM's irqfds with resampling do.
 */
import { PCI_COMMAND_INTX_DISABLE } from '../abi/pci.ts';
import { EventFd } from '../host/eventfd.ts';
import { waitFor } from '../host/poll.ts';
import type { RemoteDevice } from '../io/remote-device.ts';
import type { Vm } from '../kvm/vm.ts';
import type { MsiMessage, MsiSink } from '../pci/msi-vectors.ts';
import type { MsiRoutes } from './msi-routes.ts';

export interface QueueInterruptsOptions {
  readonly remote: RemoteDevice;
  /** Of the function: bus, device, function, as they are now. */
  requesterId(): number;
  /** The SPI of its wired interrupt. */
  readonly spi: number;
  /** Signalled by KVM when the guest has ended a wired interrupt. */
  readonly resampled: EventFd;
  readonly isr: Int32Array;
  readonly routes: MsiRoutes;
}

export class QueueInterrupts implements MsiSink, Disposable {
  readonly #options: QueueInterruptsOptions;
  readonly #configCall = EventFd.create();
  /** Vector → its GSI, and the one to which it is routed now. */
  readonly #gsis: readonly number[];
  readonly #routed: (number | undefined)[];
  /** Of each queue, then of the config space: its vector. */
  readonly #vectors: (number | undefined)[];
  #vm: Vm | undefined;
  #usesMessages = false;
  #isStarted = false;
  #isLineDisabled = false;
  #isLineTied = false;

  constructor(queueCount: number, options: QueueInterruptsOptions) {
    this.#options = options;
    this.#gsis = Array.from({ length: queueCount + 1 }, () => options.routes.allocate());
    this.#routed = this.#gsis.map(() => undefined);
    this.#vectors = this.#gsis.map(() => undefined);
  }

  /** A (new) VM, whose interrupt controller is initialised. */
  attach(vm: Vm): void {
    this.#vm = vm;
  }

  /** What was tied is gone with the VM; the function is reset before there is another one. */
  detach(): void {
    this.#vm = undefined;
    if (this.#isLineTied) this.#options.remote.setLine(false);
    this.#isLineTied = false;
    this.#routed.fill(undefined);
  }

  mapVector(index: number, vector: number | undefined): void {
    this.#untie(index);
    this.#vectors[index] = vector;
    this.#tie(index);
  }

  route(vector: number, message: MsiMessage | undefined): void {
    const { routes, requesterId } = this.#options;
    const users = [...this.#vectors.keys()].filter((index) => this.#vectors[index] === vector);
    for (const index of users) this.#untie(index);
    this.#routed[vector] = message && routes.route(this.#gsis[vector]!, message, requesterId());
    for (const index of users) this.#tie(index);
  }

  isPending(vector: number): boolean {
    return this.#vectors.some(
      (mapped, index) => mapped === vector && waitFor(this.#source(index).number, 'readable', 0),
    );
  }

  enabled(isEnabled: boolean): void {
    this.#usesMessages = isEnabled;
    this.#updateLine();
  }

  commandChanged(command: number): void {
    const isLineDisabled = (command & PCI_COMMAND_INTX_DISABLE) !== 0;
    if (isLineDisabled === this.#isLineDisabled) return;
    this.#isLineDisabled = isLineDisabled;
    this.#updateLine();
  }

  /** The driver's DRIVER_OK, and the end of it: between the two it may be interrupted. */
  started(isStarted: boolean): void {
    this.#isStarted = isStarted;
    this.#updateLine();
  }

  /** The config space has changed. */
  interruptConfig(): void {
    if (this.#usesMessages) this.#configCall.signal();
    else if (this.#isLineTied) this.#options.remote.irq.signal();
  }

  /** Other eventfds are there after `change`, and those of before reach nobody. */
  rewire(change: () => void): void {
    for (const index of this.#vectors.keys()) this.#untie(index);
    change();
    for (const index of this.#vectors.keys()) this.#tie(index);
  }

  #updateLine(): void {
    const isWanted = this.#isStarted && !this.#usesMessages && !this.#isLineDisabled && this.#vm !== undefined;
    if (isWanted === this.#isLineTied) return;
    const { remote, spi, resampled, isr } = this.#options;
    this.#isLineTied = isWanted;
    if (isWanted) {
      this.#vm!.addIrqfd(remote.irq, spi, resampled);
      remote.setLine(true);
      if (Atomics.load(isr, 0) !== 0) remote.irq.signal();
    } else {
      remote.setLine(false);
      this.#vm?.removeIrqfd(remote.irq, spi);
    }
  }

  #source(index: number): EventFd {
    return this.#options.remote.calls[index] ?? this.#configCall;
  }

  #gsiOf(index: number): number | undefined {
    const vector = this.#vectors[index];
    return vector === undefined ? undefined : this.#routed[vector];
  }

  #tie(index: number): void {
    const gsi = this.#gsiOf(index);
    if (gsi !== undefined) this.#vm?.addIrqfd(this.#source(index), gsi);
  }

  #untie(index: number): void {
    const gsi = this.#gsiOf(index);
    if (gsi !== undefined) this.#vm?.removeIrqfd(this.#source(index), gsi);
  }

  [Symbol.dispose](): void {
    this.#configCall[Symbol.dispose]();
  }
}
