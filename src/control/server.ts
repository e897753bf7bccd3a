/**
 * The VM's side of one control connection, as a state machine: bytes of the client go in, bytes for it come out. The
 * transport is the machine's own event loop, which owns the socket:
 *
 *     if (connection.wantsRead) connection.receive(read(fd, …))      at end of file: connection.endOfInput()
 *     while (connection.pending().length > 0) connection.written(write(fd, connection.pending()))
 *     if (connection.closed !== undefined) close(fd)
 *
 * `host.wake` says that one of these has changed outside of a call: arm the socket again. A client cannot make us hold
 * much: requests wait unread while replies do, and one that takes no events is dropped.
 */
import { assert, unreachable } from '../base/assert.ts';
import { ConfigError, HostError } from '../base/errors.ts';
import { KiB } from '../base/units.ts';
import { LineSplitter } from './line-splitter.ts';
import {
  type ControlEvent,
  type DeviceDescription,
  type DeviceSharing,
  decodeRequest,
  type ErrorCode,
  encodeLine,
  type Failure,
  failure,
  LINE_BYTES_MAX,
  type MachineStats,
  type MachineStatus,
  type MemoryReport,
  type Reply,
  type Request,
  type RequestKind,
  type Result,
} from './protocol.ts';

/** Connections of one VM; a transport closes what comes beyond. */
export const CONNECTIONS_MAX = 32;
/** While more output than this waits, no further request is answered. */
const OUTPUT_BYTES_HIGH = LINE_BYTES_MAX;
/** Some thousand events: with more waiting, a client is not slow but gone. */
const OUTPUT_BYTES_MAX = 256 * KiB;
/** What a transport may push beyond `wantsRead`. */
const INPUT_BYTES_MAX = LINE_BYTES_MAX + 256 * KiB;

/** `undefined`: done already. A promise: done when it resolves. */
export type Done = Promise<void> | undefined;

/** What can be asked of a running VM. May throw, or reject with, RequestRefused, HostError or ConfigError. */
export interface MachineControl {
  status(): MachineStatus;
  pause(): Done;
  resume(): Done;
  powerkey(): Done;
  reboot(): Done;
  /** The reply is queued when it is done: the machine writes it out before its process ends. */
  stop(): Done;
  devices(): readonly DeviceDescription[];
  /** Has a device do something; the answer is for the user. */
  act(device: string, action: string, value: string | undefined): Promise<string>;
  stats(): Promise<MachineStats>;
  sharing(): Promise<readonly DeviceSharing[]>;
  memory(): Promise<MemoryReport>;
  /** Reports every event from now on; the result ends it. */
  subscribe(listener: (event: ControlEvent) => void): () => void;
}

/** Not possible in this state: "Cannot pause: the VM is paused already". */
export class RequestRefused extends Error {
  override name = 'RequestRefused';
}

export interface ConnectionHost {
  wake(): void;
  /** An error that is neither the user's nor the host's fault: our own bug, which ends the VMM. */
  bug(error: unknown): void;
}

/** open: reads and answers. ended: the client sends no more. draining: only writes what is left. */
type State = 'open' | 'ended' | 'draining' | 'closed';
const NEXT: Record<State, readonly State[]> = {
  open: ['ended', 'draining', 'closed'],
  ended: ['draining', 'closed'],
  draining: ['closed'],
  closed: [],
};

export class ControlConnection {
  readonly #machine: MachineControl;
  readonly #host: ConnectionHost;
  readonly #input = new LineSplitter(LINE_BYTES_MAX);
  readonly #output: Uint8Array[] = [];
  #outputBytes = 0;
  #state: State = 'open';
  #reason = '';
  /** A request is with the machine: the next one waits. */
  #busy = false;
  #unsubscribe: (() => void) | undefined;

  constructor(machine: MachineControl, host: ConnectionHost) {
    this.#machine = machine;
    this.#host = host;
  }

  /** Whether the transport shall read on: false while lines already read wait for their turn. */
  get wantsRead(): boolean {
    return this.#state === 'open' && this.#input.bufferedBytes <= LINE_BYTES_MAX;
  }

  /** Why it is over, for our log; undefined while it lives. */
  get closed(): string | undefined {
    return this.#state === 'closed' ? this.#reason : undefined;
  }

