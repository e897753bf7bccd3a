/**
 * Plays the front-end of a recording towards a back-end, without a guest: memory of the same sizes, rings at the same places
 * and empty. What the back-end answers is compared.
 */
import { writeSync } from 'node:fs';
import { vring_used } from '../abi/virtio.ts';
import { HostError } from '../base/errors.ts';
import type { Fd } from '../host/fd.ts';
import { BACK_END, FRONT_END } from '../vhost-user/message.ts';
import type { Incoming } from '../vhost-user/message-socket.ts';
import type { MemoryRegion } from '../vhost-user/payload.ts';
import { bytesOf, type MessageLine, type Recording } from '../vhost-user/record.ts';
import { FRONT_END_REQUESTS } from '../vhost-user/requests.ts';
import { Peer } from './peer.ts';
import { connectionsOf, makeFds, type ReplayResult, whatIs } from './replay.ts';
import type { Target } from './target.ts';

/** Where a ring stands depends on the driver, of which there is none here. */
const DIFFERS_WITHOUT_DRIVER = new Set(['GET_VRING_BASE']);
/** While an answer is waited for, the back-end's own channel is looked at so often. */
const CHANNEL_MS = 10;
/** The indices of a split ring have 16 bits; more is a packed one's. */
const SPLIT_BASE_MAX = 0xffff;

export function replayFrontEnd(recording: Recording, target: Target, timeoutMs: number): ReplayResult {
  const divergences: string[] = [];
  let messages = 0;
  for (const lines of connectionsOf(recording)) {
    using connection = new Connection(target, lines, timeoutMs);
    try {
      messages += connection.play(divergences);
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      divergences.push(`${connection.place}: ${error.message}`);
    }
    if (connection.isCut) break;
  }
  return { messages, divergences };
}

class Connection implements Disposable {
  /** In messages: what is being replayed. */
  place = 'the connection';
  /** What follows makes no sense any more. */
  isCut = false;
  readonly #lines: readonly MessageLine[];
  readonly #timeoutMs: number;
  readonly #resources = new DisposableStack();
  readonly #peer: Peer;
  #channel: Peer | undefined;
  #regions: { readonly region: MemoryRegion; readonly fd: Fd }[] = [];

  constructor(target: Target, lines: readonly MessageLine[], timeoutMs: number) {
    this.#lines = lines;
    this.#timeoutMs = timeoutMs;
    this.#peer = this.#resources.use(new Peer(target.connect(), timeoutMs));
  }

  play(divergences: string[]): number {
    let count = 0;
    // Wherever it ends early, it ends here.
    this.isCut = true;
    for (const [index, line] of this.#lines.entries()) {
      if (line.line === 'channel') continue;
      this.place = `${whatIs(line)} at ${line.ms} ms`;
      if (line.from === 'front-end') {
        this.#send(line, index);
        count++;
        continue;
      }
      const message = this.#receive();
      if (message === undefined) {
        divergences.push(`${this.place} does not come within ${this.#timeoutMs / 1000} s`);
        return count;
      }
      for (const fd of message.fds) fd[Symbol.dispose]();
      count++;
      const difference = differenceOf(line, message);
      if (difference === undefined) continue;
      divergences.push(`${this.place}: ${difference.text}`);
      if (difference.isFatal) return count;
    }
    this.isCut = false;
    return count;
  }

  #send(line: MessageLine, index: number): void {
    const bytes = bytesOf(line);
    const { fds, socket } = makeFds(line.fds ?? [], this.#resources);
    if (line.name === 'SET_BACKEND_REQ_FD' && socket) this.#channel = new Peer(socket, this.#timeoutMs);
    this.#rememberMemory(line, fds);
    if (line.name === 'SET_VRING_ADDR') this.#beginRing(line, index);
    this.#peer.sendRaw(bytes, fds);
  }

  #rememberMemory({ name, hex }: MessageLine, fds: readonly Fd[]): void {
    const entry = (region: MemoryRegion, index: number) => ({ region, fd: fds[index]! });
    if (name === 'SET_MEM_TABLE') {
      this.#regions = FRONT_END_REQUESTS.SET_MEM_TABLE.request.payload.decode(payloadOf(hex)).map(entry);
    } else if (name === 'ADD_MEM_REG') {
      this.#regions.push(entry(FRONT_END_REQUESTS.ADD_MEM_REG.request.payload.decode(payloadOf(hex)), 0));
    }
  }

  /** A ring that went on somewhere has its indices there, and nothing to do. */
  #beginRing({ hex }: MessageLine, at: number): void {
    const address = FRONT_END_REQUESTS.SET_VRING_ADDR.request.payload.decode(payloadOf(hex));
    const base = this.#lines
      .slice(at)
      .filter(({ name, reply }) => name === 'SET_VRING_BASE' && !reply)
      .map((line) => FRONT_END_REQUESTS.SET_VRING_BASE.request.payload.decode(payloadOf(line.hex)))
      .find(({ index }) => index === address.index);
    if (base === undefined || base.num > SPLIT_BASE_MAX) return;
    for (const ring of [address.avail_user_addr, address.used_user_addr]) this.#writeIndex(ring, base.num);
  }

  #writeIndex(ring: bigint, value: number): void {
    const found = this.#regions.find(({ region: { user_address, size } }) => {
      return ring >= user_address && ring < user_address + size;
    });
    if (found === undefined) return;
    const { user_address, mmap_offset } = found.region;
    const place = ring - user_address + mmap_offset + BigInt(vring_used.fields.idx.offset);
    writeSync(found.fd.number, new Uint8Array(Uint16Array.of(value).buffer), 0, 2, Number(place));
  }

  #receive(): Incoming | undefined {
    const deadline = performance.now() + this.#timeoutMs;
    for (;;) {
      const message = this.#peer.receive(CHANNEL_MS);
      if (message || performance.now() > deadline) return message;
      this.#answerChannel();
    }
  }

  /** What a back-end asks may come at other moments than it did. It gets the answers that a front-end of ours gives. */
  #answerChannel(): void {
    for (let asked = this.#channel?.receive(0); asked; asked = this.#channel?.receive(0)) {
      for (const fd of asked.fds) fd[Symbol.dispose]();
      const isConfig = BACK_END.nameOf(asked.header.request) === 'CONFIG_CHANGE_MSG';
      if (asked.header.needsReply) this.#channel!.sendRaw(BACK_END.encodeAck(asked.header.request, isConfig ? 0n : 1n));
    }
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

function differenceOf(line: MessageLine, { header, payload, fds }: Incoming) {
  const recorded = bytesOf(line);
  const request = new DataView(recorded.buffer).getUint32(0, true);
  if (header.request !== request || header.isReply !== (line.reply === true)) {
    const came = whatIs({ name: FRONT_END.nameOf(header.request), ...(header.isReply && { reply: true }) });
    return { text: `${came} comes in its place`, isFatal: true };
  }
  const fdCount = line.fds?.length ?? 0;
  if (fds.length !== fdCount) {
    return { text: `it brings ${fds.length} descriptors, and brought ${fdCount}`, isFatal: false };
  }
  const [then, now] = [Buffer.from(payloadOf(line.hex)).toString('hex'), Buffer.from(payload).toString('hex')];
  if (then === now || DIFFERS_WITHOUT_DRIVER.has(line.name)) return undefined;
  return { text: `it says ${now}, and said ${then}`, isFatal: false };
}

const HEADER_DIGITS = 24;

function payloadOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.slice(HEADER_DIGITS), 'hex'));
}
