/**
 * Random programs over every ring format and feature, both sides working only when they are told to: the driver notifies
 * when the ring says so, the device looks when it was notified or has more to do, and the other way round for interrupts.
 * Whatever goes astray shows as wrong bytes, a wrong length, or a buffer that nobody comes back for.
 */
import { describe, expect, test } from 'vitest';
import { GiB, MiB } from '../../../src/base/units.ts';
import { Mapping } from '../../../src/host/mapping.ts';
import type { DescriptorChain } from '../../../src/virtio/chain.ts';
import { IovecTable } from '../../../src/virtio/chain.ts';
import type { RingFeatures } from '../../../src/virtio/ring.ts';
import type { DriverBuffer, Request } from '../../support/driver.ts';
import { GuestRam } from '../../support/guest-ram.ts';
import { queuePair } from '../../support/queue-pair.ts';
import { type Random, random } from '../../support/random.ts';

const STEPS = 400;
const PROGRAMS = 6;
const BOOLEANS = [false, true] as const;

const combinations: readonly RingFeatures[] = BOOLEANS.flatMap((packed) =>
  BOOLEANS.flatMap((indirect) =>
    BOOLEANS.flatMap((eventIdx) => BOOLEANS.map((inOrder) => ({ packed, indirect, eventIdx, inOrder }))),
  ),
);

function nameOf({ packed, ...others }: RingFeatures): string {
  const on = Object.entries(others).filter(([, value]) => value);
  return [packed ? 'packed' : 'split', ...on.map(([name]) => name)].join(', ');
}

describe('random programs', { timeout: 60_000 }, () => {
  test.each(combinations.map((features) => [nameOf(features), features] as const))('%s', (_, features) => {
    const dice = random();
    for (let program = 0; program < PROGRAMS; program++) {
      new Program(dice, features, new GuestRam({ size: 4 * MiB })).run();
    }
  });

  // Where neither 31 nor 32 bits hold an offset into memory.
  test.each([1, 3, 5])('everything at %d GiB of 6', (start) => {
    using mapping = Mapping.create(6 * GiB, { what: 'the RAM of a test' });
    const dice = random();
    for (const packed of BOOLEANS) {
      const ram = new GuestRam({ buffer: mapping.buffer });
      ram.release(start * GiB);
      new Program(dice, { packed, indirect: true, eventIdx: true, inOrder: false }, ram).run();
    }
  });
});

function randomBytes(dice: Random, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, () => dice.below(256));
}

class Program {
  readonly #dice: Random;
  readonly #features: RingFeatures;
  readonly #pair: ReturnType<typeof queuePair>;
  /** What the device has to find, oldest first. */
  readonly #available: { readonly bytes: Uint8Array; readonly buffer: DriverBuffer }[] = [];
  /** What it holds, and what it has written and said. */
  readonly #held: { readonly chain: DescriptorChain; readonly buffer: DriverBuffer }[] = [];
  readonly #results = new Map<DriverBuffer, { readonly bytes: Uint8Array; readonly length: number }>();
  #deviceHasToLook = false;
  #taken = 0;
  #added = 0;

  constructor(dice: Random, features: RingFeatures, ram: GuestRam) {
    this.#dice = dice;
    this.#features = features;
    const size = features.packed ? 1 + dice.below(40) : 2 ** dice.below(6);
    // Near the end of their range the indices wrap in this program.
    const start = features.packed
      ? dice.below(size) | (dice.below(2) << 15)
      : dice.pick([0, 0xffff, 0xffff - dice.below(40)]);
    this.#pair = queuePair({ size, features, start, ram });
    this.#pair.driver.ring.requestInterrupt(1);
  }

  run(): void {
    const moves = [
      () => this.#driverAdds(),
      () => this.#deviceTurns(),
      () => this.#deviceEnds(),
      () => this.#driverTakes(),
    ];
    for (let step = 0; step < STEPS; step++) this.#dice.pick(moves)();
    for (let round = 0; round < 3; round++) {
      while (this.#deviceHasToLook) this.#deviceTurns();
      while (this.#held.length > 0) this.#deviceEnds();
      this.#driverTakes();
    }
    const { driver, queue } = this.#pair;
    expect({ outstanding: driver.outstanding, taken: this.#taken }, this.#where).toEqual({
      outstanding: 0,
      taken: this.#added,
    });
    expect(queue.held).toBe(0);
    expect(queue.counters.read().chains).toBe(this.#added);
  }

  get #where(): string {
    return `seed ${this.#dice.seed}, ${nameOf(this.#features)}, ${this.#pair.queue.size} entries`;
  }

  #driverAdds(): void {
    const { driver } = this.#pair;
    for (let count = this.#dice.below(6); count > 0; count--) {
      const request = this.#request();
      if (!driver.hasRoom(request)) break;
      const readable = request.readable ?? [];
      const buffer = driver.add(request);
      this.#available.push({ bytes: Uint8Array.from(readable.flatMap((bytes) => [...bytes])), buffer });
      this.#added++;
    }
    if (driver.kick()) this.#deviceHasToLook = true;
  }

  #request(): Request {
    const dice = this.#dice;
    const size = () => dice.pick([0, 1, dice.below(20), dice.below(300)]);
    const readable = Array.from({ length: dice.below(4) }, () => randomBytes(dice, size()));
    const writable = Array.from({ length: dice.below(4) + (readable.length === 0 ? 1 : 0) }, size);
    return this.#features.indirect && dice.below(2) === 0
      ? { readable, writable, direct: dice.below(readable.length + writable.length + 1) }
      : { readable, writable };
  }

