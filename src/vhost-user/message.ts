/**
 * vhost-user messages as bytes and back, for both ends: the header, and behind it what requests.ts says. Nothing here knows
 * a socket: connection.ts moves the bytes and the file descriptors.
 */
import { bit } from '../base/bits.ts';
import { pack, struct, u32, unpack } from '../base/layout.ts';
import { NOTHING, PAYLOAD_BYTES_MAX, U64 } from './payload.ts';
import { PeerFault } from './peer-fault.ts';
import {
  BACK_END_REQUESTS,
  type Body,
  FRONT_END_REQUESTS,
  type Kinds,
  type Part,
  part,
  type Reply,
  type Request,
} from './requests.ts';

/** "Header". */
const header = struct(12, { request: u32(0), flags: u32(4), size: u32(8) });
export const HEADER_BYTES = header.size;
const VERSION_MASK = 0x3;
const VERSION = 1;
const REPLY = bit(2);
const NEED_REPLY = bit(3);

export interface Header {
  readonly request: number;
  readonly isReply: boolean;
  /** The sender of the request wants an answer ("REPLY_ACK"). */
  readonly needsReply: boolean;
  /** Bytes of the payload. */
  readonly size: number;
}

/** A PeerFault where it is none, before a byte of what it promises is read. */
export function decodeHeader(bytes: Uint8Array): Header {
  const { request, flags, size } = unpack(header, bytes);
  const isReply = (flags & REPLY) !== 0;
  const needsReply = (flags & NEED_REPLY) !== 0;
  if ((flags & VERSION_MASK) !== VERSION || (flags & ~(VERSION_MASK | REPLY | NEED_REPLY)) !== 0) {
    throw new PeerFault(
      `a message begins with the flags 0x${flags.toString(16)}, which version ${VERSION} does not have`,
    );
  }
  if (size > PAYLOAD_BYTES_MAX)
    throw new PeerFault(`a message of ${size} bytes, where ${PAYLOAD_BYTES_MAX} are the most`);
  return { request, isReply, needsReply, size };
}

export function encodeHeader({ request, isReply, needsReply, size }: Header): Uint8Array {
  const flags = VERSION | (isReply ? REPLY : 0) | (needsReply ? NEED_REPLY : 0);
  return pack(header, { request, flags, size });
}

/** The requests of one direction: encoded by who makes them, decoded by who answers. */
export class Protocol<Table extends Kinds> {
  readonly #table: Table;
  readonly #names: ReadonlyMap<number, keyof Table & string>;

  constructor(table: Table) {
    this.#table = table;
    this.#names = new Map(Object.entries(table).map(([name, { id }]) => [id, name]));
  }

  /** "SET_VRING_NUM", "request 99". */
  nameOf(id: number): string {
    return this.#names.get(id) ?? `request ${id}`;
  }

  /** The bit of the protocol feature that request `name` needs, if it needs one. */
  needs(name: keyof Table): number | undefined {
    return this.#table[name]!.needs;
  }

  hasReply(name: keyof Table): boolean {
    return this.#table[name]!.reply !== undefined;
  }

  encodeRequest<Name extends keyof Table>(name: Name, body: Body<Table, Name>, needsReply = false): Uint8Array {
    const { id, request } = this.#table[name]!;
    return encode({ request: id, isReply: false, needsReply }, request, body);
  }

  /** Undefined for a request that nobody here knows. `fdCount`: how many file descriptors came with it. */
  decodeRequest(head: Header, payload: Uint8Array, fdCount: number): Request<Table> | undefined {
    if (head.isReply) throw new PeerFault(`a reply to ${this.nameOf(head.request)}, which was not asked for`);
    const name = this.#names.get(head.request);
    if (name === undefined) return undefined;
    return { name, body: decode(name, this.#table[name]!.request, payload, fdCount) } as Request<Table>;
  }

  encodeReply<Name extends keyof Table>(name: Name, body: Reply<Table, Name>): Uint8Array {
    const { id, reply = part(NOTHING) } = this.#table[name]!;
    return encode({ request: id, isReply: true, needsReply: false }, reply, body);
  }

  /** Answers a request that has no answer of its own and wants one: 0 is success. */
  encodeAck(id: number, status: bigint): Uint8Array {
    return encode({ request: id, isReply: true, needsReply: false }, part(U64), status);
  }

  decodeReply<Name extends keyof Table>(
    name: Name,
    head: Header,
    payload: Uint8Array,
    fdCount: number,
  ): Reply<Table, Name> {
    const { reply = part(NOTHING) } = this.#table[name]!;
    this.#checkReply(name, head);
    return decode(`the reply to ${String(name)}`, reply, payload, fdCount) as Reply<Table, Name>;
  }

  /** The status that answers request `name`: 0 is success. */
  decodeAck(name: keyof Table, head: Header, payload: Uint8Array, fdCount: number): bigint {
    this.#checkReply(name, head);
    return decode(`the reply to ${String(name)}`, part(U64), payload, fdCount);
  }

  /** A message of either end, for who listens in: `body` stays undefined where nobody here knows the request. */
  decodeAny(head: Header, payload: Uint8Array, fdCount: number): { readonly name: string; readonly body: unknown } {
    const name = this.nameOf(head.request);
    const kind = this.#table[name];
    if (kind === undefined) return { name, body: undefined };
    const { request, reply = part(U64) } = kind;
    if (head.isReply) return { name, body: decode(`the reply to ${name}`, reply, payload, fdCount) };
    return { name, body: decode(name, request, payload, fdCount) };
  }

  #checkReply(name: keyof Table, { request, isReply, needsReply }: Header): void {
    if (request === this.#table[name]!.id && isReply && !needsReply) return;
    const what = `${isReply ? 'a reply to' : 'a request,'} ${this.nameOf(request)}`;
    throw new PeerFault(`${what}, where the reply to ${String(name)} has to come`);
  }
}

export const FRONT_END = new Protocol(FRONT_END_REQUESTS);
export const BACK_END = new Protocol(BACK_END_REQUESTS);

function encode<Value>(head: Omit<Header, 'size'>, { payload }: Part<Value>, value: Value): Uint8Array {
  const body = payload.encode(value);
  const message = new Uint8Array(HEADER_BYTES + body.length);
  message.set(encodeHeader({ ...head, size: body.length }));
  message.set(body, HEADER_BYTES);
  return message;
}

function decode<Value>(what: string, { payload, fits }: Part<Value>, bytes: Uint8Array, fdCount: number): Value {
  const { sizeMin, sizeMax } = payload;
  if (bytes.length < sizeMin || bytes.length > sizeMax) {
    const size = sizeMin === sizeMax ? `${sizeMin}` : `${sizeMin} to ${sizeMax}`;
    throw new PeerFault(`${what} has ${bytes.length} bytes, where ${payload.what} of ${size} belongs`);
  }
  const value = payload.decode(bytes);
  if (!fits(fdCount, value)) throw new PeerFault(`${what} comes with ${fdCount} file descriptors, which is wrong`);
  return value;
}
