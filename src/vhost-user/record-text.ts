/** A flight recording as a person reads it: a line for each message, with what it says in words. */
import { virtioIdNames } from '../abi/virtio.ts';
import { unreachable } from '../base/assert.ts';
import type { FdFacts } from '../host/fd-facts.ts';
import { featureNames, protocolFeatureNames } from './feature-names.ts';
import { type Decoded, decodeLine, type MessageLine, type Recording } from './record.ts';

const COLUMNS = 120;
const TIME_COLUMNS = 12;
const NAME_COLUMNS = 22;
const INDENT = ' '.repeat(TIME_COLUMNS + 6);
/** Of bytes that nobody here can put into words. */
const HEX_SHOWN_MAX = 64;

type Body = Readonly<Record<string, unknown>>;

export function recordingText({ beginning, lines, isTorn }: Recording): string {
  const { device, id, at } = beginning;
  const type = virtioIdNames[id]?.[0] ?? `virtio device ${id}`;
  const texts = lines.map((line) => {
    const time = line.ms.toFixed(3).padStart(TIME_COLUMNS);
    switch (line.kind) {
      case 'connected':
        return `${time}  *** connected to ${line.to}`;
      case 'note':
        return `${time}  *** ${line.text}`;
      case 'message':
        return `${time}  ${messageText(line, id)}`;
      default:
        return unreachable(line);
    }
  });
  const key = '--> to the back-end, <-- from it; ==> and <== on the channel on which the back-end asks';
  const head = `${device} (${type}), recorded from ${at}; times in milliseconds\n${key}`;
  return `${[head, ...texts, ...(isTorn ? ['The recording ends in the middle of a line'] : [])].join('\n')}\n`;
}

function messageText(message: MessageLine, id: number): string {
  const { from, line, fds = [], hex } = message;
  const decoded = decodeLine(message);
  const { name, isReply, needsReply, wrong } = decoded;
  const arrow = line === 'main' ? ['-->', '<--'] : ['==>', '<=='];
  const head = `${from === 'front-end' ? arrow[0] : arrow[1]} ${name.padEnd(NAME_COLUMNS)}`;
  const [first, ...more] = wrong === undefined ? says(decoded, message.guest, id) : [`BROKEN: ${wrong} (${hex})`];
  const files = fds.map((facts) => `with ${fdText(facts)}`);
  const what = [isReply ? 'answers' : '', first ?? '', ...files, needsReply ? '(ack)' : ''];
  const text = `${head} ${what.filter((word) => word !== '').join(' ')}`.trimEnd();
  return [text, ...more.flatMap(wrap).map((part) => `${INDENT}${part}`)].join('\n');
}

/** What it says: one text for its line, and what is too long for that. */
function says({ name, isReply, body }: Decoded, guest: MessageLine['guest'], id: number): string[] {
  const fields = (body ?? {}) as Body;
  if (isReply && typeof body === 'string' && !HAS_U64_REPLY.has(name)) {
    return [body === '0x0' ? 'done' : `REFUSED (status ${body})`];
  }
  switch (name) {
    case 'GET_FEATURES':
    case 'SET_FEATURES':
      return body === undefined ? [] : [String(body), featureNames(BigInt(body as string), id).join(' ')];
    case 'GET_PROTOCOL_FEATURES':
    case 'SET_PROTOCOL_FEATURES':
      return body === undefined ? [] : [String(body), protocolFeatureNames(BigInt(body as string)).join(' ')];
    case 'GET_QUEUE_NUM':
    case 'GET_MAX_MEM_SLOTS':
      return [body === undefined ? '' : String(BigInt(body as string))];
    case 'SET_VRING_NUM':
      return [`ring ${fields['index']}: ${fields['num']} entries`];
    case 'SET_VRING_BASE':
    case 'GET_VRING_BASE':
      return [`ring ${fields['index']}${name === 'SET_VRING_BASE' || isReply ? `: at ${fields['num']}` : ''}`];
    case 'SET_VRING_ENABLE':
      return [`ring ${fields['index']}: ${fields['num'] === 1 ? 'on' : 'off'}`];
    case 'SET_VRING_KICK':
    case 'SET_VRING_CALL':
    case 'SET_VRING_ERR':
      return [`ring ${fields['index']}${fields['hasFd'] ? '' : ': none'}`];
    case 'SET_VRING_ADDR': {
      const { desc, avail, used } = guest ?? { desc: 'nowhere', avail: 'nowhere', used: 'nowhere' };
      return [`ring ${fields['index']}: in guest memory descriptors ${desc}, available ${avail}, used ${used}`];
    }
    case 'SET_MEM_TABLE':
      return (body as readonly Body[]).map(regionText);
    case 'ADD_MEM_REG':
    case 'REM_MEM_REG':
      return [regionText(fields)];
    case 'GET_CONFIG':
    case 'SET_CONFIG':
      return [...configText(name, isReply, fields)];
    default:
      return [otherText(body)];
  }
}

/** Whose answers are numbers that mean something, and no status. */
const HAS_U64_REPLY = new Set([
  'GET_FEATURES',
  'GET_PROTOCOL_FEATURES',
  'GET_QUEUE_NUM',
  'GET_MAX_MEM_SLOTS',
  'GET_STATUS',
]);

function regionText(region: Body): string {
  const { guest_address, size, user_address, mmap_offset } = region;
  return `guest ${guest_address}, ${bytesText(BigInt(String(size)))}, as address ${user_address}, at ${mmap_offset} of its file`;
}

function* configText(name: string, isReply: boolean, { offset, bytes }: Body): Generator<string> {
  const hex = String(bytes ?? '');
  yield `${hex.length / 2} bytes at ${offset ?? 0}`;
  if (name === 'SET_CONFIG' || isReply) yield hex.replace(/(..)(?=.)/g, '$1 ');
}

function otherText(body: unknown): string {
  if (body === undefined) return '';
  if (typeof body !== 'object' || body === null) return shortened(String(body));
  if (Array.isArray(body)) return body.filter((value) => value !== '0x0').join(' ') || 'nothing';
  return Object.entries(body)
    .map(([key, value]) => `${key} ${shortened(String(value))}`)
    .join(', ');
}

function shortened(text: string): string {
  return text.length <= HEX_SHOWN_MAX ? text : `${text.slice(0, HEX_SHOWN_MAX)}… (${text.length} characters)`;
}

function fdText({ kind, name, bytes }: FdFacts): string {
  const size = bytes === undefined ? '' : ` of ${bytesText(BigInt(bytes))}`;
  return `${kind}${name === undefined ? '' : ` "${name}"`}${size}`;
}

function bytesText(count: bigint): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  let left = count;
  for (; unit + 1 < units.length && left >= 1024n && left % 1024n === 0n; unit++) left /= 1024n;
  return `${left} ${units[unit]}`;
}

/** Lines of words that fit beside the indent. */
function wrap(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!;
    if (last !== '' && INDENT.length + last.length + 1 + word.length > COLUMNS) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
