/**
 * How many chains a second pass through a queue, on any machine: requests as a block driver makes them (a header of 16 bytes,
 * 4 KiB of data, a status byte), popped, their header copied, their data listed as iovecs, completed. Only the device's side
 * is timed, in turns of 64, and the median turn counts: one that the machine took away from us does not.
 *
 *   node test/bench/ring.ts split|packed [indirect]      prints chains a second      (--cpu-prof: docs/measurements.md)
 */
import { VIRTIO_BLK_T_IN } from '../../src/abi/virtio-blk.ts';
import { IovecTable } from '../../src/virtio/chain.ts';
import { Virtqueue } from '../../src/virtio/queue.ts';
import { DriverQueue } from '../support/driver.ts';
import type { Segment } from '../support/driver-ring.ts';
import { GuestRam } from '../support/guest-ram.ts';

const TURN = 64;
const TURNS = 20_000;
const HEADER_BYTES = 16;
const DATA_BYTES = 4096;
const STATUS_OK = Uint8Array.of(0);

export interface RingKind {
  readonly packed: boolean;
  readonly indirect: boolean;
}

export function measureRing(kind: RingKind): number {
  const giveTurns = prepare(kind);
  giveTurns(TURNS / 4);
  return giveTurns(TURNS);
}

/** Returns what gives the device so many turns and says how many chains a second that is. */
function prepare(kind: RingKind): (turns: number) => number {
  const ram = new GuestRam({ size: 2 ** 20, pointer: 0x7f00_0000_0000n });
  const features = { packed: kind.packed, indirect: true, eventIdx: true, inOrder: false };
  // A packed ring that ends with a turn: the driver's lap is the turn.
  const size = kind.packed ? TURN * (kind.indirect ? 1 : 3) : 256;
  const driver = new DriverQueue(ram, size, features);
  const host = { interrupt() {}, starved() {}, spent() {}, now: () => 0 };
  const queue = new Virtqueue(ram.memory, { index: 0, places: driver.places, features, host });
  const device = new BlockDevice(queue);
  const segments = request(ram);
  const layout = kind.indirect ? 0 : segments.length;
  const publish = kind.packed
    ? packedProducer(ram, driver, segments, layout, () => device.serve())
    : splitProducer(ram, driver, segments, layout);
  let turn = 0;
  return (turns) => {
    const times = new Float64Array(turns);
    for (let index = 0; index < turns; index++) {
      publish(turn++);
      const start = performance.now();
      queue.beginTurn(2 * TURN);
      device.serve();
      queue.arm();
      times[index] = performance.now() - start;
    }
    if (queue.counters.read().chains < turns * TURN) throw new Error('The device did not get every chain');
    return (1000 * TURN) / times.sort()[turns >> 1]!;
  };
}

function request(ram: GuestRam): readonly Segment[] {
  const header = new Uint8Array(HEADER_BYTES);
  new DataView(header.buffer).setUint32(0, VIRTIO_BLK_T_IN, true);
  return [
    { address: ram.put(header), length: HEADER_BYTES, writable: false },
    { address: ram.allocate(DATA_BYTES), length: DATA_BYTES, writable: true },
    { address: ram.allocate(1), length: 1, writable: true },
  ];
}

/** Descriptors that stay, named by every entry of the available ring: a turn is published by its index alone. */
function splitProducer(ram: GuestRam, driver: DriverQueue, segments: readonly Segment[], direct: number) {
  const { size, driver: area } = driver.places;
  const heads = Array.from({ length: TURN }, () => driver.addSegments(segments, direct).id);
  const avail = new Uint16Array(ram.bytes.buffer, area - ram.base, 2 + size);
  for (let entry = 0; entry < size; entry++) avail[2 + entry] = heads[entry % TURN]!;
  return (turn: number) => void Atomics.store(avail, 1, (turn + 1) * TURN);
}

/** The ring as a driver leaves it in an odd and in an even lap, put back whole. */
function packedProducer(
  ram: GuestRam,
  driver: DriverQueue,
  segments: readonly Segment[],
  direct: number,
  serve: () => void,
) {
  const ring = ram.at(driver.places.desc, driver.places.size * 16);
  const laps = [0, 1].map(() => {
    for (let count = TURN; count > 0; count--) driver.addSegments(segments, direct);
    driver.kick();
    const lap = ring.slice();
    serve();
    while (driver.take());
    return lap;
  });
  return (turn: number) => ring.set(laps[turn % 2]!);
}

/** The ring's share of virtio-blk: everything but the system call. */
class BlockDevice {
  readonly #queue: Virtqueue;
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #view = new DataView(this.#header.buffer);
  readonly #table = new IovecTable(TURN);

  constructor(queue: Virtqueue) {
    this.#queue = queue;
  }

  serve(): void {
    for (let chain = this.#queue.pop(); chain; chain = this.#queue.pop()) {
      chain.read(this.#header);
      if (this.#view.getUint32(0, true) !== VIRTIO_BLK_T_IN) throw new Error('The header of a request is another one');
      const length = chain.writableLength - STATUS_OK.length;
      this.#table.clear();
      chain.writableIovecs(this.#table, 0, length);
      chain.writeAt(length, STATUS_OK);
      chain.complete(length + STATUS_OK.length);
    }
    this.#queue.signal();
  }
}

if (import.meta.main) {
  const [format, layout] = process.argv.slice(2);
  process.stdout.write(`${measureRing({ packed: format === 'packed', indirect: layout === 'indirect' })}\n`);
}
