/**
 * A GICv2m frame (Arm SBSA, DEN0029 §Appendix; Linux drivers/irqchip/irq-gic-v2m.c): tells the guest which SPIs a device
 * raises by writing to this page. The writes themselves come from devices, through KVM's MSI routes, never as an access.
 */
import { bits } from '../base/bits.ts';
import type { AccessSize, MmioDevice } from '../bus/mmio-device.ts';

/** Registers of the frame. */
const Reg = {
  MSI_TYPER: 0x008 /* RO: which SPIs */,
  MSI_SETSPI_NS: 0x040 /* WO: raise an SPI */,
  MSI_IIDR: 0xfcc /* RO: identification */,
} as const;

/** Both fields count GIC interrupt numbers: SPI n is 32 + n. */
const MSI_TYPER = { SPI_BASE: bits(25, 16), SPI_COUNT: bits(9, 0) } as const;
const SPI_FIRST = 32;
/** Product 0x53 ("virtual"), as QEMU's frame says: Linux has no quirk for it. */
const IIDR = 0x53 << 20;

export class GicV2m implements MmioDevice {
  readonly name = 'gicv2m';
  readonly #typer: number;

  /** The frame hands out the SPIs `base` … `base + count - 1`. */
  constructor(spis: { readonly base: number; readonly count: number }) {
    this.#typer = MSI_TYPER.SPI_COUNT.set(MSI_TYPER.SPI_BASE.set(0, SPI_FIRST + spis.base), spis.count);
  }

  read(offset: number, _size: AccessSize): number | undefined {
    if (offset === Reg.MSI_TYPER) return this.#typer;
    return offset === Reg.MSI_IIDR ? IIDR : undefined;
  }

  write(offset: number, _size: AccessSize, _value: number): undefined | false {
    return offset === Reg.MSI_SETSPI_NS ? undefined : false;
  }
}
