/**
 * The control protocol: every request, reply and event of a VM's control socket, each with its schema. JSON objects, one
 * a line, UTF-8. A client asks `{"id": 1, "request": "pause"}` and gets `{"id": 1, "ok": true, …}` or
 * `{"id": 1, "ok": false, "code": …, "error": …}`; requests of one connection are answered in order. After `events` it
 * also gets lines `{"event": …, "atMs": …, …}`. Newer VMs may add fields, replies and events: clients ignore what they
 * do not know. To add a request or an event: a line in its table here, a `case` in server.ts.
 */
import { KiB } from '../base/units.ts';
import {
  count,
  flag,
  isObject,
  type JsonSchema,
  list,
  map,
  mismatch,
  oneOf,
  record,
  type TypeOf,
  text,
} from './schema.ts';

/** Counts incompatible changes. */
export const PROTOCOL_VERSION = 1;
/** Without its newline. Room for any request or reply to come; what a peer can make us hold is a small multiple of it. */
export const LINE_BYTES_MAX = 64 * KiB;

const STATE = (description: string) => oneOf(description, 'created', 'running', 'paused', 'stopped');

const STATUS = record(
  {
    protocol: count('Version of this protocol'),
    name: text('Name of the VM'),
    pid: count('Process id of its orko-vmm'),
    state: STATE('What it does now'),
    cpus: count('vCPUs'),
    memoryBytes: count('RAM, bytes'),
    uptimeMs: count('Milliseconds since it was started'),
    boots: count('How often it has booted: 1 until the first reboot'),
  },
  {
    config: text('Path of its config file'),
    console: text('Where its console is: stdio, pty PATH, unix PATH, file PATH'),
  },
);
const NOTHING = record({});

const QUEUE_COUNTS = record({
  kicks: count('Notifications of the driver that arrived; while we look by ourselves it sends none'),
  interrupts: count('Interrupts that the driver wanted and got'),
  chains: count('Buffers given back'),
  bytesRead: count('Bytes of what the driver sent in them'),
  bytesWritten: count('Bytes that were written into them'),
  kickToUsedUs: list(
    'How many kicks had their first buffer given back within 1, 2, 4, 8 … microseconds',
    count('Kicks of this bucket alone'),
  ),
});
const STATS = record({
  name: text('Name of the VM'),
  uptimeMs: count('Milliseconds since it was started'),
  boots: count('How often it has booted'),
  cpus: list(
    'The vCPUs',
    record(
      { exits: count('Returns from KVM_RUN since the last boot') },
      { undecoded: count('How many of them were accesses to devices whose instruction hardware does not decode') },
    ),
  ),
  kvm: map("KVM's own counters of all vCPUs together, by its names; none before Linux 5.14", count('Counts')),
  devices: list(
    'The virtio devices, in the order of the config',
    record({
      name: text('Name in the config'),
      type: text('Type in the config'),
      queues: list('Its queues', QUEUE_COUNTS),
      counters: map('What the device counts beside that', count('Counts')),
    }),
  ),
});
const DEVICE = record({
  name: text('Name in the config'),
  type: text('Type in the config'),
  actions: list(
    'What `device` can have it do',
    record({ name: text('Name'), help: text('What it does; VALUE in it is the value of the request') }),
  ),
});

const SHARING = record(
  {
    name: text('Name of the device in the config'),
    type: text('Type in the config'),
    memory: list(
      'What of guest memory those who serve the device see; nothing else',
      record(
        { what: text('RAM, or the name of a pool'), base: count('Guest address'), size: count('Bytes') },
        { fd: count('By which file descriptor of orko-vmm'), file: text('The name of that file') },
      ),
    ),
    isolation: oneOf(
      'real: it has no way to more; none: it has; unknown: that depends on who will serve it; own: orko-vmm serves it itself',
      'real',
      'none',
      'unknown',
      'own',
    ),
    reason: text('Why, as a sentence'),
  },
  {
    process: record({ uid: count('User that serves it') }, { pid: count('Process id'), command: text('Its program') }),
  },
);

const MEMORY_TYPE = (description: string) => oneOf(description, 'Normal-WB', 'Normal-NC', 'Device-nGnRE');
const MEMORY = record({
  forcesWriteBack: flag('The host has FEAT_S2FWB: stage 2 forces write-back'),
  types: list(
    "What the guest's own attribute yields, for each type that KVM maps one of the slots as",
    record({
      stage2: MEMORY_TYPE('What KVM maps'),
      asks: MEMORY_TYPE('What the guest maps it as'),
      gets: MEMORY_TYPE('What it gets without FEAT_S2FWB'),
      getsForced: MEMORY_TYPE('What it gets with it'),
    }),
  ),
  slots: list(
    'In the order of their addresses',
    record({
      name: text('What it is'),
      kind: oneOf('Kind of slot', 'ram', 'pool', 'shm', 'rom', 'bar', 'regs'),
      base: count('Guest address'),
      size: count('Bytes'),
      readOnly: flag("The guest's writes exit"),
      backing: text('What is mapped behind it'),
      stage2: MEMORY_TYPE('What KVM maps it as'),
      mappedBy: list(
        'Who else has it: back-ends of these devices',
        record(
          { device: text('Name of the device in the config') },
          {
            process: record(
              { uid: count('User that serves it') },
              { pid: count('Process id'), command: text('Its program') },
            ),
          },
        ),
      ),
    }),
  ),
});

