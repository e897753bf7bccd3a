/**
 * How message-signalled interrupts reach the guest. Each vector has a number of KVM's (a GSI), to which irqfds are tied. With an ITS
 * the GSI is routed to the message; a GICv2m frame has none of that, but its messages are SPIs, to which an irqfd can be tied.
 */
import { type Route, RoutingTable } from '../kvm/routing-table.ts';
import type { Gic } from '../kvm/vgic.ts';
import type { Vm } from '../kvm/vm.ts';
import type { MsiMessage } from '../pci/msi-vectors.ts';
import { INTERRUPT_COUNT, LAYOUT, V2M_SPIS } from './layout.ts';

/** SPI n is interrupt 32 + n, and GSI n while nobody routes it elsewhere. */
const SPI_FIRST = 32;
const SPI_COUNT = INTERRUPT_COUNT - SPI_FIRST;
/** MSI_SETSPI_NS of a GICv2m frame. */
const V2M_DOORBELL = BigInt(LAYOUT.gicV2m.base + 0x40);

export class MsiRoutes {
  /** Entry n is GSI n. Made when a guest first routes something: most interrupts stay where they are. */
  #table: RoutingTable | undefined;
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
    this.#table = undefined;
  }

  detach(): void {
    this.#vm = undefined;
  }

  /** The GSI by which `message` of the function `requesterId` reaches the guest, `gsi` where it can be; undefined: by none. */
  route(gsi: number, message: MsiMessage, requesterId: number): number | undefined {
    if (!this.#vm) return undefined;
    if (!this.#gic?.hasIts) return this.#spiOf(message);
    this.#table ??= this.#createTable();
    this.#table.set(gsi, { gsi, kind: 'msi', ...message, deviceId: requesterId });
    this.#vm.setGsiRouting(this.#table);
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

  #createTable(): RoutingTable {
    return new RoutingTable(
      Array.from(
        { length: this.#count },
        (_, gsi): Route =>
          gsi < SPI_COUNT ? { gsi, kind: 'spi', spi: gsi } : { gsi, kind: 'msi', address: 0n, data: 0 },
      ),
    );
  }
}
