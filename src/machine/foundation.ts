/** What a machine stands on, and what takes time to start: guest RAM, signals, and the I/O threads with their devices. */
import type { VmConfig } from '../config/schema.ts';
import { pageSize } from '../host/page-size.ts';
import { Signals } from '../host/signals.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import { mapRam } from './ram.ts';
import type { VirtioDevices } from './virtio-devices.ts';

export class Foundation implements Disposable {
  readonly signals: Signals;
  readonly memory: GuestMemory;
  /** Where the config has devices; without, nothing of it is even loaded. */
  readonly virtio: VirtioDevices | undefined;
  readonly #resources = new DisposableStack();

  static async lay(config: VmConfig, warn: (message: string) => void): Promise<Foundation> {
    const hasDevices = Object.keys(config.devices).length > 0;
    return new Foundation(config, warn, hasDevices ? await import('./virtio-devices.ts') : undefined);
  }

  private constructor(
    config: VmConfig,
    warn: (message: string) => void,
    virtio: typeof import('./virtio-devices.ts') | undefined,
  ) {
    const { base, size } = config.memory;
    using resources = new DisposableStack();
    this.signals = resources.use(new Signals());
    const { buffer, pointer } = resources.use(mapRam(config, warn));
    this.memory = new GuestMemory([{ range: { base, size }, buffer, pointer }]);
    const { signals, memory } = this;
    this.virtio =
      virtio && resources.use(new virtio.VirtioDevices(config, { signals, memory, pageSize: pageSize(), log: warn }));
    this.#resources = resources.move();
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
