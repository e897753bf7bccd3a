/**
 * The host's half of guests/bare-metal/ordering.c, whose header documents the mailbox: boots the config, and plays the
 * partner on a thread of its own while the guest runs. Indices go through src/virtio/ring-access.ts, whose rings are laid
 * over the mailbox so that its words are the litmus tests' words. `node ordering-host.mjs CONFIG ROUNDS SECONDS` prints a
 * JSON line a test: it stops at that many rounds or seconds, whichever comes first.
 */
import { writeSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { parseConfigFile } from '../../../src/cli/load-config.ts';
import { viewOf } from '../../../src/host/libc.ts';
import { type ConsolePort, Machine } from '../../../src/machine/machine.ts';
import { GuestMemory } from '../../../src/memory/guest-memory.ts';
import { RingAccess } from '../../../src/virtio/ring-access.ts';

const MAILBOX = 0x4009_0000;
const MAILBOX_BYTES = 4096;
const LINE_BYTES = 64;
const U16 = 2;
/**
 * Rounds of a command: where both sides cannot run at once a round takes many milliseconds, where they can a microsecond,
 * so their number grows while a command stays short. Ring indices have 16 bits.
 */
const COMMAND_ROUNDS_MIN = 50;
const COMMAND_ROUNDS_MAX = 60_000;
const COMMAND_MS = 200;
/** Looks at memory, from none to more than the way between two CPUs takes. */
const WAITS = 64;

const Line = {
  COMMAND: 0,
  TEST: 1,
  BARRIERS: 2,
  ROUNDS: 3,
  DONE: 4,
  VIOLATIONS: 5,
  READY: 6,
  DATA: 8,
  FLAG: 9,
  ACK: 10,
  HOST_TURN: 12,
  GUEST_TURN: 13,
  X: 14,
  Y: 15,
  HOST_SAW: 18,
  END: 20,
} as const;

/** What the payload's `test` says. */
const TESTS = { 'guest writes': 1, 'host writes': 2, 'store buffering': 3 } as const;
export type TestName = keyof typeof TESTS;

export interface Outcome {
  readonly test: TestName;
  /** Through ring-access.ts and with the guest's barriers, or plain on both sides. */
  readonly access: 'ordered' | 'plain';
  readonly rounds: number;
  readonly violations: number;
}

/** What the worker gets: where the mailbox lies in our process, and when to stop. */
interface Task {
  readonly pointer: bigint;
  readonly rounds: number;
  readonly seconds: number;
}

async function bootGuest(): Promise<void> {
  const [file = '', rounds, seconds] = process.argv.slice(2);
  const port: ConsolePort = { write() {}, resume() {}, isFull: false, async room() {} };
  const observer = { stateChanged() {}, rebooted() {}, guestEvent() {}, warning() {} };
  using machine = await Machine.create(await parseConfigFile(file, []), port, observer);
  const pointer = machine.memory.pointer(MAILBOX, MAILBOX_BYTES);
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
  const partner = new Partner(new GuestMemory([region(pointer)]));
  parentPort?.postMessage('ready');
  partner.waitForGuest();
  for (const access of ['ordered', 'plain'] as const) {
    for (const test of Object.keys(TESTS) as TestName[])
      parentPort?.postMessage(partner.run(test, access, { rounds, seconds }));
  }
  partner.end();
}

function region(pointer: bigint) {
  return { range: { base: MAILBOX, size: MAILBOX_BYTES }, buffer: viewOf(pointer, MAILBOX_BYTES), pointer };
}

class Partner {
  /** The low 16 bits of each line's word; the rest stays zero. */
  readonly #words: Uint16Array;
  readonly #messages: Channel;
  readonly #answers: Channel;
  /** Store buffering on used.idx and used_event, the pair that interrupts rest on. */
  readonly #buffered: RingAccess;
  #command = 0;

  constructor(memory: GuestMemory) {
    const { buffer } = memory.bytes(MAILBOX, MAILBOX_BYTES);
    this.#words = new Uint16Array(buffer);
    this.#messages = new Channel(memory, Line.FLAG);
    this.#answers = new Channel(memory, Line.ACK);
    this.#buffered = rings(memory, { used: Line.Y, usedEvent: Line.X });
  }

  waitForGuest(): void {
    while (this.#load(Line.READY) !== 1);
  }

  /** Runs commands of one test until enough rounds, or seconds, are over. */
  run(test: TestName, access: Outcome['access'], limit: { rounds: number; seconds: number }): Outcome {
    const deadline = performance.now() + limit.seconds * 1000;
    let rounds = COMMAND_ROUNDS_MIN;
    let done = 0;
    let violations = 0;
    while (done < limit.rounds && (done === 0 || performance.now() < deadline)) {
      const startedAt = performance.now();
      violations += this.#runCommand(test, access, rounds);
      done += rounds;
      if (performance.now() - startedAt < COMMAND_MS) rounds = Math.min(2 * rounds, COMMAND_ROUNDS_MAX);
    }
    return { test, access, rounds: done, violations };
  }

  end(): void {
    this.#send(0, 0, 0);
  }

  #runCommand(test: TestName, access: Outcome['access'], rounds: number): number {
    for (let line: number = Line.DATA; line < Line.END; line++) this.#words[at(line)] = 0;
    this.#send(TESTS[test], access === 'ordered' ? 1 : 0, rounds);
    const seen = this.#halves[test][access](rounds);
    while (this.#load(Line.DONE) !== this.#command);
    return seen + this.#load(Line.VIOLATIONS);
  }

  readonly #halves: Record<TestName, Record<Outcome['access'], (rounds: number) => number>> = {
    'guest writes': { ordered: (rounds) => this.#readMessages(rounds), plain: (rounds) => this.#readPlain(rounds) },
    'host writes': { ordered: (rounds) => this.#writeMessages(rounds), plain: (rounds) => this.#writePlain(rounds) },
    'store buffering': {
      ordered: (rounds) => this.#bufferStores(rounds),
      plain: (rounds) => this.#bufferPlain(rounds),
    },
  };

  /** As a device that takes buffers: avail.idx, then what it published. */
  #readMessages(rounds: number): number {
    let violations = 0;
    for (let round = 1; round <= rounds; round++) {
      while (this.#messages.load() !== round);
      if (this.#words[at(Line.DATA)]! !== round) violations++;
      this.#answers.store(round);
    }
    return violations;
  }

  #readPlain(rounds: number): number {
    const words = this.#words;
    let violations = 0;
    for (let round = 1; round <= rounds; round++) {
      // The Atomics before the plain look only keeps the compiler from looking once for ever.
      do Atomics.load(words, at(Line.READY));
      while (words[at(Line.FLAG)] !== round);
      if (words[at(Line.DATA)]! !== round) violations++;
      this.#answers.store(round);
    }
    return violations;
  }

  /** As a device that returns buffers: the used entry, then used.idx. */
  #writeMessages(rounds: number): number {
    for (let round = 1; round <= rounds; round++) {
      this.#words[at(Line.DATA)] = round;
      this.#messages.store(round);
      while (this.#answers.load() !== round);
    }
    return 0;
  }

  #writePlain(rounds: number): number {
    for (let round = 1; round <= rounds; round++) {
      this.#words[at(Line.DATA)] = round;
      this.#words[at(Line.FLAG)] = round;
      while (this.#answers.load() !== round);
    }
    return 0;
  }

  #bufferStores(rounds: number): number {
    for (let round = 1; round <= rounds; round++) {
      this.#takeTurn(round);
      this.#buffered.storeUsedIdx(round);
      this.#words[at(Line.HOST_SAW + (round % 2))] = this.#buffered.loadUsedEvent();
    }
    this.#takeTurn(rounds + 1);
    return 0;
  }

  #bufferPlain(rounds: number): number {
    for (let round = 1; round <= rounds; round++) {
      this.#takeTurn(round);
      this.#words[at(Line.Y)] = round;
      this.#words[at(Line.HOST_SAW + (round % 2))] = this.#words[at(Line.X)]!;
    }
    this.#takeTurn(rounds + 1);
    return 0;
  }

  /** The guest sees our turn later than we do, and its stores must meet ours within nanoseconds: so we wait, each time longer. */
  #takeTurn(round: number): void {
    Atomics.store(this.#words, at(Line.HOST_TURN), round);
    while (this.#load(Line.GUEST_TURN) < round);
    for (let wait = round % WAITS; wait > 0; wait--) this.#load(Line.READY);
  }

  #send(test: number, barriers: number, rounds: number): void {
    this.#words[at(Line.TEST)] = test;
    this.#words[at(Line.BARRIERS)] = barriers;
    this.#words[at(Line.ROUNDS)] = rounds;
    Atomics.store(this.#words, at(Line.COMMAND), ++this.#command);
  }

  #load(line: number): number {
    return Atomics.load(this.#words, at(line));
  }
}

/** One line as the index of a ring: read as avail.idx, written as used.idx. */
class Channel {
  readonly #rings: RingAccess;

  constructor(memory: GuestMemory, line: number) {
    const idx = MAILBOX + line * LINE_BYTES - U16;
    this.#rings = new RingAccess(memory, { size: 0, avail: idx, used: idx });
  }

  load(): number {
    return this.#rings.loadAvailIdx();
  }

  store(value: number): void {
    this.#rings.storeUsedIdx(value);
  }
}

/** Rings whose used.idx and used_event are the words of two lines. */
function rings(memory: GuestMemory, lines: { used: number; usedEvent: number }): RingAccess {
  const size = 4;
  return new RingAccess(memory, {
    size,
    used: MAILBOX + lines.used * LINE_BYTES - U16,
    avail: MAILBOX + lines.usedEvent * LINE_BYTES - 2 * U16 - size * U16,
  });
}

function at(line: number): number {
  return (line * LINE_BYTES) / U16;
}

// At the end, since classes exist only from where they stand.
if (isMainThread) await bootGuest();
else play(workerData as Task);
