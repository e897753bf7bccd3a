/**
 * The lines of a flight recording: JSON, one object a line, so that a recording that ends in the middle of one is whole up to
 * there. Numbers of 64 bits are texts ("0x…"), and so are bytes ("hex").
 */
import { ConfigError, HostError } from '../base/errors.ts';
import type { FdFacts } from '../host/fd-facts.ts';
import { BACK_END, decodeHeader, FRONT_END, HEADER_BYTES } from './message.ts';
import type { Line } from './tap.ts';

/** Raised when an older reader would misunderstand it. */
export const RECORD_FORMAT = 1;

export interface Beginning {
  readonly kind: 'begin';
  readonly format: number;
  /** As the config calls it. */
  readonly device: string;
  /** VIRTIO_ID_* */
  readonly id: number;
  /** ISO 8601; `ms` of all lines count from here. */
  readonly at: string;
}

export interface MessageLine {
  readonly kind: 'message';
  readonly ms: number;
  readonly from: 'front-end' | 'back-end';
  readonly line: Line;
  readonly name: string;
  readonly reply?: true;
  /** It wants to be acknowledged. */
  readonly ack?: true;
  /** What it carries. */
  readonly body?: unknown;
  /** Guest addresses of the three parts of a ring. */
  readonly guest?: Readonly<Record<'desc' | 'avail' | 'used', string>>;
  /** Why it is no message of the protocol. */
  readonly wrong?: string;
  readonly fds?: readonly FdFacts[];
  /** Header and payload. */
  readonly hex: string;
}

export type RecordLine =
  | Beginning
  | { readonly kind: 'connected'; readonly ms: number; readonly to: string }
  | MessageLine
  /** What else is good to know: a connection that is lost, a fault that was made on purpose. */
  | { readonly kind: 'note'; readonly ms: number; readonly text: string };

export interface Recording {
  readonly beginning: Beginning;
  readonly lines: readonly Exclude<RecordLine, Beginning>[];
  /** The last line is cut off. */
  readonly isTorn: boolean;
}

/** A ConfigError where `text`, of `file`, is no recording. */
export function parseRecording(text: string, file: string): Recording {
  const texts = text.split('\n').filter((line) => line !== '');
  const lines: RecordLine[] = [];
  let isTorn = false;
  texts.forEach((line, index) => {
    const parsed = parseLine(line);
    if (parsed) lines.push(parsed);
    else if (index === texts.length - 1 && index > 0) isTorn = true;
    else throw new ConfigError('Cannot read the recording: this is no line of one', { file, line: index + 1 });
  });
  const [beginning, ...rest] = lines;
  if (beginning?.kind !== 'begin') {
    throw new ConfigError('Cannot read the recording: it has no beginning: name a file that `record` has made', {
      file,
    });
  }
  if (beginning.format !== RECORD_FORMAT) {
    const what = `Cannot read the recording: it has format ${beginning.format}, and this orko-vmm knows ${RECORD_FORMAT}`;
    throw new ConfigError(what, { file });
  }
  return { beginning, lines: rest.filter((line) => line.kind !== 'begin'), isTorn };
}

const isText = (value: unknown) => typeof value === 'string';
const isNumber = (value: unknown) => typeof value === 'number';
const isFdFacts = (value: unknown) => {
  const { kind, name, bytes } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isSize = bytes === undefined || (Number.isSafeInteger(bytes) && (bytes as number) >= 0);
  return isText(kind) && (name === undefined || isText(name)) && isSize;
};
/** What the readers rely on, by kind of line. */
const NEEDED: Readonly<Record<RecordLine['kind'], Readonly<Record<string, (value: unknown) => boolean>>>> = {
  begin: { format: isNumber, device: isText, id: isNumber, at: isText },
  connected: { ms: isNumber, to: isText },
  message: {
    ms: isNumber,
    from: (value) => value === 'front-end' || value === 'back-end',
    line: (value) => value === 'main' || value === 'channel',
    name: isText,
    hex: (value) => typeof value === 'string' && /^([0-9a-f]{2}){12,}$/.test(value),
    fds: (value) => value === undefined || (Array.isArray(value) && value.every(isFdFacts)),
  },
  note: { ms: isNumber, text: isText },
};

function parseLine(text: string): RecordLine | undefined {
  try {
    const line = JSON.parse(text) as Record<string, unknown>;
    const needed = NEEDED[line['kind'] as RecordLine['kind']];
    const isRight = needed && Object.entries(needed).every(([key, isFine]) => isFine(line[key]));
    return isRight ? (line as unknown as RecordLine) : undefined;
  } catch {
    return undefined;
  }
}

export function encodeLine(line: RecordLine): string {
  return `${JSON.stringify(line, (_, value: unknown) => plain(value))}\n`;
}

/** What a message says by its bytes, whatever else stands in its line: `body` as there, or why it is none of the protocol. */
export interface Decoded {
  readonly name: string;
  readonly isReply: boolean;
  readonly needsReply: boolean;
  readonly body?: unknown;
  readonly wrong?: string;
}

export function decodeLine(line: MessageLine): Decoded {
  const bytes = bytesOf(line);
  const protocol = line.line === 'main' ? FRONT_END : BACK_END;
  const about = { name: line.name, isReply: line.reply === true, needsReply: line.ack === true };
  try {
    const header = decodeHeader(bytes.subarray(0, HEADER_BYTES));
    Object.assign(about, header, { name: protocol.nameOf(header.request) });
    const { body } = protocol.decodeAny(header, bytes.subarray(HEADER_BYTES), line.fds?.length ?? 0);
    if (body === undefined) return about;
    return { ...about, body: JSON.parse(JSON.stringify(body, (_, value: unknown) => plain(value))) };
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return { ...about, wrong: error.message };
  }
}

/** A body as JSON can hold it. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  return value instanceof Uint8Array ? hexOf(value) : value;
}

export function bytesOf({ hex }: MessageLine): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
