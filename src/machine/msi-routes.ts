/**
 * How message-signalled interrupts reach the guest. Each vector has a number of KVM's (a GSI), to which irqfds are tied. With an ITS
 * the GSI is routed to the message; a GICv2m frame has none of that, but its messages are SPIs, to which an irqfd can be tied.
 */
import { kvm_irq_routing, kvm_irq_routing_entry } from '../abi/kvm.ts';
import { packInto } from '../base/layout.ts';
import type { Gic } from '../kvm/vgic.ts';
import { routingEntry, type Vm } from '../kvm/vm.ts';
import type { MsiMessage } from '../pci/msi-vectors.ts';
import { INTERRUPT_COUNT, LAYOUT, V2M_SPIS } from './layout.ts';

/** SPI n is interrupt 32 + n, and GSI n while nobody routes it elsewhere. */
const SPI_FIRST = 32;
const SPI_COUNT = INTERRUPT_COUNT - SPI_FIRST;
/** MSI_SETSPI_NS of a GICv2m frame. */
const V2M_DOORBELL = BigInt(LAYOUT.gicV2m.base + 0x40);

export class MsiRoutes {
  /** KVM takes the table whole: it is kept as it is given. */
  #table = new Uint8Array(kvm_irq_routing.size);
  #count = SPI_COUNT;
  #vm: Vm | undefined;
  #gic: Pick<Gic, 'version' | 'hasIts'> | undefined;

  /** A GSI of its own for a vector. Before `attach`. */
  allocate(): number {
    return this.#count++;
  }

  /** A new VM, in which nothing is routed yet. */
  attach(vm: Vm, gic: Pick<Gic, 'version' | 'hasIts'>): void {
    this.#vm = vm;
    this.#gic = gic;
    this.#table = new Uint8Array(kvm_irq_routing.size + this.#count * kvm_irq_routing_entry.size);
    packInto(this.#table, kvm_irq_routing, { nr: this.#count });
    for (let gsi = 0; gsi < this.#count; gsi++) {
      this.#write(gsi < SPI_COUNT ? { gsi, kind: 'spi', spi: gsi } : { gsi, kind: 'msi', address: 0n, data: 0 });
    }
  }

  detach(): void {
    this.#vm = undefined;
  }

  /** The GSI by which `message` of the function `requesterId` reaches the guest, `gsi` where it can be; undefined: by none. */
  route(gsi: number, message: MsiMessage, requesterId: number): number | undefined {
    if (!this.#vm) return undefined;
    if (!this.#gic?.hasIts) return this.#spiOf(message);
    this.#write({ gsi, kind: 'msi', ...message, deviceId: requesterId });
    this.#vm.setRoutingTable(this.#table);
    return gsi;
  }

  /** Delivers `message` of the function `requesterId` now. */
  deliver(message: MsiMessage, requesterId: number): void {
    const spi = this.#spiOf(message);
    if (spi !== undefined) {
      this.#vm?.setSpiLevel(spi, 1);
      this.#vm?.setSpiLevel(spi, 0);
    } else if (this.#gic?.hasIts) this.#vm?.signalMsi(message.address, message.data, requesterId);
  }

  /** What a GICv2m frame makes of a message. */
  #spiOf({ address, data }: MsiMessage): number | undefined {
    const spi = data - SPI_FIRST;
    const isHandedOut = spi >= V2M_SPIS.base && spi < V2M_SPIS.base + V2M_SPIS.count;
    return this.#gic?.version === 2 && address === V2M_DOORBELL && isHandedOut ? spi : undefined;
  }

  #write(route: Parameters<typeof routingEntry>[0]): void {
    this.#table.set(routingEntry(route), kvm_irq_routing.size + route.gsi * kvm_irq_routing_entry.size);
  }
}
