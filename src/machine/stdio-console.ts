/** A virtio console on this terminal (`console: stdio` of a device): the relay to its thread, and the terminal's size. */
import { type ConsoleOptions, openConsole } from '../backends/console.ts';
import { ConsoleRelay } from '../backends/console-relay.ts';
import type { VmConfig } from '../config/schema.ts';
import { terminalSize } from '../host/terminal-mode.ts';

export class StdioConsole implements Disposable {
  /** With the relay where the config says stdio. */
  readonly config: VmConfig;
  readonly #resources = new DisposableStack();
  readonly #relay: ConsoleRelay | undefined;
  readonly #device: string | undefined;

  constructor(config: VmConfig, options: ConsoleOptions) {
    this.config = config;
    const [name, keys] = Object.entries(config.devices).find(leadsToStdio) ?? [];
    if (name === undefined || keys === undefined) return;
    this.#device = name;
    const open = (release: () => void) => openConsole({ kind: 'stdio' }, { ...options, hold() {}, release });
    this.#relay = this.#resources.use(new ConsoleRelay(open));
    const console = { kind: 'descriptor', number: this.#relay.number, description: 'stdio' };
    // The config has no word for that: it is not something that a user could write.
    const device = { ...keys, console } as unknown as VmConfig['devices'][string];
    this.config = { ...config, devices: { ...config.devices, [name]: device } };
  }

  /** Begins to take what is typed. `resize` tells the device how large the terminal is, now and when that changes. */
  start(resize: (device: string, size: string) => void): void {
    const device = this.#device;
    if (device === undefined) return;
    this.#relay?.start();
    const tell = () => {
      const size = terminalSize(1);
      if (size) resize(device, `${size.columns}x${size.rows}`);
    };
    tell();
    process.on('SIGWINCH', tell);
    this.#resources.defer(() => process.off('SIGWINCH', tell));
  }

  [Symbol.dispose](): void {
    this.#resources[Symbol.dispose]();
  }
}

function leadsToStdio([, device]: [string, VmConfig['devices'][string]]): boolean {
  return device.type === 'console' && !('backend' in device) && device.console?.kind === 'stdio';
}
