/**
 * A device of ours in a process of its own (`orko-vmm backend`): made from the keys that it has in a config, shown to one
 * front-end after the other. The thread sleeps in the loop of the device, and lets libuv have its turns when that has
 * something to do: signals, child processes.
 */
import { ListeningSocket } from '../backends/listening-socket.ts';
import { ConfigError } from '../base/errors.ts';
import { EXPORTED_TYPES, type ExportedKeys } from '../config/exported-types.ts';
import { eventLoopFd, turnEventLoop } from '../host/event-loop.ts';
import type { Fd } from '../host/fd.ts';
import { UnixSocket } from '../host/unix-socket.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import { BackEnd } from '../vhost-user/back-end.ts';
import { PeerGone } from '../vhost-user/peer-fault.ts';
import type { VirtioDevice } from '../virtio/device.ts';
import { createDevice } from './device-registry.ts';
import { ExportedDevice } from './exported-device.ts';
import { GuardedLoop } from './guarded-loop.ts';
import { EpollLoop } from './io-loop.ts';

export interface DeviceServerOptions {
  /** As in a config. */
  readonly name: string;
  readonly keys: ExportedKeys;
  /** Where front-ends connect; or a socket that is connected to one, or listens. */
  readonly at: { readonly path: string } | { readonly fd: Fd };
  /** One sentence to the user; `isDetail`: to one who wants to know more. */
  say(message: string, isDetail: boolean): void;
}

/** Where connections come from. */
type Listener = Disposable & Pick<UnixSocket, 'number' | 'accept'>;

interface Parts {
  readonly loop: EpollLoop;
  readonly guardedLoop: GuardedLoop;
  readonly memory: GuestMemory;
  readonly device: VirtioDevice;
}

export class DeviceServer implements Disposable {
  readonly #options: DeviceServerOptions;
  readonly #parts: Parts;
  readonly #exported: ExportedDevice;
  readonly #resources = new DisposableStack();
  #listener: Listener | undefined;
  #search: Disposable | undefined;
  #backEnd: BackEnd | undefined;
  #isLibuvDue = true;
  #isStopped = false;

  /** The device is there, and its socket, once this resolves. ConfigErrors and HostErrors are for the user. */
  static async create(options: DeviceServerOptions): Promise<DeviceServer> {
    const { name, keys, say } = options;
    const loop = new EpollLoop();
    const guardedLoop = new GuardedLoop(loop);
    const memory = new GuestMemory([]);
    const log = (message: string) => say(message, false);
    const device = await createDevice(keys, { name, loop: guardedLoop, memory, log });
    return new DeviceServer(options, { loop, guardedLoop, memory, device });
  }

  private constructor(options: DeviceServerOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    const { loop, device } = parts;
    const { keys, at, say } = options;
    this.#resources.use(loop);
    const { queueCountMin = 0, keepsNotes = false, hidesConfig = false } = EXPORTED_TYPES[keys.type];
    this.#exported = this.#resources.use(
      new ExportedDevice(device, {
        ...{ ...parts, queueCountMin, keepsNotes, hidesConfig, packed: keys.packed === 'on' },
        user: {
          interrupt: (index) => this.#backEnd?.interrupt(index),
          configChanged: () => this.#backEnd?.configChanged(),
          faulted: (reason) => {
            say(`The guest broke the specification, and has to begin anew: ${reason}`, false);
            this.#backEnd?.faulted();
          },
        },
      }),
    );
    this.#resources.defer(() => this.#backEnd?.[Symbol.dispose]());
    this.#resources.use(
      loop.watch(eventLoopFd(), { readable: true }, () => {
        this.#isLibuvDue = true;
      }),
    );
    if ('path' in at) {
      const socket = { path: at.path, what: 'back-end socket', keyPath: 'socket-path' };
      this.#listen(new ListeningSocket(socket));
    } else this.#begin(at.fd);
  }

  /** Serves until `stop`, or until the only connection that there can be is over. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      if (this.#isLibuvDue) {
        this.#isLibuvDue = false;
        await turnEventLoop();
      }
      if (!this.#isStopped) this.#parts.loop.turn();
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** What a device of the config does by `ctl NAME device DEVICE ACTION`; nothing where it has no such action. */
  act(action: string): void {
    try {
      const text = this.#parts.device.actions?.[action]?.run(undefined);
      if (text) this.#options.say(text, false);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#options.say(error.message, false);
    }
  }

  /** A socket that whoever started us has made: which kind it is shows when somebody is to be accepted. */
  #begin(fd: Fd): void {
    fd.setBlocking(false);
    const socket = UnixSocket.adopt(fd, `file descriptor ${fd.number}`);
    if (socket.isListening) this.#listen(socket);
    else this.#serve(socket);
  }

  #listen(listener: Listener): void {
    this.#listener = this.#resources.use(listener);
    this.#seek();
  }

  /** One at a time is served; others wait in the backlog. */
  #seek(): void {
    this.#search = this.#parts.loop.watch(this.#listener!.number, { readable: true }, () => {
      const socket = this.#listener!.accept();
      if (!socket) return;
      this.#search?.[Symbol.dispose]();
      this.#serve(socket);
    });
  }

  #serve(socket: UnixSocket): void {
    const { loop, memory } = this.#parts;
    const { say } = this.#options;
    say('a front-end is there', true);
    this.#backEnd = new BackEnd(socket, {
      ...{ loop, memory, device: this.#exported },
      log: (message) => say(message, false),
      onEnd: (fault) => {
        this.#backEnd = undefined;
        say(`the front-end: ${fault.message}`, fault instanceof PeerGone);
        if (this.#listener) this.#seek();
        else this.stop();
      },
    });
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