  #deviceTurns(): void {
    const { queue } = this.#pair;
    if (!this.#deviceHasToLook) return;
    queue.beginTurn(1 + this.#dice.below(8));
    let limit = this.#dice.below(12);
    while (limit-- > 0) {
      const chain = queue.pop();
      if (chain === undefined) break;
      this.#take(chain);
    }
    // One that stopped by itself, or was stopped, comes back; one that found nothing sleeps until it is told.
    if (queue.isStarved) this.#deviceHasToLook = queue.arm();
  }

  #take(chain: DescriptorChain): void {
    const { bytes, buffer } = this.#available.shift()!;
    const found = new Uint8Array(chain.readableLength);
    let at = 0;
    while (chain.readLeft > 0) {
      const piece = new Uint8Array(1 + this.#dice.below(100));
      const count = chain.read(piece);
      found.set(piece.subarray(0, count), at);
      at += count;
    }
    this.#same(found, bytes);
    expect(chain.writableLength, this.#where).toBe(buffer.writable().length);
    this.#held.push({ chain, buffer });
  }

  /** The device ends one of its chains, whichever: written by pieces, through iovecs, or only in part. */
  #deviceEnds(): void {
    const dice = this.#dice;
    const [held] = this.#held.splice(dice.below(this.#held.length), 1);
    if (held === undefined) return;
    const { chain, buffer } = held;
    const length = dice.pick([0, chain.writableLength, dice.below(chain.writableLength + 1)]);
    const bytes = randomBytes(dice, length);
    if (dice.below(2) === 0) {
      for (let at = 0; at < length; ) at += chain.write(bytes.subarray(at, at + 1 + dice.below(64)));
      this.#results.set(buffer, { bytes, length });
      chain.complete();
    } else {
      this.#writeThroughIovecs(chain, bytes);
      this.#results.set(buffer, { bytes, length });
      chain.complete(length);
    }
    if (dice.below(3) > 0 || this.#held.length === 0) this.#pair.queue.signal();
  }

  /** The RAM of these tests "lies" at pointer 0, so that an iovec's base is an offset into it. */
  #writeThroughIovecs(chain: DescriptorChain, bytes: Uint8Array): void {
    const table = new IovecTable(1 + this.#dice.below(4));
    for (let at = 0; at < bytes.length; at += table.byteLength) {
      table.clear();
      chain.writableIovecs(table, at, bytes.length - at);
      const view = new DataView(table.bytes.buffer);
      let done = at;
      for (let entry = 0; entry < table.count; entry++) {
        const base = Number(view.getBigUint64(16 * entry, true));
        const size = Number(view.getBigUint64(16 * entry + 8, true));
        this.#pair.ram.bytes.set(bytes.subarray(done, done + size), base);
        done += size;
      }
    }
  }

  /** The driver comes only when it was interrupted, and asks for the next interrupt when it found no more. */
  #driverTakes(): void {
    const { driver, log, ram } = this.#pair;
    if (log.interrupts === 0) return;
    log.interrupts = 0;
    driver.ring.suppressInterrupts();
    do {
      for (let buffer = driver.take(); buffer; buffer = driver.take()) {
        const { bytes, length } = this.#results.get(buffer)!;
        expect(buffer.usedLength, this.#where).toBe(length);
        this.#same(buffer.written(), bytes);
        this.#taken++;
      }
    } while (driver.ring.requestInterrupt(1));
    if (driver.outstanding === 0) ram.release(this.#mark);
  }

  /** Much faster than toEqual, which says where they differ. */
  #same(found: Uint8Array, wanted: Uint8Array): void {
    if (Buffer.compare(found, wanted) !== 0) expect(found, this.#where).toEqual(wanted);
  }

  get #mark(): number {
    const { desc, driver, device, size } = this.#pair.driver.places;
    return Math.max(desc, driver, device) + 16 * size + 16 - this.#pair.ram.base;
  }
}
