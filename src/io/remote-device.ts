/**
 * A device in an I/O thread, as the main thread has it: the end that its transport asks, and the eventfds that go past the
 * main thread.
 */
import { assert } from '../base/assert.ts';
import { HostError } from '../base/errors.ts';
import type { GuestAddress } from '../base/range.ts';
import { EventFd } from '../host/eventfd.ts';
import type { Credentials } from '../host/unix-socket.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { MmioDeviceEnd } from '../virtio/mmio-transport.ts';
import { QueueCounters, type QueueCounts } from '../virtio/queue-counters.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';
import { CALL_TIMEOUT_MS, type IoThread, placesOf } from './io-thread.ts';
import { restoreError } from './plain-error.ts';
import type { CreatedDevice, DeviceKeys, DeviceReport, WindowPiece, Wires } from './protocol.ts';

export interface RemoteDeviceOptions {
  /** Unlike every other number in its thread. */
  readonly number: number;
  readonly name: string;
  /** Its keys in the config. */
  readonly keys: DeviceKeys;
  readonly thread: IoThread;
  /** All that it sees of the guest, instead of RAM. */
  readonly memory: GuestMemory | undefined;
  /** Beside `irq`: how the thread interrupts the driver. */
  readonly interrupts:
    | { readonly kind: 'one'; readonly status: bigint | undefined }
    | { readonly kind: 'each'; readonly status: bigint; readonly resampled: number };
  /** The device's config space has changed by itself. */
  onConfig(bytes: Uint8Array): void;
  /** Its eventfds change by `change`: those of before are to be tied to nothing any more. */
  onRewire(change: () => void): void;
  /** It shows the guest memory. A HostError where that cannot be. */
  onShow(piece: WindowPiece): void;
  /** It takes it back. */
  onHide(piece: number): void;
  /** The guest broke the specification: the device needs a reset. */
  onFault(reason: string): void;
  log(message: string): void;
}

export class RemoteDevice implements MmioDeviceEnd, Disposable {
  readonly number: number;
  readonly name: string;
  /** Signalled to interrupt the driver, by us and by the I/O thread. */
  readonly irq = EventFd.create();
  readonly #options: RemoteDeviceOptions;
  readonly #creation = Promise.withResolvers<CreatedDevice>();
  readonly #answers = new Map<number, PromiseWithResolvers<DeviceReport>>();
  #created: CreatedDevice | undefined;
  #kicks: readonly EventFd[] = [];
  #calls: readonly EventFd[] = [];
  #counters: readonly QueueCounters[] = [];
  #questions = 0;
  #generation = 0;
  /** The config space as the device last told it. */
  #config: Uint8Array = new Uint8Array();

  /** Has the thread make the device. */
  constructor(options: RemoteDeviceOptions) {
    const { number, name, keys, thread, memory } = options;
    this.number = number;
    this.name = name;
    this.#options = options;
    // Whoever waits for it hears of a failure; it is no unhandled rejection until then.
    this.#creation.promise.catch(() => {});
    thread.add(this);
    const shared = memory && placesOf(memory);
    const interrupts = { ...options.interrupts, irq: this.irq.number };
    thread.post({ kind: 'create', device: number, name, keys, memory: shared, interrupts });
  }

  /** Resolves once the device is there: what it is. */
  get creation(): Promise<CreatedDevice> {
    return this.#creation.promise;
  }

  /** The eventfds of its queues: whoever signals one has notified the device. */
  get kicks(): readonly EventFd[] {
    return this.#kicks;
  }

  /** What interrupts the driver beside `irq`: nothing, one that another process signals, or one of each queue. */
  get calls(): readonly EventFd[] {
    return this.#calls;
  }

  get actions(): Readonly<Record<string, string>> {
    return this.#created?.actions ?? {};
  }

  /** What its queues have counted. */
  queueCounts(): readonly QueueCounts[] {
    return this.#counters.map((counters) => counters.read());
  }

  /** Tells the device where window number `window` lies; returns its config space. */
  place(window: number, base: GuestAddress): Uint8Array {
    this.#options.thread.call({ kind: 'place', device: this.number, window, base });
    return this.#config;
  }

