/** A guest's side of virtio-console, for tests: its queues, the control messages, and bytes through each port. */
import {
  VIRTIO_CONSOLE_DEVICE_READY,
  VIRTIO_CONSOLE_PORT_OPEN,
  VIRTIO_CONSOLE_PORT_READY,
  virtio_console_control,
} from '../../src/abi/virtio-console.ts';
import { pack, unpack } from '../../src/base/layout.ts';
import { KiB } from '../../src/base/units.ts';
import type { DeviceKeys } from '../../src/config/device-types.ts';
import type { VirtioConsole } from '../../src/devices/virtio-console.ts';
import { create } from '../../src/io/devices/console.ts';
import { LoopRig } from './loop-rig.ts';

const QUEUE_SIZE = 64;
const INPUT_BUFFERS = 16;
const BUFFER_BYTES = 4 * KiB;
const CONTROL_IN = 2;
const CONTROL_OUT = 3;

export interface ControlMessage {
  readonly id: number;
  readonly event: number;
  readonly value: number;
  readonly more: Uint8Array;
}

/** Those keys of `type: console` that matter here. */
export type ConsoleKeys = Partial<Pick<DeviceKeys<'console'>, 'console' | 'ports' | 'size'>>;

export class ConsoleGuest implements Disposable {
  readonly rig: LoopRig<VirtioConsole>;
  /** Control messages of the device, in order. */
  readonly control: ControlMessage[] = [];
  /** What has arrived for each port. */
  readonly input = new Map<number, Buffer[]>();
  /** Whether used buffers are given to the device again. */
  refills = true;
  #memoryMark = 0;

  constructor(keys: ConsoleKeys) {
    const whole = { console: undefined, ports: {}, size: undefined, queueSize: QUEUE_SIZE, ...keys };
    const plain = {
      iothread: 'io',
      interrupt: 'direct',
      transport: 'mmio',
      hotplug: false,
      packed: 'off',
      children: [],
    } as const;
    this.rig = new LoopRig((world) => {
      return create(
        { ...whole, ...plain },
        { ...world, name: 'con0', memory: undefined as never, guestCounter: () => 0n },
      );
    });
  }

  get device(): VirtioConsole {
    return this.rig.device;
  }

  get fault(): string | undefined {
    return this.rig.fault;
  }

  /** DRIVER_OK, with buffers in every queue that the device fills. */
  start({ features = this.device.features, controlBuffers = INPUT_BUFFERS, inputBuffers = INPUT_BUFFERS } = {}): void {
    const queues = this.rig.prepare(QUEUE_SIZE);
    queues.forEach((queue, index) => {
      const count = index === CONTROL_IN ? controlBuffers : index % 2 === 0 ? inputBuffers : 0;
      for (let made = 0; made < count; made++) queue.add({ writable: [BUFFER_BYTES] });
      queue.kick();
    });
    this.#memoryMark = this.rig.ram.mark;
    this.rig.activate(features);
  }

  /** As Linux greets a device with several ports, and opens all of them. */
  greet(): void {
    this.say({ event: VIRTIO_CONSOLE_DEVICE_READY, value: 1 });
    this.collect();
    for (const id of new Set(this.control.map((message) => message.id))) {
      this.say({ id, event: VIRTIO_CONSOLE_PORT_READY, value: 1 });
      this.say({ id, event: VIRTIO_CONSOLE_PORT_OPEN, value: 1 });
    }
    this.collect();
  }

  say(message: { id?: number; event: number; value: number }): void {
    this.sendRaw(CONTROL_OUT, [pack(virtio_console_control, message)]);
  }

  /** Makes a chain available; returns whether the device has given it back. */
  offer(queue: number, readable: readonly Uint8Array[]): () => boolean {
    const buffer = this.rig.queue(queue).add({ readable });
    this.rig.kick(queue);
    return () => {
      this.rig.queue(queue).take();
      return buffer.usedLength !== undefined;
    };
  }

  /** Sends a chain and waits until it was used. */
  sendRaw(queue: number, readable: readonly Uint8Array[]): void {
    const isUsed = this.offer(queue, readable);
    this.rig.until(() => isUsed() || this.fault !== undefined, 'a buffer to be used');
    this.rig.ram.release(this.#memoryMark);
  }

  /** Prints through port `id`; as long as the host does not read, this waits. */
  print(id: number, bytes: Uint8Array): void {
    this.sendRaw(transmitQueueOf(id), [bytes]);
  }

  /** Takes what the device has given so far. */
  collect(): void {
    this.rig.device.queueSizes.forEach((_, index) => {
      if (index % 2 === 1) return;
      const queue = this.rig.queue(index);
      let count = 0;
      for (let buffer = queue.take(); buffer; buffer = queue.take(), count++) {
        this.#took(index, Buffer.from(buffer.written()));
        if (this.refills) queue.addSegments(buffer.segments);
      }
      if (count > 0) this.rig.kick(index);
    });
  }

  received(id: number): Buffer {
    return Buffer.concat(this.input.get(id) ?? []);
  }

  until(condition: () => boolean, what: string): void {
    this.rig.until(() => {
      this.collect();
      return condition();
    }, what);
  }

  settle(ms = 20): void {
    const end = performance.now() + ms;
    this.until(() => performance.now() > end, 'time to pass');
  }

  [Symbol.dispose](): void {
    this.rig[Symbol.dispose]();
  }

  #took(queue: number, bytes: Buffer): void {
    if (queue === CONTROL_IN) {
      const more = bytes.subarray(virtio_console_control.size);
      this.control.push({ ...unpack(virtio_console_control, bytes), more });
      return;
    }
    const id = queue === 0 ? 0 : queue / 2 - 1;
    this.input.set(id, [...(this.input.get(id) ?? []), bytes]);
  }
}

export function transmitQueueOf(id: number): number {
  return id === 0 ? 1 : 2 * id + 3;
}
