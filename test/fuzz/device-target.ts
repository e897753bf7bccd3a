/**
 * Fuzz target: a device behind its virtio-mmio transport, in hostile hands. The input chooses the device, then is a program of
 * register accesses of any kind, requests that are nearly right, writes to memory, time, and what happens on the host.
 * Nothing may be thrown (the device's host contains GuestFaults), and after a reset guest memory is left alone.
 */
import { assert } from '../../src/base/assert.ts';
import type { DeviceWorld } from '../../src/virtio/device.ts';
import type { DriverQueue, Request } from '../support/driver.ts';
import { GuestRam } from '../support/guest-ram.ts';
import { MmioRig } from '../support/mmio-rig.ts';
import { DEVICES, type Fuzzed, POINTER, PORT_FD } from './fuzz-devices.ts';
import { Program } from './program.ts';

const RAM_BYTES = 0x1_0000;
/** The rings are laid out anew with each reset: where the driver begins with that. */
const QUEUES_FROM = 0x1000;
/** A request with the rings' marks behind it. */
const REQUEST_BYTES_MAX = 64;
const TURNS_MAX = 64;
/** Each costs a whole set-up. */
const STARTS_MAX = 6;

// Most inputs end in faults, and their stacks would be most of the time. Who runs one input sets it back.
Error.stackTraceLimit = 0;
const bytes = new Uint8Array(RAM_BYTES);

export function fuzz(data: Uint8Array): void {
  const program = new Program(data);
  bytes.fill(0);
  new Guest(program).run();
}

class Guest {
  readonly #program: Program;
  readonly #ram = new GuestRam({ buffer: bytes.buffer, pointer: BigInt(POINTER) });
  readonly #rig: MmioRig<Fuzzed['device']>;
  #world: DeviceWorld | undefined;
  #fuzzed: Fuzzed | undefined;
  #queues: DriverQueue[] = [];
  #starts = 0;

  constructor(program: Program) {
    this.#program = program;
    const create = program.pick(DEVICES);
    const bits = program.u8();
    const options = { strict: (bits & 1) !== 0, packed: (bits & 2) !== 0, ringReset: (bits & 4) !== 0, ram: this.#ram };
    this.#rig = new MmioRig((world) => {
      this.#world = world;
      this.#fuzzed = create(world, this.#ram);
      return this.#fuzzed.device;
    }, options);
    if ((bits & 8) === 0) this.#start();
  }

  run(): void {
    const program = this.#program;
    while (!program.isOver) {
      switch (program.u8() % 10) {
        case 0:
          this.#rig.transport.write(program.u8() * 2, program.pick([4, 4, 1, 2]), program.u32());
          break;
        case 1:
          this.#rig.transport.read(program.u8() * 2, program.pick([4, 4, 1, 2]));
          break;
        case 2:
        case 3:
        case 4:
          this.#request();
          break;
        case 5:
          bytes.set(program.bytes(program.u8() % 32), program.u16() % (RAM_BYTES - 32));
          break;
        case 6:
          this.#rig.loop.advanceMs(program.u8());
          break;
        case 7:
          this.#happen();
          break;
        case 8:
          this.#start();
          break;
        case 9:
          this.#reset();
          break;
      }
      for (let turn = 0; turn < TURNS_MAX && this.#rig.loop.turn() > 0; turn++);
    }
    this.#rig.device[Symbol.dispose]();
  }

  /** A driver that keeps the rules up to DRIVER_OK, with some of the features. */
  #start(): void {
    if (this.#starts++ >= STARTS_MAX) return;
    this.#ram.release(QUEUES_FROM);
    const { driver, device } = this.#rig;
    const without = BigInt(this.#program.u8()) << BigInt(this.#program.pick([28, 0, 8, 16]));
    this.#queues = driver.start(device.queueSizes.length, { features: driver.offered & ~without, size: 8 });
  }

  /** A request of the bytes that follow, cut anywhere, with room to write behind it; and the bell. */
  #request(): void {
    const program = this.#program;
    const index = program.u8() % Math.max(this.#queues.length, 1);
    const queue = this.#queues[index];
    const shape = program.u8();
    const head = program.bytes(shape % REQUEST_BYTES_MAX);
    const cut = program.u8() % (head.length + 1);
    const request: Request = {
      readable: (shape & 0x40) === 0 ? [head] : [head.subarray(0, cut), head.subarray(cut)],
      writable: program.pick([[1], [], [16, 1], [512, 1], [12, 1526], [4096]]),
      ...((shape & 0x80) !== 0 && { direct: 0 }),
    };
    // A driver whose memory is full, or whose ring was overwritten, only rings.
    try {
      if (queue?.hasRoom(request) === false) queue.take();
      if (queue?.hasRoom(request)) queue.add(request);
      queue?.kick();
    } catch {
      this.#queues = [];
    }
    this.#rig.driver.write('QueueNotify', index);
  }

  /** Something on the host: the device hears of it from its loop, which contains faults. */
  #happen(): void {
    const choice = this.#program.u8();
    this.#world!.loop.defer(() => this.#fuzzed!.happen(choice));
    this.#rig.loop.ready(PORT_FD);
  }

  /** From here on nobody touches guest memory. */
  #reset(): void {
    this.#rig.driver.status = 0;
    this.#queues = [];
    const before = bytes.slice();
    this.#happen();
    this.#rig.loop.advanceMs(1000);
    for (let turn = 0; turn < TURNS_MAX && this.#rig.loop.turn() > 0; turn++);
    assert(Buffer.compare(before, bytes) === 0, 'a device wrote to guest memory after its reset');
  }
}
