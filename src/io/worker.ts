/**
 * The entry of an I/O thread. It owns its devices, their queues and their backends, and sleeps in epoll_wait: kicks,
 * backends and requests of the main thread wake it, and nothing else does (libuv's own loop turns only while a device is
 * being made). It ends when it is told to, or by a bug.
 */
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { unreachable } from '../base/assert.ts';
import { HostError } from '../base/errors.ts';
import { viewOf } from '../host/libc.ts';
import { GuestMemory, type MemoryRegion } from '../memory/guest-memory.ts';
import { GuestCounter } from './guest-counter.ts';
import type { DeviceTeller, HostedDevice } from './hosted-device.ts';
import { EpollLoop } from './io-loop.ts';
import { plainError } from './plain-error.ts';
import { Control, type IoReport, type IoRequest, type IoThreadData, type MemoryPlace } from './protocol.ts';
import { RunningDevice } from './running-device.ts';

class IoWorker {
  readonly #port: MessagePort;
  readonly #control: Int32Array;
  /** RAM, what devices have instead of it, and windows: to be detached at the end. */
  readonly #regions: MemoryRegion[] = [];
  #memory = new GuestMemory([]);
  #counter = new GuestCounter();
  readonly #loop = new EpollLoop();
  readonly #devices = new Map<number, HostedDevice>();
  #isPaused = false;
  /** A call is not done yet; what follows it waits, while the loop goes on. */
  #isBusy = false;
  #isStopped = false;

  constructor({ port, wake, control }: IoThreadData) {
    this.#port = port;
    this.#control = new Int32Array(control);
    // What there is to do is looked for after every turn.
    this.#loop.watchSignals(wake, () => {});
  }

  async run(): Promise<void> {
    try {
      while (!this.#isStopped) {
        this.#loop.turn();
        do {
          const handled = this.#handleRequests();
          if (handled) await handled;
        } while (this.#isPaused && !this.#isBusy && this.#awaitRequest());
      }
    } catch (error) {
      const { message, stack = message } = error instanceof Error ? error : new Error(String(error));
      this.#report({ kind: 'failed', message, stack, isHostError: error instanceof HostError });
      Atomics.store(this.#control, Control.FAILED, 1);
      Atomics.notify(this.#control, Control.HANDLED);
    }
    this.#port.close();
  }

  /** Handles what has arrived. A promise when something takes longer; what follows it waits. */
  #handleRequests(): Promise<void> | undefined {
    while (!this.#isBusy) {
      const received = receiveMessageOnPort(this.#port) as { message: IoRequest } | undefined;
      if (received === undefined) return undefined;
      const pending = this.#handle(received.message);
      if (pending) return pending.then(() => this.#done()).then(() => this.#handleRequests());
      if (!this.#isBusy) this.#done();
    }
    return undefined;
  }

  /** A call that the device may need several turns of the loop for. */
  #call(work: (done: () => void) => void): undefined {
    this.#isBusy = true;
    let isLate = false;
    work(() => {
      this.#isBusy = false;
      if (isLate) this.#done();
    });
    isLate = true;
  }

  #handle(request: IoRequest): Promise<void> | undefined {
    switch (request.kind) {
      case 'begin':
        this.#counter = new GuestCounter(request.counter);
        this.#memory = this.#see(request.memory);
        return undefined;
      case 'create':
        return this.#create(request);
      case 'pause':
        this.#isPaused = true;
        return undefined;
      case 'resume':
        this.#isPaused = false;
        return undefined;
      case 'stop':
        this.#stop();
        return undefined;
      case 'act':
        this.#device(request).act(request.action, request.value, request.call);
        return undefined;
      case 'count':
        this.#device(request).count(request.call);
        return undefined;
      case 'ask-peer':
        this.#device(request).tellPeer(request.call);
        return undefined;
      case 'window':
        this.#addWindow(request);
        return undefined;
      case 'place':
        this.#device(request).place(request.window, request.base);
        return undefined;
      case 'activate':
        this.#device(request).activate(request.queues, request.features, request.generation);
        return undefined;
      case 'set-line':
        this.#device(request).setLine(request.isOn);
        return undefined;
      case 'reset':
        return this.#call((done) => this.#device(request).reset(done));
      case 'stop-queue':
        return this.#call((done) => this.#device(request).stopQueue(request.index, done));
      case 'start-queue':
        this.#device(request).startQueue(request.queue);
        return undefined;
      case 'write-config':
        return this.#call((done) => this.#device(request).writeConfig(request.offset, request.bytes, done));
      case 'shown':
        this.#device(request).shown(request.piece, request.refusal);
        return undefined;
      case 'hidden':
        this.#device(request).hidden(request.piece);
        return undefined;
      case 'rewired':
        this.#device(request).rewired();
        return undefined;
      default:
        return unreachable(request);
    }
  }

  /** Sleeps until there is a request that was not handled; always true. */
  #awaitRequest(): boolean {
    const handled = Atomics.load(this.#control, Control.HANDLED);
    Atomics.wait(this.#control, Control.POSTED, handled);
    return true;
  }

  async #create(request: IoRequest & { kind: 'create' }): Promise<void> {
    const { device: number, keys } = request;
    const tell: DeviceTeller = (report) => this.#report({ ...report, device: number } as IoReport);
    const memory = request.memory ? this.#see(request.memory) : this.#memory;
    const surroundings = { loop: this.#loop, memory, guestCounter: () => this.#counter.read(), tell };
    try {
      const file = keys.backend && (await import('./served-device.ts'));
      const device: HostedDevice = file
        ? file.createServed(request, surroundings)
        : await RunningDevice.create(request, surroundings);
      this.#devices.set(number, device);
    } catch (error) {
      tell({ kind: 'refused', error: plainError(error) });
    }
  }

  #device({ device }: { readonly device: number }): HostedDevice {
    return this.#devices.get(device)!;
  }

  #see(places: readonly MemoryPlace[]): GuestMemory {
    const regions = places.map(({ base, size, pointer, fd }) => {
      return { range: { base, size }, buffer: viewOf(pointer, size), pointer, fd };
    });
    this.#regions.push(...regions);
    return new GuestMemory(regions);
  }

  #addWindow({ base, size, pointer, readOnly }: IoRequest & { kind: 'window' }): void {
    const window = { range: { base, size }, buffer: viewOf(pointer, size), pointer };
    this.#regions.push(window);
    this.#memory.addWindow(window, { readOnly });
  }

  #stop(): void {
    for (const device of this.#devices.values()) device[Symbol.dispose]();
    this.#loop[Symbol.dispose]();
    // Guest RAM will be unmapped: what still wants to touch it shall throw instead of ending the process.
    for (const { buffer } of this.#regions) buffer.transfer(0);
    this.#isPaused = false;
    this.#isStopped = true;
  }

  #done(): void {
    Atomics.add(this.#control, Control.HANDLED, 1);
    Atomics.notify(this.#control, Control.HANDLED);
  }

  #report(report: IoReport): void {
    this.#port.postMessage(report);
  }
}

void new IoWorker(workerData as IoThreadData).run();
