/**
 * One port of a virtio console (virtio 1.4 §5.3): bytes from the driver's transmit queue to the host, and from the host into
 * the buffers of its receive queue. A host that reads slowly holds the driver up: its buffers stay unused until there is room.
 */
import type { DescriptorChain } from '../virtio/chain.ts';
import type { IoLoop } from '../virtio/device.ts';
import type { Virtqueue } from '../virtio/queue.ts';

/** Where a port leads on the host. */
export interface PortBackend extends Disposable {
  /** For people: "pty /dev/pts/3". */
  readonly description: string;
  /** Output of the guest; `bytes` are only valid during the call. Takes all of it, unless `isFull`. */
  write(bytes: Uint8Array): void;
  /** So much output waits for its reader that none shall come until `room` is called. */
  readonly isFull: boolean;
  /** Begins to offer input. `receive` returns how many bytes it took; the rest is offered again by `resume`. */
  start(receive: (bytes: Uint8Array) => number): void;
  resume(): void;
}

/** What a backend tells its port. */
export interface PortEvents {
  /** `isFull` is false again. */
  room(): void;
  /** Whether somebody is at the other end, where that can be known. Somebody is, until it says otherwise. */
  peer(isThere: boolean): void;
}

/** How a port is made. */
export interface PortOptions {
  /** What programs in the guest find it by; the console has none. */
  readonly name?: string;
  open(events: PortEvents): PortBackend;
}

/** A driver may describe the same page many times, so a turn is bounded in bytes too: then others have theirs. */
const TURN_BYTES = 256 * 1024;

export class ConsolePort implements Disposable {
  readonly id: number;
  readonly name: string | undefined;
  /** Whether somebody is at the other end. */
  isAttached = true;
  readonly #backend: PortBackend;
  readonly #loop: IoLoop;
  readonly #scratch: Uint8Array;
  #receiveQueue: Virtqueue | undefined;
  #transmitQueue: Virtqueue | undefined;
  #isOpen = false;
  /** Of the driver, begun and not yet at its end. */
  #chain: DescriptorChain | undefined;
  #willGoOn = false;

  /** `scratch`: for the bytes on their way, shared with other ports. `attached` is called when `isAttached` has changed. */
  constructor(
    id: number,
    options: PortOptions,
    world: { loop: IoLoop; scratch: Uint8Array; attached: (port: ConsolePort) => void },
  ) {
    this.id = id;
    this.name = options.name;
    this.#loop = world.loop;
    this.#scratch = world.scratch;
    this.#backend = options.open({
      room: () => this.transmit(),
      peer: (isThere) => {
        this.isAttached = isThere;
        world.attached(this);
      },
    });
    this.#backend.start((bytes) => this.#receive(bytes));
  }

  get isConsole(): boolean {
    return this.name === undefined;
  }

  get description(): string {
    return this.#backend.description;
  }

  /** Whether a program in the guest has it open. Input waits until then. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  set isOpen(isOpen: boolean) {
    this.#isOpen = isOpen;
    if (isOpen) this.#backend.resume();
  }

  activate(receiveQueue: Virtqueue | undefined, transmitQueue: Virtqueue | undefined): void {
    this.#receiveQueue = receiveQueue;
    this.#transmitQueue = transmitQueue;
  }

  reset(): void {
    this.activate(undefined, undefined);
    this.#chain = undefined;
    this.#isOpen = false;
  }

  /** The driver has made room for input. */
  resume(): void {
    this.#backend.resume();
  }

  /** Output of the driver, as much as the host takes and a turn allows. */
  transmit(): void {
    const queue = this.#transmitQueue;
    let left = TURN_BYTES;
    while (queue && left > 0 && !this.#backend.isFull) {
      this.#chain ??= queue.pop();
      if (!this.#chain) break;
      const count = this.#chain.read(this.#scratch);
      if (count > 0) this.#backend.write(this.#scratch.subarray(0, count));
      left -= count;
      if (this.#chain.readLeft > 0) continue;
      this.#chain.complete(0);
      this.#chain = undefined;
    }
    queue?.signal();
    if (left <= 0) this.#goOn();
  }

  /** A character that does not go through a queue. It must not wait. */
  writeEmergency(character: number): void {
    if (!this.#backend.isFull) this.#backend.write(Uint8Array.of(character));
  }

  [Symbol.dispose](): void {
    this.reset();
    this.#backend[Symbol.dispose]();
  }

  /** Input from the host: how much of it the driver had room for. */
  #receive(bytes: Uint8Array): number {
    const queue = this.#receiveQueue;
    if (!queue || !this.#isOpen) return 0;
    let done = 0;
    while (done < bytes.length) {
      const chain = queue.pop();
      if (!chain) break;
      done += chain.write(bytes.subarray(done));
      chain.complete();
    }
    queue.signal();
    return done;
  }

  #goOn(): void {
    if (this.#willGoOn) return;
    this.#willGoOn = true;
    this.#loop.defer(() => {
      this.#willGoOn = false;
      this.transmit();
    });
  }
}
