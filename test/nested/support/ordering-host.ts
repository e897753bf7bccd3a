/**
 * The host's half of guests/bare-metal/ordering.c, whose header documents the mailbox and the tests: boots the config, and
 * plays the partner on a thread of its own while the guest runs. Indices go through src/virtio/ring-access.ts, whose rings
 * are laid over the mailbox so that its words are the shared words. `node ordering-host.mjs CONFIG ROUNDS SECONDS` prints a
 * JSON line a test: it stops at that many rounds or seconds, whichever comes first.
 */
import { writeSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { parseConfigFile } from '../../../src/cli/load-config.ts';
import { viewOf } from '../../../src/host/libc.ts';
import { HeadStart } from '../../../src/machine/head-start.ts';
import type { ConsolePort } from '../../../src/machine/lifecycle.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { GuestMemory } from '../../../src/memory/guest-memory.ts';
import { RingAccess } from '../../../src/virtio/ring-access.ts';

/** All that the payload uses, from the start of RAM. */
const RAM_BASE = 0x4000_0000;
const RAM_BYTES = 0x20_0000;
const MAILBOX = 0x4009_0000;
const MAILBOX_BYTES = 4096;
const LINE_BYTES = 64;
const U16 = 2;
const U64 = 8;
/** Rounds of a command: as many as 16 bits hold, since the sides meet only while both are at it. */
const COMMAND_ROUNDS = 65_535;

const Line = {
  COMMAND: 0,
  TEST: 1,
  BARRIERS: 2,
  ROUNDS: 3,
  DONE: 4,
  VIOLATIONS: 5,
  SEEN: 6,
  STARTED: 7,
  SAW: 8,
} as const;
const Shared = { DATA: 16, X: 18, Y: 20 } as const;
const READY = 2n ** 64n - 1n;

/** What the payload's `test` says; store buffering comes with both pairs of words that a virtqueue has for it. */
const TESTS = {
  'guest writes': 1,
  'host writes': 2,
  'store buffering on used.idx and used_event': 3,
  'store buffering on avail_event and avail.idx': 3,
} as const;
export type TestName = keyof typeof TESTS;

export interface Outcome {
  readonly test: TestName;
  /** Through ring-access.ts and with the guest's barriers, or plain on both sides. */
  readonly access: 'ordered' | 'plain';
  /** Those in which the sides met: the other's word was a new one. */
  readonly rounds: number;
  readonly violations: number;
  readonly seconds: number;
}

type Tally = Pick<Outcome, 'rounds' | 'violations'>;

/** What the worker gets: where guest RAM lies in our process, and when to stop. */
interface Task {
  readonly pointer: bigint;
  readonly rounds: number;
  readonly seconds: number;
}

async function bootGuest(): Promise<void> {
  const [file = '', rounds, seconds] = process.argv.slice(2);
  const port: ConsolePort = { write() {}, resume() {}, isFull: false, async room() {} };
  const observer = { stateChanged() {}, rebooted() {}, guestEvent() {}, warning() {} };
  const config = await parseConfigFile(file, []);
  using start = new HeadStart(config);
  using machine = await Machine.create(config, start, port, observer);
  const pointer = machine.memory.pointer(RAM_BASE, RAM_BYTES);
  const task: Task = { pointer, rounds: Number(rounds), seconds: Number(seconds) };
  // The file itself is the worker's too: its export is a type.
  const worker = new Worker(import.meta.filename, { workerData: task });
  worker.on('error', (error) => {
    throw error;
  });
  // While the guest spins there is little left for a thread to start with.
  await new Promise((resolve) => worker.once('message', resolve));
  worker.on('message', (outcome: Outcome) => writeSync(1, `${JSON.stringify(outcome)}\n`));
  const ending = await machine.run();
  if (ending.kind !== 'shutdown') throw new Error(`the guest ended by ${ending.kind}`);
  await worker.terminate();
}

function play({ pointer, rounds, seconds }: Task): void {
  const range = { base: RAM_BASE, size: RAM_BYTES };
  const partner = new Partner(new GuestMemory([{ range, buffer: viewOf(pointer, RAM_BYTES), pointer }]));
  parentPort?.postMessage('ready');
  partner.waitForGuest();
  for (const access of ['ordered', 'plain'] as const) {
    for (const test of Object.keys(TESTS) as TestName[]) {
      parentPort?.postMessage(partner.run(test, access, { rounds, seconds }));
    }
  }
  partner.end();
}

class Partner {
  readonly #memory: GuestMemory;
  readonly #parameters: BigUint64Array;
  readonly #words: Uint16Array;
  readonly #saw = new Uint16Array(COMMAND_ROUNDS + 1);
  #command = 0n;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    const { buffer, byteOffset } = memory.bytes(MAILBOX, MAILBOX_BYTES);
    this.#parameters = new BigUint64Array(buffer, byteOffset, MAILBOX_BYTES / U64);
    this.#words = new Uint16Array(buffer, byteOffset, MAILBOX_BYTES / U16);
  }

  waitForGuest(): void {
    while (this.#parameter(Line.STARTED) !== READY);
  }

  /** Runs commands of one test until enough rounds, or seconds, are over. */
  run(test: TestName, access: Outcome['access'], limit: { rounds: number; seconds: number }): Outcome {
    const startedAt = performance.now();
    const passed = () => (performance.now() - startedAt) / 1000;
    const play = this.#half(test, access);
    let rounds = 0;
    let violations = 0;
    while (rounds < limit.rounds && passed() < limit.seconds) {
      for (const line of Object.values(Shared)) this.#words[(line * LINE_BYTES) / U16] = 0;
      this.#send(TESTS[test], access === 'ordered');
      const tally = play();
      rounds += tally.rounds;
      violations += tally.violations;
    }
    return { test, access, rounds, violations, seconds: Math.round(passed() * 10) / 10 };
  }

  end(): void {
    this.#send(0, false);
  }

  /** What carries out our half of a command and waits for the guest's. */
  #half(test: TestName, access: Outcome['access']): () => Tally {
    const words = this.#words;
    const saw = this.#saw;
    const byUsedIdx = rings(this.#memory, { usedIdx: Shared.Y, usedEvent: Shared.X });
    const byAvailEvent = rings(this.#memory, { availEvent: Shared.Y, availIdx: Shared.X });
    const isPlain = access === 'plain';
    switch (test) {
      case 'guest writes':
        return () => this.#finish(isPlain ? readPlain(words) : readMessages(byAvailEvent, words));
      case 'host writes':
        return () => {
          if (isPlain) writePlain(words);
          else writeMessages(byUsedIdx, words);
          return this.#finish(NONE);
        };
      case 'store buffering on used.idx and used_event':
        return () => this.#compare(isPlain ? bufferPlain(words, saw) : askForInterrupts(byUsedIdx, saw));
      case 'store buffering on avail_event and avail.idx':
        return () => this.#compare(isPlain ? bufferPlain(words, saw) : askForNotifications(byAvailEvent, saw));
    }
  }

  /** Waits for the guest; what it counted and we did. */
  #finish(ours: Tally): Tally {
    while (this.#parameter(Line.DONE) !== this.#command);
    return {
      rounds: ours.rounds + Number(this.#parameter(Line.SEEN)),
      violations: ours.violations + Number(this.#parameter(Line.VIOLATIONS)),
    };
  }

  #compare(lastRound: number): Tally {
    this.#finish(NONE);
    return tallyOf(this.#saw.subarray(0, lastRound + 1), this.#guestSaw());
  }

  #send(test: number, barriers: boolean): void {
    this.#parameters[at(Line.TEST)] = BigInt(test);
    this.#parameters[at(Line.BARRIERS)] = barriers ? 1n : 0n;
    this.#parameters[at(Line.ROUNDS)] = BigInt(COMMAND_ROUNDS);
    Atomics.store(this.#parameters, at(Line.COMMAND), ++this.#command);
    if (test !== 0) while (this.#parameter(Line.STARTED) !== this.#command);
  }

  #guestSaw(): Uint16Array {
    const { buffer, byteOffset } = this.#memory.bytes(Number(this.#parameter(Line.SAW)), this.#saw.byteLength);
    return new Uint16Array(buffer, byteOffset, this.#saw.length);
  }

  #parameter(line: number): bigint {
    return Atomics.load(this.#parameters, at(line));
  }
}

const NONE: Tally = { rounds: 0, violations: 0 };
const DATA = (Shared.DATA * LINE_BYTES) / U16;
const X = (Shared.X * LINE_BYTES) / U16;
const Y = (Shared.Y * LINE_BYTES) / U16;

/** As a device that takes buffers: avail.idx, then what it announces. */
function readMessages(ring: RingAccess, words: Uint16Array): Tally {
  let rounds = 0;
  let violations = 0;
  for (let last = 0; last < COMMAND_ROUNDS; ) {
    const flag = ring.loadAvailIdx();
    if (words[DATA]! < flag) violations++;
    if (flag !== last) rounds++;
    last = flag;
  }
  return { rounds, violations };
}

function readPlain(words: Uint16Array): Tally {
  let rounds = 0;
  let violations = 0;
  for (let last = 0; last < COMMAND_ROUNDS; ) {
    const flag = words[X]!;
    if (words[DATA]! < flag) violations++;
    if (flag !== last) rounds++;
    last = flag;
    // Only to keep the compiler from looking once for ever; it stands between rounds, not in them.
    Atomics.load(words, 0);
  }
  return { rounds, violations };
}

/** As a device that returns buffers: the used entry, then used.idx. */
function writeMessages(ring: RingAccess, words: Uint16Array): void {
  for (let round = 1; round <= COMMAND_ROUNDS; round++) {
    words[DATA] = round;
    ring.storeUsedIdx(round);
  }
}

function writePlain(words: Uint16Array): void {
  for (let round = 1; round <= COMMAND_ROUNDS; round++) {
    words[DATA] = round;
    words[Y] = round;
  }
}

/**
 * As a device that returns buffers and asks whether it has to interrupt. This and the next two give their last round: from
 * the guest's last one on there is nobody to meet.
 */
function askForInterrupts(ring: RingAccess, saw: Uint16Array): number {
  let round = 0;
  do {
    ring.storeUsedIdx(++round);
    saw[round] = ring.loadUsedEvent();
  } while (saw[round]! < COMMAND_ROUNDS && round < COMMAND_ROUNDS);
  return round;
}

/** As a device that asks for notifications and looks once more before it sleeps. */
function askForNotifications(ring: RingAccess, saw: Uint16Array): number {
  let round = 0;
  do {
    ring.storeAvailEvent(++round);
    saw[round] = ring.loadAvailIdx();
  } while (saw[round]! < COMMAND_ROUNDS && round < COMMAND_ROUNDS);
  return round;
}

function bufferPlain(words: Uint16Array, saw: Uint16Array): number {
  let round = 0;
  do {
    words[Y] = ++round;
    saw[round] = words[X]!;
  } while (saw[round]! < COMMAND_ROUNDS && round < COMMAND_ROUNDS);
  return round;
}

/**
 * What both noted in store buffering. What one notes never gets smaller, so for the host's round i the guest's first round
 * after the one that the host saw is the one to look at: if even that guest had not seen i, both read before both stored.
 */
function tallyOf(hostSaw: Uint16Array, guestSaw: Uint16Array): Tally {
  let rounds = 0;
  let violations = 0;
  for (let round = 1; round < hostSaw.length; round++) {
    const next = hostSaw[round]! + 1;
    if (next <= COMMAND_ROUNDS && guestSaw[next]! < round) violations++;
    if (hostSaw[round] !== hostSaw[round - 1]) rounds++;
  }
  return { rounds, violations };
}

/** Rings without entries, whose words are those of two lines: one that the driver writes, one that the device writes. */
function rings(
  memory: GuestMemory,
  lines: { usedIdx: number; usedEvent: number } | { availEvent: number; availIdx: number },
): RingAccess {
  const address = (line: number) => MAILBOX + line * LINE_BYTES;
  // flags, idx, event: the event field of an empty ring comes right after idx.
  const places =
    'usedIdx' in lines
      ? { used: address(lines.usedIdx) - U16, avail: address(lines.usedEvent) - 2 * U16 }
      : { used: address(lines.availEvent) - 2 * U16, avail: address(lines.availIdx) - U16 };
  return new RingAccess(memory, { size: 0, ...places });
}

function at(line: number): number {
  return (line * LINE_BYTES) / U64;
}

// At the end, since classes exist only from where they stand.
if (isMainThread) await bootGuest();
else play(workerData as Task);
