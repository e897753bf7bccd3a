/** A register page on a host whose guest sees only what was published, as a machine without FEAT_S2FWB is. */
import type { SharedPage } from '../../src/bus/mmio-device.ts';

const PAGE_BYTES = 4096;

export class SeenPage implements SharedPage {
  readonly view = new DataView(new ArrayBuffer(PAGE_BYTES));
  /** What the guest reads. */
  readonly seen = new DataView(new ArrayBuffer(PAGE_BYTES));
  readonly #told: (isReadable: boolean) => void;

  constructor(told: (isReadable: boolean) => void = () => {}) {
    this.#told = told;
  }

  publish(): void {
    new Uint8Array(this.seen.buffer).set(new Uint8Array(this.view.buffer));
  }

  setReadable(isReadable: boolean): void {
    this.#told(isReadable);
  }
}
