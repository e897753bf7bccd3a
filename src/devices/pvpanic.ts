/** pvpanic-mmio: one register through which the guest's kernel says that it panicked (QEMU, docs/specs/pvpanic). */
import { bit } from '../base/bits.ts';
import type { AccessSize, MmioDevice } from '../bus/mmio-device.ts';

/** Bytes of the register, and of the device. */
export const PVPANIC_BYTES = 2;

/** Events, bits as in linux/include/uapi/misc/pvpanic.h. */
export const PVPANIC_PANICKED = bit(0);
export const PVPANIC_CRASH_LOADED = bit(1);
export const PVPANIC_SHUTDOWN = bit(2);

/** The guest panicked for good; it panicked and goes on in its crash kernel; it has shut down, in good order. */
export type GuestEvent = 'panicked' | 'crash-loaded' | 'shutdown';

const EVENTS: readonly { mask: number; event: GuestEvent }[] = [
  { mask: PVPANIC_PANICKED, event: 'panicked' },
  { mask: PVPANIC_CRASH_LOADED, event: 'crash-loaded' },
  { mask: PVPANIC_SHUTDOWN, event: 'shutdown' },
];
const SUPPORTED = PVPANIC_PANICKED | PVPANIC_CRASH_LOADED | PVPANIC_SHUTDOWN;

export class Pvpanic implements MmioDevice {
  readonly name = 'pvpanic';
  readonly #onEvent: (event: GuestEvent) => void;

  constructor(onEvent: (event: GuestEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** Reads say which events we understand; Linux sends no others. */
  read(offset: number, _size: AccessSize): number {
    return offset === 0 ? SUPPORTED : 0;
  }

  write(offset: number, _size: AccessSize, value: number): void {
    if (offset !== 0) return;
    for (const { mask, event } of EVENTS) if (value & mask) this.#onEvent(event);
  }
}
