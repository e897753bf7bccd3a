/** Where the interrupts lead that irqfds raise (virt/kvm/api.rst, KVM_SET_GSI_ROUTING): a table that KVM takes whole, kept as it takes it. */
import {
  KVM_IRQ_ROUTING_IRQCHIP,
  KVM_IRQ_ROUTING_MSI,
  KVM_MSI_VALID_DEVID,
  kvm_irq_routing,
  kvm_irq_routing_entry,
} from '../abi/kvm.ts';
import { pack, packInto } from '../base/layout.ts';

/** Where an interrupt goes that an irqfd or KVM_SIGNAL_MSI raises. */
export type Route =
  | { readonly gsi: number; readonly kind: 'spi'; readonly spi: number }
  | {
      readonly gsi: number;
      readonly kind: 'msi';
      readonly address: bigint;
      readonly data: number;
      /** The requester id an ITS looks up; absent for GICv2m. */
      readonly deviceId?: number;
    };

export class RoutingTable {
  /** A kvm_irq_routing with its entries. */
  readonly bytes: Uint8Array;

  constructor(routes: readonly Route[]) {
    this.bytes = new Uint8Array(kvm_irq_routing.size + routes.length * kvm_irq_routing_entry.size);
    packInto(this.bytes, kvm_irq_routing, { nr: routes.length });
    routes.forEach((route, index) => {
      this.set(index, route);
    });
  }

  /** Changes entry number `index`. */
  set(index: number, route: Route): void {
    this.bytes.set(routingEntry(route), kvm_irq_routing.size + index * kvm_irq_routing_entry.size);
  }
}

function routingEntry(route: Route): Uint8Array {
  if (route.kind === 'spi') {
    return pack(kvm_irq_routing_entry, {
      gsi: route.gsi,
      type: KVM_IRQ_ROUTING_IRQCHIP,
      'u.irqchip.pin': route.spi,
    });
  }
  return pack(kvm_irq_routing_entry, {
    gsi: route.gsi,
    type: KVM_IRQ_ROUTING_MSI,
    flags: route.deviceId === undefined ? 0 : KVM_MSI_VALID_DEVID,
    'u.msi.address_lo': Number(BigInt.asUintN(32, route.address)),
    'u.msi.address_hi': Number(route.address >> 32n),
    'u.msi.data': route.data,
    'u.msi.devid': route.deviceId ?? 0,
  });
}
