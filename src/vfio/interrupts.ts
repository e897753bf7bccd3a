/**
 * The interrupts of a device that is passed through. The host's kernel signals an eventfd for each vector, which an irqfd ties to the
 * guest: neither passes through here. While a vector is masked nobody listens, so that the counter of the eventfd is the pending
 * bit; when an irqfd is tied to a counter that is not 0, KVM delivers it. A wired interrupt is masked by the host whenever it
 * comes, and unmasked when the guest has ended it (Linux Documentation/driver-api/vfio.rst; virt/kvm/api.rst, KVM_IRQFD).
 */
import { VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX } from '../abi/vfio.ts';
import { HostError } from '../base/errors.ts';
import { EventFd } from '../host/eventfd.ts';
import { waitFor } from '../host/poll.ts';
import type { Vm } from '../kvm/vm.ts';
import type { MsiMessage, MsiSink } from '../pci/msi-vectors.ts';
import type { VfioDevice } from './device.ts';

/** How messages become interrupts of the guest. */
export interface MessageRoutes {
  allocate(): number;
  /** Undefined: by none. */
  route(gsi: number, message: MsiMessage, requesterId: number): number | undefined;
}

export interface VfioInterruptsOptions {
  readonly device: VfioDevice;
  readonly routes: MessageRoutes;
  readonly requesterId: number;
  /** The SPI of the wired interrupt. */
  readonly spi: number;
  log(message: string): void;
}

interface Vector {
  readonly gsi: number;
  event?: EventFd;
  /** The GSI to which the eventfd is tied now. */
  tied?: number | undefined;
}

export class VfioInterrupts implements Disposable {
  readonly #options: VfioInterruptsOptions;
  readonly #resources = new DisposableStack();
  readonly #line = this.#resources.use(EventFd.create());
  readonly #lineEnded = this.#resources.use(EventFd.create());
  /** Which kind of messages the driver has turned on; none: the wired interrupt is on, if there is one. */
  #messages: number | undefined;
  #isLineTied = false;
  #vm: Vm | undefined;
  readonly #vectors: Vector[] = [];

  constructor(options: VfioInterruptsOptions) {
    this.#options = options;
  }

  /** For MSI or MSI-X of `count` vectors. */
  sink(kind: 'msi' | 'msix', count: number): MsiSink {
    const index = kind === 'msi' ? VFIO_PCI_MSI_IRQ_INDEX : VFIO_PCI_MSIX_IRQ_INDEX;
    const vectors = Array.from({ length: count }, (): Vector => ({ gsi: this.#options.routes.allocate() }));
    this.#vectors.push(...vectors);
    return {
      enabled: (isEnabled) => this.#enableMessages(index, vectors, isEnabled),
      route: (vector, message) => this.#route(index, vector, vectors[vector]!, message),
      isPending: (vector) => {
        const { event } = vectors[vector]!;
        return event !== undefined && waitFor(event.number, 'readable', 0);
      },
    };
  }

  /** A (new) VM, whose interrupt controller is initialised. */
  attach(vm: Vm): void {
    this.#vm = vm;
    this.#updateLine();
  }

  /** What was tied is gone with the VM; the function is reset before there is another one. */
  detach(): void {
    this.#vm = undefined;
    for (const vector of this.#vectors) vector.tied = undefined;
    if (this.#isLineTied) this.#options.device.disable(VFIO_PCI_INTX_IRQ_INDEX);
    this.#isLineTied = false;
  }

  #enableMessages(index: number, vectors: readonly Vector[], isEnabled: boolean): void {
    const { device } = this.#options;
    if (isEnabled) {
      this.#messages = index;
      this.#updateLine();
      // The host has to know how many there are before the first of them is used, and may have fewer.
      const events = vectors.map(({ event }) => event);
      this.#attempt(() => {
        const granted = device.setEvents(index, 0, events);
        if (granted < events.length) device.setEvents(index, 0, events.slice(0, granted));
      });
      return;
    }
    this.#attempt(() => device.disable(index));
    // What came last is nothing to those who turn them on again.
    for (const { event } of vectors) event?.take();
    this.#messages = undefined;
    this.#updateLine();
  }

  #route(index: number, number: number, vector: Vector, message: MsiMessage | undefined): void {
    const { routes, requesterId, device } = this.#options;
    if (vector.tied !== undefined) this.#vm?.removeIrqfd(vector.event!, vector.tied);
    vector.tied = message && routes.route(vector.gsi, message, requesterId);
    if (vector.tied === undefined) return;
    if (vector.event === undefined) {
      const event = this.#resources.use(EventFd.create());
      vector.event = event;
      this.#attempt(() => device.setEvents(index, number, [event]));
    }
    this.#vm?.addIrqfd(vector.event, vector.tied);
  }

  #updateLine(): void {
    const { device, spi } = this.#options;
    const isWanted = this.#vm !== undefined && this.#messages === undefined && hasLine(device);
    if (isWanted === this.#isLineTied) return;
    this.#isLineTied = isWanted;
    this.#attempt(() => {
      if (isWanted) {
        this.#vm!.addIrqfd(this.#line, spi, this.#lineEnded);
        device.setEvents(VFIO_PCI_INTX_IRQ_INDEX, 0, [this.#line]);
        device.unmaskBy(VFIO_PCI_INTX_IRQ_INDEX, this.#lineEnded);
      } else {
        device.disable(VFIO_PCI_INTX_IRQ_INDEX);
        this.#vm?.removeIrqfd(this.#line, spi);
      }
    });
  }

  /** What the guest asked for and the host cannot do: the device then does not interrupt. */
  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      this.#options.log(error.message);
    }
  }

  /** While the guest runs: it hears no more of the device. */
  leave(): void {
    for (const { event, tied } of this.#vectors) if (tied !== undefined) this.#vm?.removeIrqfd(event!, tied);
    if (this.#isLineTied) this.#vm?.removeIrqfd(this.#line, this.#options.spi);
    this.#vm = undefined;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

export function hasLine({ irqs }: VfioDevice): boolean {
  return (irqs[VFIO_PCI_INTX_IRQ_INDEX]?.count ?? 0) > 0;
}
