/** The back-end that is looked at: one that listens, or one that is started for it, as often as it ends. */
import { HostError } from '../base/errors.ts';
import { sleep } from '../host/poll.ts';
import { UnixSocket } from '../host/unix-socket.ts';
import { EpollLoop } from '../io/io-loop.ts';
import { Program } from '../vhost-user/program.ts';

/** How long somebody who has lost a connection may take to accept the next one. */
const ACCEPT_MS = 2_000;
const AGAIN_MS = 10;
const START_MS = 10_000;

export interface Target extends Disposable {
  /** For messages: "/run/disk.sock". */
  readonly name: string;
  readonly loop: EpollLoop;
  /** Whether it can be started again when it is gone. */
  readonly isOurs: boolean;
  /** A new connection. A HostError where none can be had. */
  connect(): UnixSocket;
  /** How the program has ended since the last call, if it has or does so within `withinMs`, and if we can know. */
  takeEnd(withinMs: number): string | undefined;
  /** Whether another connection is accepted beside the one that there is; it is closed at once. */
  tryAnother(): boolean;
  /** Ends it, however it is: the next connection is to a new one. Absent where it is not ours. */
  restart?(): void;
}

export function listeningTarget(path: string): Target {
  const loop = new EpollLoop();
  return {
    ...{ name: path, loop, isOurs: false },
    connect: () => connectSoon([path], ACCEPT_MS, () => false),
    takeEnd: () => undefined,
    tryAnother: () => canConnect([path]),
    [Symbol.dispose]: () => loop[Symbol.dispose](),
  };
}

/** `command`: words, `{socket}` for where it has to listen. `say` gets what it prints. */
export function startedTarget(command: readonly string[], say: (line: string) => void): Target {
  return new StartedTarget(command, say);
}

class StartedTarget implements Target {
  readonly name: string;
  readonly loop: EpollLoop;
  readonly isOurs = true;
  readonly #program: Program;
  readonly #resources = new DisposableStack();
  #isRunning = false;
  #end: string | undefined;

  constructor(command: readonly string[], say: (line: string) => void) {
    this.loop = this.#resources.use(new EpollLoop());
    this.#program = this.#resources.use(
      new Program({
        ...{ command, env: {}, user: undefined, isConfined: false, keyPath: '--command', loop: this.loop, log: say },
        onEnd: (how) => {
          this.#isRunning = false;
          this.#end = how;
        },
      }),
    );
    this.name = this.#program.name;
  }

  connect(): UnixSocket {
    this.#turn();
    if (this.#isRunning) {
      const socket = this.#connectAgain();
      if (socket) return socket;
    }
    return this.#start();
  }

  takeEnd(withinMs: number): string | undefined {
    const deadline = performance.now() + withinMs;
    do this.#turn();
    while (this.#end === undefined && performance.now() < deadline);
    const end = this.#end;
    this.#end = undefined;
    return end;
  }

  tryAnother(): boolean {
    return canConnect(this.#program.paths);
  }

  restart(): void {
    this.#program.cut();
    this.#isRunning = false;
  }

  /** What listens already; undefined when it has ended. One that neither ends nor accepts is an error. */
  #connectAgain(): UnixSocket | undefined {
    try {
      return connectSoon(this.#program.paths, ACCEPT_MS, () => {
        this.#turn();
        return !this.#isRunning;
      });
    } catch (error) {
      if (this.#isRunning) throw error;
      return undefined;
    }
  }

  #start(): UnixSocket {
    let found: UnixSocket | undefined;
    let reason: string | undefined;
    this.#isRunning = true;
    this.#program.seek({
      found: (socket) => {
        found = socket;
      },
      stuck: (why) => {
        reason = why;
      },
    });
    const deadline = performance.now() + START_MS;
    while (found === undefined && reason === undefined && performance.now() < deadline) this.#turn();
    if (found) return found;
    this.#program.cut();
    this.#isRunning = false;
    throw new HostError(`Cannot start ${this.name}: ${reason ?? `it does not listen within ${START_MS / 1000} s`}`);
  }

  #turn(): void {
    const cancel = this.loop.after(1, () => {});
    this.loop.turn();
    cancel();
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

function canConnect(paths: readonly string[]): boolean {
  return paths.some((path) => {
    const result = UnixSocket.connectNow(path);
    if (!(result instanceof UnixSocket)) return false;
    result[Symbol.dispose]();
    return true;
  });
}

function connectSoon(paths: readonly string[], withinMs: number, isInVain: () => boolean): UnixSocket {
  const deadline = performance.now() + withinMs;
  for (;;) {
    for (const path of paths) {
      const result = UnixSocket.connectNow(path);
      if (result instanceof UnixSocket) return result;
    }
    if (isInVain() || performance.now() > deadline) return UnixSocket.connect(paths[0]!, 0);
    sleep(AGAIN_MS);
  }
}
