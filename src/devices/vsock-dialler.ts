/**
 * Opens the host's ends of connections that the guest asks for. A listener whose backlog is full is tried again, for its
 * callers in the order in which they came, so that a thousand that wait cost no more than one.
 */
import type { IoLoop } from '../virtio/device.ts';
import { Timeouts } from '../virtio/timeouts.ts';
import type { Ports } from './vsock-ports.ts';
import type { VsockHost, VsockStream } from './vsock-stream.ts';

const AGAIN_MS = 10;

export class VsockDialler<Caller extends Ports> {
  readonly #host: VsockHost;
  readonly #answer: (caller: Caller, stream: VsockStream | undefined) => void;
  /** Who waits for a busy port. */
  readonly #queues = new Map<number, Set<Caller>>();
  readonly #again: Timeouts<number>;

  /** `answer`: the stream is there, or nobody is. `served` follows what was answered later than in `dial`. */
  constructor(
    host: VsockHost,
    loop: IoLoop,
    answer: (caller: Caller, stream: VsockStream | undefined) => void,
    served: () => void,
  ) {
    this.#host = host;
    this.#answer = answer;
    this.#again = new Timeouts(loop, AGAIN_MS, (port) => {
      this.#serve(port);
      served();
    });
  }

  dial(caller: Caller): void {
    const port = caller.hostPort;
    const queue = this.#queues.get(port);
    if (queue) {
      queue.add(caller);
      return;
    }
    this.#queues.set(port, new Set([caller]));
    this.#serve(port);
  }

  /** It does not want a stream any more. */
  forget(caller: Caller): void {
    const queue = this.#queues.get(caller.hostPort);
    queue?.delete(caller);
    if (queue?.size === 0) this.#end(caller.hostPort);
  }

  #serve(port: number): void {
    for (const caller of this.#queues.get(port) ?? []) {
      const stream = this.#host.connect(port);
      if (stream === 'busy') {
        this.#again.add(port);
        return;
      }
      this.#queues.get(port)?.delete(caller);
      this.#answer(caller, stream);
    }
    this.#end(port);
  }

  #end(port: number): void {
    this.#queues.delete(port);
    this.#again.delete(port);
  }
}