const EVENTS = {
  state: record(
    { from: STATE('State before'), to: STATE('State now') },
    { reason: text('Why, when it was not asked for') },
  ),
  reboot: record({ boots: count('Boots including this one'), by: oneOf('Who asked for it', 'guest', 'control') }),
  powerkey: record({ by: oneOf('Who pressed the power key', 'control', 'signal') }),
  'guest-panic': record({ how: oneOf('What pvpanic reported', 'panicked', 'crash-loaded') }),
  'guest-crash': record({ reason: text('The KVM exit that ended the guest') }),
  console: record({ attached: flag('Whether somebody is attached to the console now') }),
  backend: record(
    {
      device: text('Name of the device in the config'),
      state: oneOf('What became of its back-end', 'connected', 'disconnected', 'restarted', 'failed'),
    },
    { reason: text('Why') },
  ),
  warning: record({ message: text('The sentence') }),
  stopped: record({ exitCode: count('Exit code of orko-vmm', 255), reason: text('Why it ended') }),
} as const;
export type EventKind = keyof typeof EVENTS;
export const EVENT_KINDS = Object.keys(EVENTS) as readonly EventKind[];

const REQUESTS = {
  status: { help: 'What the VM is and does', params: NOTHING, result: record({ status: STATUS }) },
  pause: { help: 'Stop all vCPUs and the virtual clock', params: NOTHING, result: NOTHING },
  resume: { help: 'Go on after pause', params: NOTHING, result: NOTHING },
  powerkey: { help: 'Press the power key: the guest shuts down if it likes', params: NOTHING, result: NOTHING },
  reboot: { help: 'Reset the VM and boot again, at once', params: NOTHING, result: NOTHING },
  stop: { help: 'End the VM at once, without asking the guest', params: NOTHING, result: NOTHING },
  devices: {
    help: 'The virtio devices, and what can be asked of them',
    params: NOTHING,
    result: record({ devices: list('In the order of the config', DEVICE) }),
  },
  device: {
    help: 'Have a virtio device do something',
    params: record({ device: text('Its name'), action: text('What to do') }, { value: text('With what') }),
    result: record({ answer: text('What came of it: a sentence, or JSON') }),
  },
  stats: {
    help: 'What the vCPUs and the queues of the devices have counted',
    params: NOTHING,
    result: record({ stats: STATS }),
  },
  'explain-sharing': {
    help: 'Which back-end sees which bytes of guest memory, and as whom it runs',
    params: NOTHING,
    result: record({ sharing: list('In the order of the config', SHARING) }),
  },
  'explain-memory': {
    help: 'Every memory slot: what lies behind it, what memory type the guest gets, who else maps it',
    params: NOTHING,
    result: record({ memory: MEMORY }),
  },
  events: {
    help: 'Report events from now on; the reply says the state they start from',
    params: record({}, { only: list('Kinds of events to report; all when absent', oneOf('Kind', ...EVENT_KINDS)) }),
    result: record({ status: STATUS }),
  },
} as const;
export type RequestKind = keyof typeof REQUESTS;
export const REQUEST_KINDS = Object.keys(REQUESTS) as readonly RequestKind[];

const ID = count('Chosen by the client, repeated in the reply');
const CODE = oneOf(
  'bad-request: not understood; unknown-request: not known to this VM; refused: not possible now; failed: tried in vain',
  'bad-request',
  'unknown-request',
  'refused',
  'failed',
);
const FAILURE = record({ code: CODE, error: text('What went wrong, as a sentence') });

export type MachineState = TypeOf<ReturnType<typeof STATE>>;
export type MachineStatus = TypeOf<typeof STATUS>;
export type MachineStats = TypeOf<typeof STATS>;
export type DeviceDescription = TypeOf<typeof DEVICE>;
export type MemoryReport = TypeOf<typeof MEMORY>;
export type DeviceSharing = TypeOf<typeof SHARING>;
export type Params<K extends RequestKind> = TypeOf<(typeof REQUESTS)[K]['params']>;
export type Result<K extends RequestKind> = TypeOf<(typeof REQUESTS)[K]['result']>;
export type Request = { [K in RequestKind]: { readonly id?: number; readonly request: K } & Params<K> }[RequestKind];
export type ErrorCode = TypeOf<typeof CODE>;
/** `id` is null when the request had none, or none that could be read. */
export type Failure = { readonly id: number | null; readonly ok: false } & TypeOf<typeof FAILURE>;
export type Success<K extends RequestKind = RequestKind> = {
  readonly id: number | null;
  readonly ok: true;
} & Result<K>;
export type Reply = Success | Failure;
/** `atMs`: milliseconds since the VM was started. */
export type ControlEvent = {
  [K in EventKind]: { readonly event: K; readonly atMs: number } & TypeOf<(typeof EVENTS)[K]>;
}[EventKind];

