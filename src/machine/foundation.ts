/** What a machine stands on, and what takes time to start: guest RAM, signals, and the I/O threads with their devices. */
import type { VmConfig } from '../config/schema.ts';
import { pageSize } from '../host/page-size.ts';
import { Signals } from '../host/signals.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import type { Images } from './images.ts';
import { mapRam, regionOf } from './ram.ts';
import type { VirtioDevices } from './virtio-devices.ts';

export class Foundation implements Disposable {
  readonly signals: Signals;
  readonly memory: GuestMemory;
  /** Where the config has devices; without, nothing of it is even loaded. */
  readonly virtio: VirtioDevices | undefined;
  readonly #resources = new DisposableStack();
  /** How many threads read into RAM. */
  #loads = 0;

  static async lay(config: VmConfig, warn: (message: string) => void): Promise<Foundation> {
    const hasDevices = Object.keys(config.devices).length > 0;
    return new Foundation(config, warn, hasDevices ? await import('./virtio-devices.ts') : undefined);
  }

  private constructor(
    config: VmConfig,
    warn: (message: string) => void,
    virtio: typeof import('./virtio-devices.ts') | undefined,
  ) {
    using resources = new DisposableStack();
    this.signals = resources.use(new Signals());
    const ram = mapRam(config, warn);
    // A thread that still reads into it must not meet what is mapped there next; the process is about to end then.
    resources.defer(() => this.#loads > 0 || ram[Symbol.dispose]());
    const { mapping, fd } = ram;
    this.memory = new GuestMemory([regionOf(mapping, config.memory.base, fd)]);
    const { signals, memory } = this;
    this.virtio =
      virtio && resources.use(new virtio.VirtioDevices(config, { signals, memory, pageSize: pageSize(), log: warn }));
    this.#resources = resources.move();
  }

  /** Reads `images` into RAM, on a thread of libuv's, while the caller goes on. Whoever awaits it hears of errors. */
  load(images: Images): Promise<void> {
    this.#loads++;
    const loading = images.load(this.memory).finally(() => {
      this.#loads--;
    });
    loading.catch(() => {});
    return loading;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
