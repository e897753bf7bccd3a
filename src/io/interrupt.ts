/**
 * How a device in an I/O thread interrupts its driver for used buffers. Behind virtio-mmio all queues share one interrupt, and a
 * register says what it is for. Behind virtio-pci each queue has an eventfd, from which KVM makes a message; for a driver
 * without MSI-X they become one wired interrupt here (virtio 1.4 §4.1.5.3).
 */
import { VIRTIO_MMIO_INT_VRING } from '../abi/virtio.ts';
import { EventFd } from '../host/eventfd.ts';
import { viewOf } from '../host/libc.ts';
import type { EpollLoop } from './io-loop.ts';
import type { InterruptWires } from './protocol.ts';

/** Bit 0 of an interrupt status is set first, where somebody reads it, then KVM is told. */
class StatusInterrupt {
  readonly #event: EventFd;
  readonly #status: Int32Array | undefined;

  constructor(
    { irq, status }: { readonly irq: number; readonly status: bigint | undefined },
    resources: DisposableStack,
  ) {
    this.#event = new EventFd(irq);
    if (status === undefined) return;
    const buffer = viewOf(status, Int32Array.BYTES_PER_ELEMENT);
    resources.defer(() => buffer.transfer(0));
    this.#status = new Int32Array(buffer);
  }

  signal(): void {
    // The bits of virtio-mmio and virtio-pci are the same ones.
    if (this.#status) Atomics.or(this.#status, 0, VIRTIO_MMIO_INT_VRING);
    this.#event.signal();
  }

  /** The guest has ended an interrupt: another one where something happened since it looked. */
  repeat(): void {
    if (this.#status && Atomics.load(this.#status, 0) !== 0) this.#event.signal();
  }
}

/** Interrupts of a device; `calls` are those that go past us where KVM listens to them. */
export class DriverInterrupts implements Disposable {
  readonly #wires: InterruptWires;
  readonly #loop: EpollLoop;
  readonly #resources = new DisposableStack();
  readonly #status: StatusInterrupt;
  #calls: readonly EventFd[] = [];
  #line: DisposableStack | undefined;

  constructor(wires: InterruptWires, loop: EpollLoop) {
    this.#wires = wires;
    this.#loop = loop;
    this.#status = new StatusInterrupt(wires, this.#resources);
  }

  /** Whether each queue has an eventfd of its own. */
  get isEach(): boolean {
    return this.#wires.kind === 'each';
  }

  /** What somebody may be given to interrupt for queue `queue`; undefined where InterruptStatus has to be written too. */
  wireOf(queue: number): number | undefined {
    if (this.isEach) return this.#calls[queue]!.number;
    return this.#wires.status === undefined ? this.#wires.irq : undefined;
  }

  /** Those of the queues from now on, where each has one; the caller's. */
  setCalls(calls: readonly EventFd[]): void {
    this.#calls = calls;
    if (this.#line) this.setLine(true);
  }

  /** Buffers of queue `queue` were used. */
  signal(queue: number): void {
    if (this.isEach) this.#calls[queue]!.signal();
    else this.#status.signal();
  }

  /** Whether the driver has the wired interrupt instead of messages: then nobody else listens to the eventfds of the queues. */
  setLine(isOn: boolean): void {
    this.#line?.dispose();
    this.#line = undefined;
    if (!isOn || this.#wires.kind !== 'each') return;
    const line = new DisposableStack();
    for (const call of this.#calls) line.use(this.#loop.watchSignals(call.number, () => this.#status.signal()));
    line.use(this.#loop.watchSignals(this.#wires.resampled, () => this.#status.repeat()));
    this.#line = line;
  }

  [Symbol.dispose](): void {
    this.#line?.dispose();
    this.#resources.dispose();
  }
}
