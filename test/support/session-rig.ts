/** Our front-end and a scripted back-end, connected by a real socket pair, on one loop. */
import { readdirSync } from 'node:fs';
import { MiB } from '../../src/base/units.ts';
import { EventFd } from '../../src/host/eventfd.ts';
import { createMemfd } from '../../src/host/mapping.ts';
import { UnixSocket } from '../../src/host/unix-socket.ts';
import { EpollLoop } from '../../src/io/io-loop.ts';
import type { BackEndFacts, Ring } from '../../src/vhost-user/front-end.ts';
import { InflightMemory } from '../../src/vhost-user/inflight.ts';
import type { PeerFault } from '../../src/vhost-user/peer-fault.ts';
import { Session } from '../../src/vhost-user/session.ts';
import type { Tap } from '../../src/vhost-user/tap.ts';
import { type Script, ScriptedBackEnd } from './scripted-back-end.ts';

const WAIT_MS = 5_000;
export const RAM_BASE = 0x4000_0000;
export const RAM_SIZE = 2 * MiB;
export const CONFIG_BYTES = 8;
export const QUEUE_COUNT = 2;

export class SessionRig implements Disposable {
  readonly loop: EpollLoop;
  readonly backEnd: ScriptedBackEnd;
  readonly session: Session;
  readonly rings: readonly Ring[];
  readonly call: EventFd;
  readonly inflight = new InflightMemory();
  /** Config spaces of which we were told. */
  readonly configs: Uint8Array[] = [];
  fault: PeerFault | undefined;
  readonly #resources = new DisposableStack();

  constructor(script: Script = {}, options: { timeoutMs?: number; configSize?: number; tap?: Tap } = {}) {
    const { timeoutMs = WAIT_MS, configSize = CONFIG_BYTES, tap } = options;
    const use = <T extends Disposable>(resource: T) => this.#resources.use(resource);
    this.loop = use(new EpollLoop());
    const [ours, theirs] = UnixSocket.pair('a test');
    this.backEnd = use(new ScriptedBackEnd(theirs, this.loop, script));
    this.backEnd.config = new Uint8Array(CONFIG_BYTES).fill(7);
    this.call = use(EventFd.create());
    this.rings = Array.from({ length: QUEUE_COUNT }, (_, index) => ({
      setup: { index, size: 8, desc: RAM_BASE + index * 0x3000, driver: RAM_BASE + 0x1000, device: RAM_BASE + 0x2000 },
      kick: use(EventFd.create()),
      call: this.call,
      base: 0,
    }));
    use(this.inflight);
    this.session = use(
      new Session(ours, {
        loop: this.loop,
        memory: [{ base: RAM_BASE, size: RAM_SIZE, fd: use(createMemfd('test', RAM_SIZE)) }],
        wanted: { queueCount: QUEUE_COUNT, configSize },
        timeoutMs,
        tap,
        onConfig: (config) => void this.configs.push(config),
        onEnd: (fault) => {
          this.fault = fault;
        },
      }),
    );
  }

  /** What came of the probe; undefined when the connection has ended. */
  probe(): BackEndFacts | undefined {
    return this.#settled<BackEndFacts | undefined>((settle) => this.session.probe(settle));
  }

  start(driverFeatures: bigint): void {
    this.#settled((settle) =>
      this.session.start({ rings: this.rings, features: driverFeatures, inflight: this.inflight }, settle),
    );
  }

  stop(): void {
    this.#settled((settle) => this.session.stop(settle));
  }

  writeConfig(offset: number, bytes: Uint8Array): Uint8Array | undefined {
    return this.#settled<Uint8Array | undefined>((settle) => this.session.writeConfig(offset, bytes, settle));
  }

  until(condition: () => boolean, what: string): void {
    const deadline = performance.now() + WAIT_MS;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
      const cancel = this.loop.after(1, () => {});
      this.loop.turn();
      cancel();
    }
  }

  #settled<Result>(begin: (settle: (result: Result) => void) => void): Result {
    let outcome: { readonly result: Result } | undefined;
    begin((result) => {
      outcome = { result };
    });
    this.until(() => outcome !== undefined, 'an end');
    return outcome!.result;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

/** How many file descriptors this process has. */
export function openFdCount(): number {
  return readdirSync('/proc/self/fd').length;
}
