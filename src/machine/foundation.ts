/** What a machine stands on, and what takes time to start: guest RAM, and the devices in their I/O threads. */
import { passedDevices } from '../config/device-kinds.ts';
import type { VmConfig } from '../config/schema.ts';
import { pageSize } from '../host/page-size.ts';
import type { Signals } from '../host/signals.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import type { HeadStart } from './head-start.ts';
import { type Images, prepareImages } from './images.ts';
import type { Passing } from './passing.ts';
import { mapRam, regionOf } from './ram.ts';
import type { VirtioDevices } from './virtio-devices.ts';

export class Foundation implements Disposable {
  readonly signals: Signals;
  readonly memory: GuestMemory;
  /** Where the config has devices; without, nothing of it is even loaded. */
  readonly virtio: VirtioDevices | undefined;
  /** Where some of them are the host's. */
  readonly passing: Passing | undefined;
  readonly #resources = new DisposableStack();
  #images: Images | undefined;
  /** How many threads read into RAM. */
  #loads = 0;

  static async lay(config: VmConfig, start: HeadStart, warn: (message: string) => void): Promise<Foundation> {
    const hasDevices = Object.keys(config.devices).length > 0;
    const passing = passedDevices(config).length > 0 ? await plan(config, warn) : undefined;
    const virtio = hasDevices ? await import('./virtio-devices.ts') : undefined;
    const foundation = new Foundation(config, start, warn, virtio, passing);
    try {
      foundation.#images = await prepareImages(config, config.memory);
    } catch (error) {
      foundation[Symbol.dispose]();
      throw error;
    }
    return foundation;
  }

  private constructor(
    config: VmConfig,
    start: HeadStart,
    warn: (message: string) => void,
    virtio: typeof import('./virtio-devices.ts') | undefined,
    passing: Passing | undefined,
  ) {
    this.passing = passing;
    using resources = new DisposableStack();
    this.signals = start.signals;
    const ram = mapRam(config, warn);
    // A thread that still reads into it must not meet what is mapped there next; the process is about to end then.
    resources.defer(() => this.#loads > 0 || ram[Symbol.dispose]());
    const { mapping, fd } = ram;
    this.memory = new GuestMemory([regionOf(mapping, config.memory.base, fd)]);
    const { memory } = this;
    const world = { threads: start.threads, memory, passing, pageSize: pageSize(), log: warn };
    this.virtio = virtio && resources.use(new virtio.VirtioDevices(config, world));
    this.#resources = resources.move();
  }

  /** What goes into RAM before the guest runs. */
  get images(): Images {
    return this.#images!;
  }

  /** Reads the images into RAM, on a thread of libuv's, while the caller goes on. Whoever awaits it hears of errors. */
  load(): Promise<void> {
    this.#loads++;
    const loading = this.images.load(this.memory).finally(() => {
      this.#loads--;
    });
    loading.catch(() => {});
    return loading;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

async function plan(config: VmConfig, say: (message: string) => void): Promise<Passing> {
  const { planPassing, signWords } = await import('./passing.ts');
  const passing = planPassing(config);
  for (const words of signWords(passing.sign)) say(words);
  return passing;
}
