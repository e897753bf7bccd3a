/**
 * Fuzz target: a queue in hostile hands. The input says how the ring is laid out, then is a program of what the driver writes
 * where and what the device does in between. Nothing but a GuestFault may be thrown, no iovec may leave guest RAM, a chain has
 * to stay what it was when it was popped, and a device never holds more of them than the queue has entries.
 */
import { assert } from '../../src/base/assert.ts';
import { GuestFault } from '../../src/base/errors.ts';
import { GuestMemory } from '../../src/memory/guest-memory.ts';
import { type DescriptorChain, IovecTable } from '../../src/virtio/chain.ts';
import { Virtqueue } from '../../src/virtio/queue.ts';
import { Program } from './program.ts';

const BASE = 0x4000_0000;
const RAM_BYTES = 0x8000;
const POINTER = 0x7f00_0000_0000;
/** Where tables, rings and buffers lie unless the program wants them elsewhere. */
const DESC = BASE;
const DRIVER = BASE + 0x1000;
const DEVICE = BASE + 0x1800;
const TABLE = BASE + 0x2000;
const TABLE_ENTRIES = 4;
const DATA = BASE + 0x3000;
/** Those in RAM come first and are more than the others, or no chain would come through. */
const ADDRESSES = [
  ...[DATA, DATA + 8, TABLE, TABLE + 16, DATA + 64, DESC, DRIVER, DEVICE],
  ...[BASE + RAM_BYTES - 16, BASE + RAM_BYTES, BASE - 8, 0, 2 ** 52],
];
/** The largest indirect table and one entry more. */
const TABLE_TOO_LONG = 1025 * 16;
const LENGTHS = [16, 1, 8, 48, 32, 64, 0, TABLE_TOO_LONG, RAM_BYTES, 0xffff_ffff];
// Most inputs end in faults, and their stacks would be most of the time. Who runs one input sets it back.
Error.stackTraceLimit = 0;
/** Work for one input is bounded by its length and this. */
const RESETS_MAX = 8;

const ram = new Uint8Array(RAM_BYTES);
const view = new DataView(ram.buffer);
const memory = new GuestMemory([
  { range: { base: BASE, size: RAM_BYTES }, buffer: ram.buffer, pointer: BigInt(POINTER) },
]);
const buffer = new Uint8Array(256);
const table = new IovecTable(64);
const again = new IovecTable(64);

interface Held {
  readonly chain: DescriptorChain;
  readonly readable: number;
  readonly writable: number;
}

export function fuzz(data: Uint8Array): void {
  ram.fill(0);
  const program = new Program(data);
  const create = readSetup(program);
  // A queue that was broken is begun anew, as after a reset.
  for (let resets = 0; resets < RESETS_MAX && (resets === 0 || !program.isOver); resets++) {
    try {
      run(program, create());
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
    }
  }
}

/** How the driver set the queue up; returns what makes it. */
function readSetup(program: Program): () => Virtqueue {
  const bits = program.u8();
  const size = program.pick([4, 8, 2, 1, 16, 3, 0, 64]);
  const place = (usual: number) => ((bits & 0x10) === 0 ? usual : BASE + program.u16());
  const places = { size, desc: place(DESC), driver: place(DRIVER), device: place(DEVICE) };
  const start = (bits & 0x20) === 0 ? undefined : { avail: program.u16(), used: program.u16() };
  const features = {
    packed: (bits & 1) !== 0,
    indirect: (bits & 2) === 0,
    eventIdx: (bits & 4) !== 0,
    inOrder: (bits & 8) !== 0,
  };
  if (start && !features.packed) view.setUint16(DRIVER - BASE + 2, start.avail, true);
  const host = { interrupt() {}, starved() {}, spent() {}, now: () => 1 };
  return () => new Virtqueue(memory, { index: 0, places, features, host, start });
}

