/**
 * An I/O thread as the main thread sees it. Requests are posted and the thread is woken; what the guest or the user waits
 * for is a call: the main thread sleeps until the thread has handled it, with what it reported meanwhile taken in.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, SHARE_ENV, Worker } from 'node:worker_threads';
import { HostError } from '../base/errors.ts';
import { EventFd } from '../host/eventfd.ts';
import type { Signals } from '../host/signals.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { GuestCounter } from './guest-counter.ts';
import {
  CONTROL_BYTES,
  Control,
  type IoReport,
  type IoRequest,
  type IoThreadData,
  type MemoryPlace,
} from './protocol.ts';
import type { RemoteDevice } from './remote-device.ts';

/** The entry lies beside this file, in the tree as in the bundle. */
const ENTRY = import.meta.filename.endsWith('.ts') ? 'worker.ts' : 'io-worker.js';
/** A call is answered in microseconds, unless a backend hangs in a system call. */
export const CALL_TIMEOUT_MS = 10_000;

/** The guest that a thread works for. */
export interface IoThreadGuest {
  readonly memory: GuestMemory;
  readonly counter: GuestCounter;
  /** A bug in the thread, or the host let it down: it is gone, and with it all its devices. */
  onFailure(error: Error): void;
}

export class IoThread implements Disposable {
  readonly name: string;
  readonly #worker: Worker;
  #guest: IoThreadGuest | undefined;
  readonly #wake = EventFd.create();
  readonly #control = new Int32Array(new SharedArrayBuffer(CONTROL_BYTES));
  readonly #port: MessagePort;
  readonly #devices = new Map<number, RemoteDevice>();
  #failure: Error | undefined;
  #isStopping = false;

  /** Starts the thread, which loads its code while we go on; it does nothing before `begin`. */
  constructor(name: string, signals: Signals) {
    this.name = name;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on('message', (report: IoReport) => this.#take(report));
    const data: IoThreadData = {
      name,
      port: port2,
      wake: this.#wake.number,
      control: this.#control.buffer as SharedArrayBuffer,
    };
    // A signal in that thread would only interrupt its sleep.
    const worker = signals.withAllBlocked(
      () =>
        new Worker(`${import.meta.dirname}/${ENTRY}`, {
          workerData: data,
          transferList: [port2],
          name: `io ${name}`,
          env: SHARE_ENV,
        }),
    );
    worker.on('error', (error) => this.#fail(error as Error));
    worker.on('exit', () => this.#fail(new Error('it ended by itself')));
    this.#worker = worker;
  }

  /** From here on it works for `guest`. */
  begin(guest: IoThreadGuest): void {
    this.#guest = guest;
    this.post({ kind: 'begin', counter: guest.counter.buffer, memory: placesOf(guest.memory) });
    if (this.#failure) guest.onFailure(this.#failure);
  }

  /** From here on `device` hears what the thread says about it. */
  add(device: RemoteDevice): void {
    this.#devices.set(device.number, device);
    if (this.#failure) device.failed(this.#failure);
  }

  /** Why it is gone, if it is. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Asks for something; the answer, if there is one, is a report. */
  post(request: IoRequest): void {
    Atomics.add(this.#control, Control.POSTED, 1);
    this.#port.postMessage(request);
    Atomics.notify(this.#control, Control.POSTED);
    this.#wake.signal();
  }

  /** Asks for something and waits until it is done, together with everything that was asked for before. */
  call(request: IoRequest, timeoutMs = CALL_TIMEOUT_MS): void {
    if (this.#failure) return;
    this.post(request);
    const posted = Atomics.load(this.#control, Control.POSTED);
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const handled = Atomics.load(this.#control, Control.HANDLED);
      if (handled === posted || Atomics.load(this.#control, Control.FAILED) !== 0) break;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0)
        throw new HostError(`Cannot ${request.kind} a device: I/O thread ${this.name} hangs in a system call`);
      Atomics.wait(this.#control, Control.HANDLED, handled, leftMs);
    }
    this.#takeAll();
  }

  #takeAll(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { message: IoReport } | undefined;
      if (received === undefined) return;
      this.#take(received.message);
    }
  }

  #take(report: IoReport): void {
    if (report.kind === 'failed') this.#fail(report);
    else this.#devices.get(report.device)?.take(report);
  }

  /** An error of ours keeps the place where it happened, which is in the other thread. */
  #fail(failure: { readonly message: string; readonly stack?: string; readonly isHostError?: boolean }): void {
    if (this.#failure !== undefined || this.#isStopping) return;
    const { message, stack = message, isHostError } = failure;
    const ours = () => Object.assign(new Error(`I/O thread ${this.name} failed: ${message}`), { stack });
    this.#failure = isHostError ? new HostError(message) : ours();
    for (const device of this.#devices.values()) device.failed(this.#failure);
    this.#guest?.onFailure(this.#failure);
  }

  /** Ends the thread: its devices are closed, and it does not touch guest memory any more. Once is enough. */
  [Symbol.dispose](): void {
    if (this.#isStopping) return;
    // One that has not begun may still be loading: nothing is to be waited for.
    if (this.#guest) this.call({ kind: 'stop' });
    else void this.#worker.terminate();
    this.#isStopping = true;
    this.#port.close();
    this.#wake[Symbol.dispose]();
  }
}

/** Guest memory as another thread can be told of it. */
export function placesOf({ regions }: GuestMemory): readonly MemoryPlace[] {
  return regions.map(({ range, pointer, fd }) => ({ ...range, pointer, fd }));
}
