/**
 * The control queues of a console with several ports (virtio 1.4 §5.3.6.2): the driver learns which ports there are, what
 * they are called and who is at their other ends; we learn which of them are open in the guest. What has to be said is kept
 * as what differs, not as messages: a driver that does not listen costs nothing, and later hears how things stand then.
 */
import {
  VIRTIO_CONSOLE_CONSOLE_PORT,
  VIRTIO_CONSOLE_DEVICE_READY,
  VIRTIO_CONSOLE_PORT_ADD,
  VIRTIO_CONSOLE_PORT_NAME,
  VIRTIO_CONSOLE_PORT_OPEN,
  VIRTIO_CONSOLE_PORT_READY,
  VIRTIO_CONSOLE_RESIZE,
  virtio_console_control,
} from '../abi/virtio-console.ts';
import { GuestFault } from '../base/errors.ts';
import { pack, unpack } from '../base/layout.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import type { ConsolePort } from './console-port.ts';

export interface ConsoleSize {
  readonly columns: number;
  readonly rows: number;
}

/** What the driver has yet to be told about a port, in the order in which it is. */
const News = { ADD: 1, CONSOLE: 2, NAME: 4, RESIZE: 8, OPEN: 16 } as const;
type NewsBit = (typeof News)[keyof typeof News];

export class ConsoleControl {
  readonly #ports: readonly ConsolePort[];
  readonly #size: () => ConsoleSize;
  readonly #log: (message: string) => void;
  readonly #news = new Map<ConsolePort, number>();
  /** Ports that the driver has taken up. */
  readonly #ready = new Set<ConsolePort>();
  #toDriver: Virtqueue | undefined;
  #fromDriver: Virtqueue | undefined;

  constructor(ports: readonly ConsolePort[], size: () => ConsoleSize, log: (message: string) => void) {
    this.#ports = ports;
    this.#size = size;
    this.#log = log;
  }

  activate(toDriver: Virtqueue | undefined, fromDriver: Virtqueue | undefined): void {
    this.#toDriver = toDriver;
    this.#fromDriver = fromDriver;
  }

  reset(): void {
    this.activate(undefined, undefined);
    this.#news.clear();
    this.#ready.clear();
  }

  /** Messages of the driver. */
  receive(): void {
    const queue = this.#fromDriver;
    for (let chain = queue?.pop(); chain; chain = queue?.pop()) {
      const message = new Uint8Array(virtio_console_control.size);
      if (chain.read(message) < message.length) {
        throw new GuestFault(`a control message of a console has ${chain.readableLength} bytes`);
      }
      this.#obey(unpack(virtio_console_control, message));
      chain.complete(0);
    }
    queue?.signal();
    this.send();
  }

  /** Messages for the driver, as many as it has room for. */
  send(): void {
    const queue = this.#toDriver;
    for (const port of this.#ports) {
      for (let bit = this.#nextOf(port); bit !== undefined; bit = this.#nextOf(port)) {
        const chain = queue?.pop();
        if (!chain) {
          queue?.signal();
          return;
        }
        const message = this.#messageFor(port, bit);
        if (chain.write(message) < message.length) {
          throw new GuestFault(`a buffer for control messages of a console has ${chain.writableLength} bytes`);
        }
        chain.complete();
        this.#news.set(port, this.#news.get(port)! & ~bit);
      }
    }
    queue?.signal();
  }

  /** Somebody came to the other end of `port`, or left. */
  attached(port: ConsolePort): void {
    if (!this.#ready.has(port)) return;
    this.#tell(port, News.OPEN);
    this.send();
  }

  resized(): void {
    for (const port of this.#ready) if (port.isConsole) this.#tell(port, News.RESIZE);
    this.send();
  }

  #obey({ id, event, value }: { id: number; event: number; value: number }): void {
    if (event === VIRTIO_CONSOLE_DEVICE_READY) {
      if (value === 1) for (const port of this.#ports) this.#tell(port, News.ADD);
      else this.#log('the driver in the guest could not set it up');
      return;
    }
    const port = this.#ports.find((candidate) => candidate.id === id);
    // Ports and events that we do not know are not ours to judge (§5.3.6.2 says nothing about them).
    if (!port) return;
    if (event === VIRTIO_CONSOLE_PORT_READY) this.#portReady(port, value === 1);
    if (event === VIRTIO_CONSOLE_PORT_OPEN) port.isOpen = value === 1;
  }

  #portReady(port: ConsolePort, isReady: boolean): void {
    if (!isReady) {
      this.#ready.delete(port);
      this.#log(`the driver in the guest could not set up port ${port.id}`);
      return;
    }
    this.#ready.add(port);
    if (port.isConsole) {
      const { columns, rows } = this.#size();
      this.#tell(port, News.CONSOLE | (columns > 0 && rows > 0 ? News.RESIZE : 0));
    } else this.#tell(port, News.NAME);
    if (port.isAttached) this.#tell(port, News.OPEN);
  }

  #tell(port: ConsolePort, news: number): void {
    this.#news.set(port, (this.#news.get(port) ?? 0) | news);
  }

  #nextOf(port: ConsolePort): NewsBit | undefined {
    const news = this.#news.get(port) ?? 0;
    return news === 0 ? undefined : Object.values(News).find((bit) => (news & bit) !== 0);
  }

  #messageFor(port: ConsolePort, bit: NewsBit): Uint8Array {
    switch (bit) {
      case News.ADD:
        return message(port, VIRTIO_CONSOLE_PORT_ADD);
      case News.CONSOLE:
        return message(port, VIRTIO_CONSOLE_CONSOLE_PORT, 1);
      case News.NAME:
        return message(port, VIRTIO_CONSOLE_PORT_NAME, 1, ascii(port.name ?? ''));
      case News.RESIZE:
        return message(port, VIRTIO_CONSOLE_RESIZE, 0, resize(this.#size()));
      case News.OPEN:
        return message(port, VIRTIO_CONSOLE_PORT_OPEN, port.isAttached ? 1 : 0);
    }
  }
}

function message({ id }: ConsolePort, event: number, value = 0, more = new Uint8Array()): Uint8Array {
  const bytes = new Uint8Array(virtio_console_control.size + more.length);
  bytes.set(pack(virtio_console_control, { id, event, value }));
  bytes.set(more, virtio_console_control.size);
  return bytes;
}

function ascii(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** struct virtio_console_resize. */
function resize({ columns, rows }: ConsoleSize): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Uint16Array.of(columns, rows).buffer);
}