function run(program: Program, queue: Virtqueue): void {
  const held: Held[] = [];
  while (!program.isOver) {
    switch (program.u8() % 10) {
      case 0:
        describe(program, DESC, queue.size);
        break;
      case 1:
        describe(program, TABLE, TABLE_ENTRIES);
        break;
      case 2:
        makeAvailable(program, queue.size);
        break;
      case 3:
        ram.set(program.bytes(program.u8() % 32), program.u16() % (RAM_BYTES - 32));
        break;
      case 4:
      case 5:
        pop(queue, held);
        break;
      case 6:
        complete(program, held);
        break;
      case 7:
        queue.signal();
        break;
      case 8:
        queue.beginTurn(program.u8());
        break;
      case 9:
        queue.kicked();
        queue.arm();
        break;
    }
  }
  queue.drop();
  for (const { chain } of held) chain.complete(0);
}

/** A number below `end`; sometimes any. */
function below(program: Program, end: number): number {
  const byte = program.u8();
  return byte >= 0xf8 ? program.u16() : byte % Math.max(end, 1);
}

/** Writes a descriptor of either format: the bytes say which. */
function describe(program: Program, table: number, entries: number): void {
  const offset = table - BASE + 16 * (program.u8() % Math.max(entries, 1));
  const shape = program.u8();
  view.setBigUint64(offset, BigInt(program.pick(ADDRESSES)), true);
  view.setUint32(offset + 8, program.pick(LENGTHS), true);
  // NEXT, WRITE, INDIRECT; NEXT alone as often as nothing.
  const flags = program.pick([0, 1, 2, 3, 1, 0, 4, 0xff]);
  const isSplit = (shape & 1) === 0;
  // Packed: the bits of one lap or the other, and an id.
  const lap = (shape & 2) === 0 ? 0x80 : 0x8000;
  view.setUint16(offset + 12, isSplit ? flags : below(program, entries), true);
  view.setUint16(offset + 14, isSplit ? below(program, entries) : flags | lap, true);
}

/** Split: one more head, or an index out of the blue. */
function makeAvailable(program: Program, size: number): void {
  const at = DRIVER - BASE;
  const idx = view.getUint16(at + 2, true);
  const head = below(program, size);
  view.setUint16(at + 4 + 2 * (idx % Math.max(size, 1)), head, true);
  view.setUint16(at + 2, head === 0xffff ? program.u16() : idx + 1, true);
}

function pop(queue: Virtqueue, held: Held[]): void {
  const chain = queue.pop();
  if (chain === undefined) return;
  held.push({ chain, readable: chain.readableLength, writable: chain.writableLength });
  assert(held.length <= queue.size, 'a device holds more chains than the queue has entries');
  assert(chain.readLeft === chain.readableLength && chain.writeLeft === chain.writableLength, 'a chain begins used');
}

function complete(program: Program, held: Held[]): void {
  const [entry] = held.splice(program.u8() % Math.max(held.length, 1), 1);
  if (entry === undefined) return;
  const { chain, readable, writable } = entry;
  assert(chain.readableLength === readable && chain.writableLength === writable, 'a chain changed its length');
  check(chain, table);
  const read = chain.read(buffer.subarray(0, program.u8()));
  chain.skipRead(program.u8());
  const written = chain.write(buffer.subarray(0, program.u8()));
  assert(read <= readable && written <= writable, 'a chain moved more bytes than it has');
  if (writable > 0) chain.writeAt(writable - 1, buffer.subarray(0, 1));
  // What the device wrote may have changed the ring; never the chain.
  check(chain, again);
  const used = 16 * table.count;
  const isSame = table.bytes.subarray(0, used).every((byte, index) => byte === again.bytes[index]);
  assert(isSame && table.count === again.count, 'a chain changed its places');
  chain.complete();
}

/** All of a chain, as far as the table goes, lies in RAM; and its lengths add up. */
function check(chain: DescriptorChain, into: IovecTable): void {
  into.clear();
  chain.readableIovecs(into, 0, chain.readableLength);
  chain.writableIovecs(into, 0, chain.writableLength);
  const words = new DataView(into.bytes.buffer);
  let sum = 0;
  for (let index = 0; index < into.count; index++) {
    const start = Number(words.getBigUint64(16 * index, true));
    const length = Number(words.getBigUint64(16 * index + 8, true));
    assert(start >= POINTER && start + length <= POINTER + RAM_BYTES, 'an iovec leaves guest RAM');
    sum += length;
  }
  assert(sum === into.byteLength, 'iovecs do not add up');
  if (into.count < into.capacity) assert(sum === chain.readableLength + chain.writableLength, 'iovecs are missing');
}