  /** `orko-vmm ctl NAME device …`. */
  async act(action: string, value: string | undefined): Promise<string> {
    const report = await this.#ask((call) =>
      this.#options.thread.post({ kind: 'act', device: this.number, action, value, call }),
    );
    assert(report.kind === 'answer', 'an action was answered with something else');
    return report.text;
  }

  /** The device's own counters. */
  async counters(): Promise<Readonly<Record<string, number>>> {
    const report = await this.#ask((call) => this.#options.thread.post({ kind: 'count', device: this.number, call }));
    assert(report.kind === 'counters', 'counters were answered with something else');
    return report.counters;
  }

  /** The process that serves it, if another one does. */
  async peer(): Promise<Credentials | undefined> {
    const report = await this.#ask((call) =>
      this.#options.thread.post({ kind: 'ask-peer', device: this.number, call }),
    );
    assert(report.kind === 'peer', 'who serves a device was answered with something else');
    return report.peer;
  }

  activate(queues: readonly QueueSetup[], features: bigint): void {
    const generation = ++this.#generation;
    this.#options.thread.post({ kind: 'activate', device: this.number, queues, features, generation });
  }

  notify(index: number): void {
    this.#kicks[index]!.signal();
  }

  /** Whether the driver takes interrupts by `irq` instead of `calls`, which are tied to nothing then. */
  setLine(isOn: boolean): void {
    this.#options.thread.call({ kind: 'set-line', device: this.number, isOn });
  }

  reset(): void {
    this.#options.thread.call({ kind: 'reset', device: this.number }, this.#patienceMs);
    this.#generation++;
  }

  stopQueue(index: number): void {
    this.#options.thread.call({ kind: 'stop-queue', device: this.number, index }, this.#patienceMs);
  }

  startQueue(queue: QueueSetup): void {
    this.#options.thread.post({ kind: 'start-queue', device: this.number, queue });
  }

  writeConfig(offset: number, bytes: Uint8Array): Uint8Array {
    this.#options.thread.call({ kind: 'write-config', device: this.number, offset, bytes }, this.#patienceMs);
    return this.#config;
  }

  /** Another process may be about something else when it is asked, and then takes its time for each. */
  get #patienceMs(): number {
    const { replyTimeoutS = 0 } = this.#options.keys.backend ?? {};
    return CALL_TIMEOUT_MS + 3 * 1000 * replyTimeoutS;
  }

  interrupt(): void {
    this.irq.signal();
  }

  /** For the thread: what it says about this device. */
  take(report: DeviceReport): void {
    switch (report.kind) {
      case 'created':
        this.#take(report.created);
        return;
      case 'refused':
        this.#creation.reject(restoreError(report.error));
        return;
      case 'config':
        this.#config = report.bytes;
        if (!report.asked) this.#options.onConfig(report.bytes);
        return;
      case 'rewire':
        this.#options.onRewire(() => this.#setWires(report.wires));
        this.#options.thread.post({ kind: 'rewired', device: this.number });
        return;
      case 'show':
        this.#options.thread.post({
          kind: 'shown',
          device: this.number,
          piece: report.piece,
          refusal: this.#show(report),
        });
        return;
      case 'hide':
        this.#options.onHide(report.piece);
        this.#options.thread.post({ kind: 'hidden', device: this.number, piece: report.piece });
        return;
      case 'faulted':
        // What was found before a reset is of no interest after it.
        if (report.generation === this.#generation) this.#options.onFault(report.reason);
        return;
      case 'declined':
        this.#answers.get(report.call)?.reject(restoreError(report.error));
        this.#answers.delete(report.call);
        return;
      case 'answer':
      case 'counters':
      case 'peer':
        this.#answers.get(report.call)?.resolve(report);
        this.#answers.delete(report.call);
        return;
      case 'log':
        this.#options.log(report.message);
    }
  }

  /** For the thread: it is gone. */
  failed(error: Error): void {
    this.#creation.reject(error);
    for (const { reject } of this.#answers.values()) reject(error);
    this.#answers.clear();
  }

  #take(created: CreatedDevice): void {
    this.#created = created;
    this.#config = created.config;
    this.#setWires(created.wires);
    const { counters, queueSizes } = created;
    if (counters) {
      this.#counters = queueSizes.map(
        (_, index) => new QueueCounters(new Uint8Array(counters, index * QueueCounters.BYTES, QueueCounters.BYTES)),
      );
    }
    this.#creation.resolve(created);
  }

  /** Why it cannot be shown. */
  #show(piece: WindowPiece): string | undefined {
    try {
      this.#options.onShow(piece);
      return undefined;
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      return error.message;
    }
  }

  /** They are the thread's, which closes them. */
  #setWires({ kicks, calls }: Wires): void {
    this.#kicks = kicks.map((number) => new EventFd(number));
    this.#calls = calls.map((number) => new EventFd(number));
  }

  #ask(post: (call: number) => void): Promise<DeviceReport> {
    if (this.#options.thread.failure) return Promise.reject(this.#options.thread.failure);
    const answer = Promise.withResolvers<DeviceReport>();
    this.#answers.set(++this.#questions, answer);
    post(this.#questions);
    return answer.promise;
  }

  [Symbol.dispose](): void {
    this.irq[Symbol.dispose]();
  }
}
