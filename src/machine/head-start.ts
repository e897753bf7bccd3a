/**
 * What a machine starts before its own code is even loaded, because it takes longer than everything else: the I/O threads of its
 * devices. And the signals, which have to be blocked in them.
 */
import { virtioDevices } from '../config/device-kinds.ts';
import type { VmConfig } from '../config/schema.ts';
import { Signals } from '../host/signals.ts';
import { IoThread } from '../io/io-thread.ts';

export class HeadStart implements Disposable {
  readonly signals: Signals;
  /** By their names in the config. */
  readonly threads: ReadonlyMap<string, IoThread>;
  readonly #resources = new DisposableStack();

  constructor(config: VmConfig) {
    using resources = new DisposableStack();
    this.signals = resources.use(new Signals());
    const names = new Set(virtioDevices(config).map(([, { iothread }]) => iothread));
    this.threads = new Map([...names].map((name) => [name, resources.use(new IoThread(name, this.signals))]));
    this.#resources = resources.move();
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
