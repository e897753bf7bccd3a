/**
 * Faults on purpose (`faults:` in the config): what goes wrong between front-end and back-end in the field, at moments that a
 * seed decides. Each kind has random numbers of its own, so that it comes at the same of its occasions whatever the others do.
 */
import { seededRandom } from '../base/seeded-random.ts';
import type { Fd } from '../host/fd.ts';
import { FRONT_END } from './message.ts';
import type { Incoming } from './message-socket.ts';
import { PeerFault } from './peer-fault.ts';
import type { Line, Tap } from './tap.ts';

/** 0 stands for never. */
export interface FaultPlan {
  readonly seed: number;
  /** Each answer counts so many ms later, at most. */
  readonly delayMs: number;
  /** Answers to SET_MEM_TABLE and ADD_MEM_REG count so many ms later. */
  readonly slowMappingMs: number;
  /** One in so many, on average. */
  readonly dropKicks: number;
  readonly corruptReplies: number;
  /** After how many messages of ours the connection is cut: the first that comes so far. */
  readonly cutAfter: number;
}

interface Actions {
  /** Ends the connection soon, after what is being sent. */
  cut(reason: string): void;
  /** A fault was made. */
  note(text: string): void;
}

const MAPPING: ReadonlySet<string> = new Set(['SET_MEM_TABLE', 'ADD_MEM_REG']);

export class Faults implements Tap {
  readonly #plan: FaultPlan;
  readonly #actions: Actions;
  readonly #next: Tap | undefined;
  readonly #delay: (bound: number) => number;
  readonly #kick: (bound: number) => number;
  readonly #corrupt: (bound: number) => number;
  #sentCount = 0;
  #hasCut = false;
  /** Why the connection ends before anything more is sent. */
  #cutting: string | undefined;

  /** `next`: who else listens; it gets answers as they have come, and notes of what becomes of them. */
  constructor(plan: FaultPlan, actions: Actions, next: Tap | undefined) {
    this.#plan = plan;
    this.#actions = actions;
    this.#next = next;
    [this.#delay, this.#kick, this.#corrupt] = [1, 2, 3].map((kind) => seededRandom(plan.seed * 4 + kind)) as [
      (bound: number) => number,
      (bound: number) => number,
      (bound: number) => number,
    ];
  }

  static isAny({ delayMs, slowMappingMs, dropKicks, corruptReplies, cutAfter }: FaultPlan): boolean {
    return delayMs + slowMappingMs + dropKicks + corruptReplies + cutAfter > 0;
  }

  /** A new connection. */
  connected(): void {
    this.#sentCount = 0;
    this.#cutting = undefined;
  }

  sent(line: Line, message: Uint8Array, fds: readonly Fd[]): void {
    if (this.#cutting !== undefined) throw new PeerFault(this.#cutting);
    this.#next?.sent(line, message, fds);
    if (line === 'channel' || this.#hasCut || ++this.#sentCount !== this.#plan.cutAfter) return;
    this.#hasCut = true;
    const name = FRONT_END.nameOf(new DataView(message.buffer, message.byteOffset).getUint32(0, true));
    this.#actions.note(`fault: the connection is cut after message ${this.#sentCount}, ${name}`);
    this.#cutting = `it was cut off on purpose, after message ${this.#sentCount}, ${name} (faults.cut-after)`;
    this.#actions.cut(this.#cutting);
  }

  received(line: Line, message: Incoming): Incoming {
    const heard = this.#next?.received(line, message) ?? message;
    const { corruptReplies } = this.#plan;
    if (line === 'channel' || corruptReplies === 0 || this.#corrupt(corruptReplies) > 0) return heard;
    if (heard.payload.length === 0) return heard;
    const payload = heard.payload.slice();
    const at = this.#corrupt(payload.length);
    payload[at] = payload[at]! ^ (1 + this.#corrupt(0xff));
    const name = FRONT_END.nameOf(heard.header.request);
    this.#actions.note(`fault: byte ${at} of the answer to ${name} is changed`);
    return { ...heard, payload };
  }

  delayMs({ header }: Incoming): number {
    const { delayMs, slowMappingMs } = this.#plan;
    const name = FRONT_END.nameOf(header.request);
    const mapping = MAPPING.has(name) ? slowMappingMs : 0;
    const ms = mapping + (delayMs > 0 ? this.#delay(delayMs + 1) : 0);
    if (ms > 0) this.#actions.note(`fault: the answer to ${name} is held back for ${ms} ms`);
    return ms;
  }

  /** Whether a kick of the driver's reaches the back-end. */
  passesKick(queue: number): boolean {
    const { dropKicks } = this.#plan;
    if (dropKicks === 0 || this.#kick(dropKicks) > 0) return true;
    this.#actions.note(`fault: a kick of queue ${queue} is dropped`);
    return false;
  }
}