/** One message as it goes over the socket, newline included. */
export function encodeLine(message: Request | Reply | ControlEvent): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(message)}\n`);
}

export function failure(id: number | null, code: ErrorCode, error: string): Failure {
  return { id, ok: false, code, error };
}

/** A request of a client, or the reply that says what is wrong with it. */
export function decodeRequest(line: Uint8Array): Request | Failure {
  const message = parseObject(line);
  if (typeof message === 'string') return failure(null, 'bad-request', `Cannot read the request: ${message}`);
  const { id, request: kind, ...params } = message;
  if (id !== undefined && mismatch(ID.json, id, 'refused')) {
    return failure(null, 'bad-request', `Cannot read the request: ${mismatch(ID.json, id, 'refused', 'id')}`);
  }
  const known = (id as number | undefined) ?? null;
  if (typeof kind !== 'string') {
    return failure(known, 'bad-request', `Cannot read the request: request must be one of ${REQUEST_KINDS.join(', ')}`);
  }
  if (!Object.hasOwn(REQUESTS, kind)) {
    const shown = JSON.stringify(kind.slice(0, 40));
    return failure(known, 'unknown-request', `Cannot ${shown}: there are only ${REQUEST_KINDS.join(', ')}`);
  }
  const problem = mismatch(REQUESTS[kind as RequestKind].params.json, params, 'refused');
  return problem ? failure(known, 'bad-request', `Cannot ${kind}: ${problem.slice(0, 200)}`) : (message as Request);
}

/** What a VM sent: a reply, an event, or undefined for what this version does not know. Throws on what is no message. */
export function decodeMessage(line: Uint8Array): Reply | ControlEvent | undefined {
  const message = parseObject(line);
  if (typeof message === 'string') throw new Error(message);
  const { event, ok, id, atMs, ...fields } = message;
  if (typeof event === 'string') {
    if (!Object.hasOwn(EVENTS, event) || typeof atMs !== 'number') return undefined;
    return mismatch(EVENTS[event as EventKind].json, fields, 'ignored') ? undefined : (message as ControlEvent);
  }
  if (typeof ok !== 'boolean' || (id !== null && typeof id !== 'number')) return undefined;
  if (!ok && mismatch(FAILURE.json, fields, 'ignored')) return undefined;
  return message as Reply;
}

/** Whether `reply` holds what `kind` promises; a reply does not say what it answers, so only the asker can tell. */
export function isResultOf<K extends RequestKind>(kind: K, reply: Success): reply is Success<K> {
  return mismatch(REQUESTS[kind].result.json, reply, 'ignored') === undefined;
}

/** The JSON Schema of all of it. */
export function protocolSchema(): object {
  const id = { ...ID.json };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `orko-vmm control protocol, version ${PROTOCOL_VERSION}`,
    $defs: {
      requests: mapValues(REQUESTS, ({ help, params }, kind) =>
        extend(params.json, { request: { const: kind } }, { id }, help),
      ),
      replies: mapValues(REQUESTS, ({ result }) => extend(result.json, { ok: { const: true }, id: ID_OR_NULL })),
      failure: extend(FAILURE.json, { ok: { const: false }, id: ID_OR_NULL }),
      events: mapValues(EVENTS, ({ json }, kind) =>
        extend(json, { event: { const: kind }, atMs: { type: 'integer' } }),
      ),
    },
  };
}
const ID_OR_NULL = { type: ['integer', 'null'] };

function extend(schema: JsonSchema, required: object, optional: object = {}, description?: string): object {
  return {
    ...schema,
    ...(description === undefined ? {} : { description }),
    properties: { ...required, ...optional, ...schema.properties },
    required: [...Object.keys(required), ...schema.required!],
  };
}

function mapValues<V, R>(table: Readonly<Record<string, V>>, make: (value: V, key: string) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, make(value, key)]));
}

/** The object in `line`, or why there is none. */
function parseObject(line: Uint8Array): Readonly<Record<string, unknown>> | string {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
    return isObject(value) ? value : 'a line must hold one JSON object';
  } catch (error) {
    return error instanceof SyntaxError ? 'the line is not JSON' : 'the line is not UTF-8';
  }
}
