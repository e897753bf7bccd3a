/**
 * virtio-console (virtio 1.4 §5.3): port 0 is a console (hvc0 in Linux), the others are streams of bytes for programs, found
 * by name (/dev/virtio-ports/NAME). A device with nothing but a console is the plain one that every driver knows; with other
 * ports it has a pair of control queues too.
 */
import { VIRTIO_ID_CONSOLE } from '../abi/virtio.ts';
import {
  VIRTIO_CONSOLE_F_EMERG_WRITE,
  VIRTIO_CONSOLE_F_MULTIPORT,
  VIRTIO_CONSOLE_F_SIZE,
  virtio_console_config,
} from '../abi/virtio-console.ts';
import { ConfigError } from '../base/errors.ts';
import { KiB } from '../base/units.ts';
import type { DeviceAction, DeviceWorld, IoLoop, VirtioDevice } from '../virtio/device.ts';
import { DeviceConfig } from '../virtio/device-config.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import { ConsoleControl, type ConsoleSize } from './console-control.ts';
import { ConsolePort, type PortOptions } from './console-port.ts';

/** §5.3.2: those of port 0, then control, then those of ports 1 … */
const Queue = { RECEIVE_0: 0, TRANSMIT_0: 1, CONTROL_RECEIVE: 2, CONTROL_TRANSMIT: 3, RECEIVE_1: 4 } as const;
const CONSOLE_ID = 0;
const MULTIPORT = 1n << BigInt(VIRTIO_CONSOLE_F_MULTIPORT);
const SCRATCH_BYTES = 32 * KiB;
const SIZE_MAX = 0xffff;

export interface ConsoleOptions {
  /** Undefined: there are ports alone. */
  readonly console: PortOptions | undefined;
  /** Each with a name. */
  readonly ports: readonly PortOptions[];
  /** 0 × 0: not known. */
  readonly size: ConsoleSize;
  readonly queueSize: number;
}

export class VirtioConsole implements VirtioDevice {
  readonly id = VIRTIO_ID_CONSOLE;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config = new DeviceConfig(virtio_console_config.size);
  readonly actions: Readonly<Record<string, DeviceAction>> = {
    resize: {
      help: 'Tell the guest that its terminal has the size VALUE, as 120x40: columns and rows.',
      run: (value) => this.#resizeAction(value),
    },
    ports: { help: 'Say where each port leads, and who is there.', run: () => this.#describe() },
  };
  readonly #resources = new DisposableStack();
  readonly #ports: readonly ConsolePort[];
  readonly #control: ConsoleControl;
  readonly #loop: IoLoop;
  #size: ConsoleSize;

  constructor({ console, ports, size, queueSize }: ConsoleOptions, { loop, log }: Pick<DeviceWorld, 'loop' | 'log'>) {
    const hasMany = ports.length > 0 || console === undefined;
    const optional = hasMany ? MULTIPORT : 0n;
    this.features = optional | (1n << BigInt(VIRTIO_CONSOLE_F_SIZE)) | (1n << BigInt(VIRTIO_CONSOLE_F_EMERG_WRITE));
    const queueCount = hasMany ? Queue.RECEIVE_1 + 2 * ports.length : Queue.CONTROL_RECEIVE;
    this.queueSizes = new Array(queueCount).fill(queueSize);
    this.#loop = loop;
    this.#size = size;
    const scratch = new Uint8Array(SCRATCH_BYTES);
    const attached = (port: ConsolePort) => this.#control?.attached(port);
    const world = { loop, scratch, attached };
    using opened = new DisposableStack();
    const port = (id: number, options: PortOptions) => opened.use(new ConsolePort(id, options, world));
    this.#ports = [
      ...(console ? [port(CONSOLE_ID, console)] : []),
      ...ports.map((options, index) => port(CONSOLE_ID + 1 + index, options)),
    ];
    this.#control = new ConsoleControl(this.#ports, () => this.#size, log);
    this.#showSize(this.config.view);
    this.config.view.setUint32(virtio_console_config.fields.max_nr_ports.offset, ports.length + 1, true);
    this.#resources.use(opened.move());
  }

  activate(queues: readonly (Virtqueue | undefined)[], features: bigint): void {
    for (const port of this.#ports) {
      const first = receiveQueueOf(port.id);
      port.activate(queues[first], queues[first + 1]);
    }
    if (features & MULTIPORT) this.#control.activate(queues[Queue.CONTROL_RECEIVE], queues[Queue.CONTROL_TRANSMIT]);
    // Without control messages nobody says so: the one port there is is open (§5.3.5).
    else for (const port of this.#ports) port.isOpen = port.id === CONSOLE_ID;
  }

  notify(index: number): void {
    if (index === Queue.CONTROL_RECEIVE) this.#control.send();
    else if (index === Queue.CONTROL_TRANSMIT) this.#control.receive();
    else {
      const port = this.#ports.find(({ id }) => receiveQueueOf(id) === (index & ~1));
      if (index & 1) port?.transmit();
      else port?.resume();
    }
  }

  reset(): void {
    this.#control.reset();
    for (const port of this.#ports) port.reset();
  }

  /** §5.3.4: the driver writes one character to `emerg_wr`, at any time. */
  writeConfig(offset: number, bytes: Uint8Array): void {
    const console = this.#ports.find(({ isConsole }) => isConsole);
    if (offset === virtio_console_config.fields.emerg_wr.offset) console?.writeEmergency(bytes[0]!);
  }

  counters(): Readonly<Record<string, number>> {
    return { 'ports-open': this.#ports.filter(({ isOpen }) => isOpen).length };
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }

  #resizeAction(value: string | undefined): string {
    const size = parseConsoleSize(value ?? '');
    if (!size) throw new ConfigError(`Cannot resize to ${JSON.stringify(value)}: write columns and rows, as 120x40`);
    this.#size = size;
    this.config.update((view) => this.#showSize(view));
    // Later: what the guest has done wrong by then is not the user's fault.
    this.#loop.defer(() => this.#control.resized());
    return `The terminal has ${size.columns} columns and ${size.rows} rows now`;
  }

  #showSize(view: DataView): void {
    view.setUint16(virtio_console_config.fields.cols.offset, this.#size.columns, true);
    view.setUint16(virtio_console_config.fields.rows.offset, this.#size.rows, true);
  }

  #describe(): string {
    const ports = this.#ports.map(({ id, name = null, description, isOpen, isAttached }) => {
      return { id, name, leadsTo: description, openInGuest: isOpen, attached: isAttached };
    });
    return JSON.stringify(ports);
  }
}

/** `120x40`; undefined when it is something else. */
export function parseConsoleSize(text: string): ConsoleSize | undefined {
  const [, columns, rows] = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text) ?? [];
  const size = { columns: Number(columns), rows: Number(rows) };
  return size.columns <= SIZE_MAX && size.rows <= SIZE_MAX ? size : undefined;
}

function receiveQueueOf(port: number): number {
  return port === CONSOLE_ID ? Queue.RECEIVE_0 : Queue.RECEIVE_1 + 2 * (port - 1);
}
