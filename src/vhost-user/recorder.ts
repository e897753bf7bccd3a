/**
 * The flight recorder of a device: every message of its connections goes into a file, as it is and decoded. It holds nothing
 * back, so that a recording is whole whatever ends us, and no memory is needed for it. What cannot be written ends the
 * recording, and nothing else.
 */
import { fstatSync, ftruncateSync, writeSync } from 'node:fs';
import { O_CREAT, O_NONBLOCK, O_WRONLY } from '../abi/libc.ts';
import { ConfigError, HostError } from '../base/errors.ts';
import { MiB } from '../base/units.ts';
import { Fd } from '../host/fd.ts';
import { factsOf } from '../host/fd-facts.ts';
import { lockFile } from '../host/file-lock.ts';
import { BACK_END, decodeHeader, encodeHeader, FRONT_END, HEADER_BYTES, type Header } from './message.ts';
import type { Incoming } from './message-socket.ts';
import { encodeLine, hexOf, type MessageLine, RECORD_FORMAT, type RecordLine } from './record.ts';
import { Regions } from './regions.ts';
import type { Line, Tap } from './tap.ts';

/** A back-end that asks without end must not fill the disk. */
const FILE_BYTES_MAX = 64 * MiB;

export interface RecorderOptions {
  readonly path: string;
  /** Of the config, that names `path`. */
  readonly keyPath: string;
  /** As the config calls it, and VIRTIO_ID_*. */
  readonly device: string;
  readonly id: number;
  readonly nowMs: () => number;
  log(message: string): void;
}

export class Recorder implements Tap, Disposable {
  readonly #options: RecorderOptions;
  readonly #beganMs: number;
  readonly #regions = new Regions();
  #file: Fd | undefined;
  #byteCount = 0;

  constructor(options: RecorderOptions) {
    const { path, keyPath, device, id } = options;
    this.#options = options;
    this.#beganMs = options.nowMs();
    this.#file = openRecording(path, keyPath);
    this.#write({ kind: 'begin', format: RECORD_FORMAT, device, id, at: new Date().toISOString() });
  }

  connected(to: string): void {
    this.#write({ kind: 'connected', ms: this.#ms, to });
  }

  note(text: string): void {
    this.#write({ kind: 'note', ms: this.#ms, text });
  }

  sent(line: Line, message: Uint8Array, fds: readonly Fd[]): void {
    const header = decodeHeader(message.subarray(0, HEADER_BYTES));
    this.#record('front-end', line, { header, payload: message.subarray(HEADER_BYTES), fds }, hexOf(message));
  }

  received(line: Line, message: Incoming): Incoming {
    this.#record('back-end', line, message, hexOf(encodeHeader(message.header)) + hexOf(message.payload));
    return message;
  }

  #record(from: MessageLine['from'], line: Line, { header, payload, fds }: Incoming, hex: string): void {
    if (this.#file === undefined) return;
    this.#write({
      ...{ kind: 'message', ms: this.#ms, from, line },
      ...this.#decode(line, header, payload, fds.length),
      ...(header.isReply && { reply: true }),
      ...(header.needsReply && { ack: true }),
      ...(fds.length > 0 && { fds: fds.map(factsOf) }),
      hex,
    });
  }

  #decode(line: Line, header: Header, payload: Uint8Array, fdCount: number) {
    const protocol = line === 'main' ? FRONT_END : BACK_END;
    try {
      const { name, body } = protocol.decodeAny(header, payload, fdCount);
      if (line === 'main' && !header.isReply) this.#regions.hear(name, body);
      return { name, body, ...(name === 'SET_VRING_ADDR' && !header.isReply && { guest: this.#guestPlaces(body) }) };
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      return { name: protocol.nameOf(header.request), wrong: error.message };
    }
  }

  #guestPlaces(body: unknown) {
    const addresses = body as Readonly<Record<string, bigint>>;
    const place = (name: string) => {
      const guest = this.#regions.toGuest(addresses[name]!);
      return guest === undefined ? 'nowhere' : `0x${guest.toString(16)}`;
    };
    return { desc: place('desc_user_addr'), avail: place('avail_user_addr'), used: place('used_user_addr') };
  }

  get #ms(): number {
    return Math.round((this.#options.nowMs() - this.#beganMs) * 1000) / 1000;
  }

  #write(line: RecordLine): void {
    if (this.#file === undefined) return;
    const bytes = new TextEncoder().encode(encodeLine(line));
    this.#byteCount += bytes.length;
    if (this.#byteCount > FILE_BYTES_MAX) {
      this.#end(`it has ${FILE_BYTES_MAX / MiB} MiB`);
      return;
    }
    try {
      const written = writeSync(this.#file.number, bytes);
      if (written < bytes.length) this.#end('the disk is full');
    } catch (error) {
      this.#end((error as Error).message);
    }
  }

  #end(why: string): void {
    this[Symbol.dispose]();
    this.#options.log(`the recording ${this.#options.path} ends here: ${why}`);
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
  }
}

/** A new file. Pipes and terminals do as well; they are never waited for. */
function openRecording(path: string, keyPath: string): Fd {
  using opened = new DisposableStack();
  const doing = `write the recording ${path}`;
  // Emptied only once it is ours, for it may be another device's.
  const file = opened.use(Fd.open(path, O_WRONLY | O_CREAT | O_NONBLOCK, doing, { ENXIO: 'nobody reads this pipe' }));
  if (lockFile(file, 'exclusive') === 'taken') {
    throw new ConfigError(`Cannot ${doing}: another device records into it: give each a file of its own`, { keyPath });
  }
  if (fstatSync(file.number).isFile()) ftruncateSync(file.number);
  opened.move();
  return file;
}
