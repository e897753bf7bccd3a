/** What a machine stands on, and what takes time to start: guest RAM, signals, and the I/O threads with their devices. */
import { passedDevices } from '../config/device-kinds.ts';
import type { VmConfig } from '../config/schema.ts';
import { pageSize } from '../host/page-size.ts';
import { Signals } from '../host/signals.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import type { Images } from './images.ts';
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
  /** How many threads read into RAM. */
  #loads = 0;

  static async lay(config: VmConfig, warn: (message: string) => void): Promise<Foundation> {
    const hasDevices = Object.keys(config.devices).length > 0;
    const passing = passedDevices(config).length > 0 ? await plan(config, warn) : undefined;
    return new Foundation(config, warn, hasDevices ? await import('./virtio-devices.ts') : undefined, passing);
  }

  private constructor(
    config: VmConfig,
    warn: (message: string) => void,
    virtio: typeof import('./virtio-devices.ts') | undefined,
    passing: Passing | undefined,
  ) {
    this.passing = passing;
    using resources = new DisposableStack();
    this.signals = resources.use(new Signals());
    const ram = mapRam(config, warn);
    // A thread that still reads into it must not meet what is mapped there next; the process is about to end then.
    resources.defer(() => this.#loads > 0 || ram[Symbol.dispose]());
    const { mapping, fd } = ram;
    this.memory = new GuestMemory([regionOf(mapping, config.memory.base, fd)]);
    const { signals, memory } = this;
    const world = { signals, memory, passing, pageSize: pageSize(), log: warn };
    this.virtio = virtio && resources.use(new virtio.VirtioDevices(config, world));
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

async function plan(config: VmConfig, say: (message: string) => void): Promise<Passing> {
  const { planPassing, signWords } = await import('./passing.ts');
  const passing = planPassing(config);
  for (const words of signWords(passing.sign)) say(words);
  return passing;
}
