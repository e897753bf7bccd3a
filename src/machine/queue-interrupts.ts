/**
 * The interrupts of a virtio-pci function: which of the eventfds of its queues is tied to which message, and what happens while a
 * vector is masked: nobody listens to the eventfd, so that its counter is the pending bit. When an irqfd is tied to a counter that is
 * not 0, KVM delivers it. A change of the config space is told from here, seldom, so that its vector is tied to nothing: each route
 * and each irqfd costs KVM a wait for all vCPUs.
 *
 * A driver without MSI-X has one wired interrupt. Its level stays up until the guest ends it, as KVM's irqfds with resampling do.
 */
import { PCI_COMMAND_INTX_DISABLE } from '../abi/pci.ts';
import type { EventFd } from '../host/eventfd.ts';
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

export class QueueInterrupts implements MsiSink {
  readonly #options: QueueInterruptsOptions;
  /** Vector → its GSI, the message while it is not masked, and the GSI by which that reaches the guest, once something is tied to it. */
  readonly #gsis: readonly number[];
  readonly #messages: (MsiMessage | undefined)[];
  readonly #routed: (number | undefined)[];
  /** Of each queue, then of the config space: its vector, and the GSI that its eventfd is tied to. */
  readonly #vectors: (number | undefined)[];
  readonly #tied: (number | undefined)[];
  #isConfigPending = false;
  #vm: Vm | undefined;
  #usesMessages = false;
  #isStarted = false;
  #isLineDisabled = false;
  #isLineTied = false;

  constructor(queueCount: number, options: QueueInterruptsOptions) {
    this.#options = options;
    this.#gsis = Array.from({ length: queueCount + 1 }, () => options.routes.allocate());
    this.#messages = this.#gsis.map(() => undefined);
    this.#routed = this.#gsis.map(() => undefined);
    this.#vectors = this.#gsis.map(() => undefined);
    this.#tied = this.#gsis.map(() => undefined);
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
    this.#isConfigPending = false;
    for (const list of [this.#messages, this.#routed, this.#tied]) list.fill(undefined);
  }

  mapVector(index: number, vector: number | undefined): void {
    this.#untie(index);
    this.#vectors[index] = vector;
    if (index === this.#configIndex && vector === undefined) this.#isConfigPending = false;
    this.#tie(index);
  }

  route(vector: number, message: MsiMessage | undefined): void {
    const users = [...this.#vectors.keys()].filter((index) => this.#vectors[index] === vector);
    for (const index of users) this.#untie(index);
    this.#messages[vector] = message;
    this.#routed[vector] = undefined;
    for (const index of users) this.#tie(index);
  }

  isPending(vector: number): boolean {
    return this.#vectors.some((mapped, index) => {
      if (mapped !== vector) return false;
      if (index === this.#configIndex) return this.#isConfigPending;
      const call = this.#options.remote.calls[index];
      return call !== undefined && waitFor(call.number, 'readable', 0);
    });
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
    if (this.#usesMessages) {
      this.#isConfigPending = this.#vectors[this.#configIndex] !== undefined;
      this.#deliverConfig();
    } else if (this.#isLineTied) this.#options.remote.irq.signal();
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

  get #configIndex(): number {
    return this.#vectors.length - 1;
  }

  #deliverConfig(): void {
    const message = this.#messages[this.#vectors[this.#configIndex] ?? -1];
    if (!this.#isConfigPending || !message) return;
    this.#isConfigPending = false;
    this.#options.routes.deliver(message, this.#options.requesterId());
  }

  /** From now on the vector of a queue, or of the config space, gets what comes and what has come. */
  #tie(index: number): void {
    if (index === this.#configIndex) {
      this.#deliverConfig();
      return;
    }
    const { remote, routes, requesterId } = this.#options;
    const vector = this.#vectors[index];
    const message = vector === undefined ? undefined : this.#messages[vector];
    const call: EventFd | undefined = remote.calls[index];
    if (!this.#vm || !call || !message) return;
    this.#routed[vector!] ??= routes.route(this.#gsis[vector!]!, message, requesterId());
    const gsi = this.#routed[vector!];
    if (gsi === undefined) return;
    this.#vm.addIrqfd(call, gsi);
    this.#tied[index] = gsi;
  }

  #untie(index: number): void {
    const gsi = this.#tied[index];
    if (gsi === undefined) return;
    this.#vm?.removeIrqfd(this.#options.remote.calls[index]!, gsi);
    this.#tied[index] = undefined;
  }
}