  receive(bytes: Uint8Array): void {
    if (this.#state !== 'open') return;
    if (this.#input.bufferedBytes + bytes.length > INPUT_BYTES_MAX) {
      this.close('it sends faster than it is answered');
      return;
    }
    this.#input.push(bytes);
    this.#answer();
  }

  /** The client has shut down its writing side. What it asked is still answered, and events still go to it. */
  endOfInput(): void {
    if (this.#state !== 'open') return;
    this.#move('ended');
    this.#answer();
  }

  /** The next bytes to write; empty when there are none. */
  pending(): Uint8Array {
    return this.#output[0] ?? new Uint8Array();
  }

  /** The transport has written the first `count` bytes of `pending()`. */
  written(count: number): void {
    const [first] = this.#output;
    if (!first || count === 0) return;
    assert(count <= first.length, 'wrote more than was pending');
    if (count === first.length) this.#output.shift();
    else this.#output[0] = first.subarray(count);
    this.#outputBytes -= count;
    this.#answer();
  }

  /** Takes up nothing more, answers and writes what it has begun, then closes: how the machine takes leave. */
  drain(reason: string): void {
    if (this.#state === 'draining' || this.#state === 'closed') return;
    this.#reason = reason;
    this.#move('draining');
    this.#endSubscription();
    this.#closeWhenDrained();
  }

  /** Closes at once: the peer is gone, or has to go. */
  close(reason: string): void {
    if (this.#state === 'closed') return;
    this.#reason = reason;
    this.#move('closed');
    this.#endSubscription();
    this.#output.length = 0;
    this.#outputBytes = 0;
  }

  #move(to: State): void {
    assert(NEXT[this.#state].includes(to), `a control connection cannot go from ${this.#state} to ${to}`);
    this.#state = to;
  }

  #endSubscription(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  /** Takes up requests, one at a time and in order, while their replies find room. */
  #answer(): void {
    while (
      !this.#busy &&
      this.#outputBytes <= OUTPUT_BYTES_HIGH &&
      (this.#state === 'open' || this.#state === 'ended')
    ) {
      const line = this.#input.next();
      if (line === undefined) {
        if (this.#state === 'ended' && !this.#unsubscribe) this.drain('the client has ended');
        return;
      }
      if (line === 'too-long') {
        this.#send(failure(null, 'bad-request', `Cannot read the request: a line has at most ${LINE_BYTES_MAX} bytes`));
        this.drain('it sent a line that is too long');
      } else if (!isBlank(line)) this.#handle(decodeRequest(line));
    }
    this.#closeWhenDrained();
  }

  #closeWhenDrained(): void {
    if (this.#state === 'draining' && !this.#busy && this.#output.length === 0) this.#move('closed');
  }

  #handle(request: Request | Failure): void {
    if ('ok' in request) {
      this.#send(request);
      return;
    }
    const id = request.id ?? null;
    try {
      const done = this.#carryOut(request);
      if (!(done instanceof Promise)) {
        this.#send({ id, ok: true, ...done });
        return;
      }
      this.#busy = true;
      done
        .then((result) => this.#send({ id, ok: true, ...result }))
        .catch((error: unknown) => this.#fail(id, error))
        .then(() => {
          this.#busy = false;
          this.#answer();
          this.#host.wake();
        })
        .catch((error: unknown) => this.#host.bug(error));
    } catch (error) {
      this.#fail(id, error);
    }
  }

  #carryOut(request: Request): Result<RequestKind> | Promise<Result<RequestKind>> {
    const nothing = (done: Done) => done?.then(() => ({})) ?? {};
    switch (request.request) {
      case 'status':
        return { status: this.#machine.status() };
      case 'pause':
        return nothing(this.#machine.pause());
      case 'resume':
        return nothing(this.#machine.resume());
      case 'powerkey':
        return nothing(this.#machine.powerkey());
      case 'reboot':
        return nothing(this.#machine.reboot());
      case 'stop':
        return nothing(this.#machine.stop());
      case 'devices':
        return { devices: this.#machine.devices() };
      case 'device':
        return this.#machine.act(request.device, request.action, request.value).then((answer) => ({ answer }));
      case 'stats':
        return this.#machine.stats().then((stats) => ({ stats }));
      case 'explain-sharing':
        return this.#machine.sharing().then((sharing) => ({ sharing }));
      case 'explain-memory':
        return this.#machine.memory().then((memory) => ({ memory }));
      case 'events':
        this.#endSubscription();
        this.#unsubscribe = this.#machine.subscribe((event) => this.#report(event, request.only));
        return { status: this.#machine.status() };
      default:
        return unreachable(request);
    }
  }

  #report(event: ControlEvent, only: readonly ControlEvent['event'][] | undefined): void {
    if (only && !only.includes(event.event)) return;
    this.#send(event);
    if (this.#outputBytes > OUTPUT_BYTES_MAX) this.close(`it leaves ${this.#outputBytes} bytes of events unread`);
    this.#host.wake();
  }

  #send(message: Reply | ControlEvent): void {
    if (this.#state === 'closed') return;
    const line = encodeLine(message);
    this.#output.push(line);
    this.#outputBytes += line.length;
  }

  #fail(id: number | null, error: unknown): void {
    const code = codeOf(error);
    this.#send(failure(id, code ?? 'failed', error instanceof Error ? error.message : String(error)));
    if (!code) this.#host.bug(error);
  }
}

/** Undefined for our own bugs. */
function codeOf(error: unknown): ErrorCode | undefined {
  if (error instanceof RequestRefused) return 'refused';
  return error instanceof HostError || error instanceof ConfigError ? 'failed' : undefined;
}

/** People press return; socat and Windows end lines with CR LF. */
function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}
