/**
 * A back-end that is ours to start: its program runs as long as it is connected, says what it says with the device's name in
 * front, and ends with the VM, however that ends.
 */
import { accessSync, chownSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join, resolve } from 'node:path';
import { ConfigError, HostError } from '../base/errors.ts';
import { ChildProcess } from '../host/child-process.ts';
import type { User } from '../host/users.ts';
import type { IoLoop } from '../virtio/device.ts';
import { Connector } from './connector.ts';
import type { Seeker, Source } from './source.ts';
import { userOf } from './user-of.ts';

/** How long it may take to end when it is asked to (SIGTERM: "Backend program conventions"). */
const END_MS = 300;
/** A program that ends at once, over and over, is started again after this, and then less and less often. */
const RESTART_MS_MIN = 100;
const RESTART_MS_MAX = 10_000;
/** Of util-linux: the kernel then ends the program when the thread that started it is gone. */
const TIE = ['setpriv', '--pdeathsig', 'KILL'];
const CONFINE = '--no-new-privs';
const LINES_PER_SECOND = 100;
const SOCKET_WORD = '{socket}';

export interface ProgramOptions {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  /** It comes by no more rights than its user has, whatever it starts (PR_SET_NO_NEW_PRIVS): so none over other processes. */
  readonly isConfined: boolean;
  /** Of the config: `devices.share.backend`. */
  readonly keyPath: string;
  readonly loop: IoLoop;
  log(message: string): void;
  /** It is not running any more: "virtiofsd was ended by SIGSEGV". */
  onEnd?(how: string): void;
}

export class Program implements Source {
  readonly name: string;
  readonly #options: ProgramOptions;
  readonly #words: readonly string[];
  readonly #user: User | undefined;
  readonly #resources = new DisposableStack();
  readonly #socketPath: string;
  readonly #connector: Connector;
  #running: { readonly child: ChildProcess; readonly watch: Disposable } | undefined;
  #restartMs = RESTART_MS_MIN;
  #cancelRestart = () => {};
  /** What it has said in the second that goes on. */
  #second = { beganMs: 0, lines: 0 };
  /** What it has said last: why it has ended, most likely. */
  #lastLine = '';

  constructor(options: ProgramOptions) {
    this.#options = options;
    const { command, keyPath, loop, user } = options;
    this.name = basename(command[0]!);
    const program = findProgram(command[0]!);
    if (program === undefined) {
      throw new ConfigError(`Cannot start ${command[0]}: there is no such program: install it, or write its path`, {
        keyPath: `${keyPath}.command`,
      });
    }
    this.#user = user === undefined ? undefined : userOf(user, `${keyPath}.user`, 'start a program as');
    // The folder of our own user's sockets is closed to others.
    const runtime = this.#user ? undefined : process.env['XDG_RUNTIME_DIR'];
    const folder = mkdtempSync(join(runtime ?? tmpdir(), 'orko-backend-'));
    this.#resources.defer(() => rmSync(folder, { recursive: true, force: true }));
    if (this.#user) chownSync(folder, this.#user.uid, this.#user.gid);
    this.#socketPath = join(folder, 'vhost-user.sock');
    const tie = this.#tie();
    const words = command.slice(1).map((word) => word.replaceAll(SOCKET_WORD, this.#socketPath));
    this.#words = [...tie, program, ...words];
    this.#connector = this.#resources.use(new Connector(this.#socketPath, loop, [this.#numberedPath]));
  }

  seek(seeker: Seeker): void {
    this.cut();
    for (const path of this.paths) rmSync(path, { force: true });
    try {
      this.#start(seeker);
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      seeker.stuck(error.message);
      this.#startLater(seeker);
      return;
    }
    this.#connector.seek({
      found: (socket) => {
        this.#restartMs = RESTART_MS_MIN;
        seeker.found(socket);
      },
      stuck: seeker.stuck,
    });
  }

  /** Whatever it is doing, it does it no more. */
  cut(): void {
    this.#cancelRestart();
    this.#connector.cut();
    this.#stop((child) => child.kill());
  }

  /** Where it may listen. */
  get paths(): readonly string[] {
    return [this.#socketPath, this.#numberedPath];
  }

  #tie(): readonly string[] {
    const { isConfined, keyPath } = this.#options;
    if (findProgram(TIE[0]!) !== undefined) return [...TIE, ...(isConfined ? [CONFINE] : []), '--'];
    if (!isConfined) return [];
    const message = `Cannot start ${this.name} so that it gains no rights: there is no setpriv: install util-linux`;
    throw new ConfigError(message, { keyPath: `${keyPath}.user` });
  }

  /** Some programs (vhost-device) can serve several devices, and put a number behind the path for each. */
  get #numberedPath(): string {
    return `${this.#socketPath}0`;
  }

  #start(seeker: Seeker): void {
    const { env, loop } = this.#options;
    const [command, ...words] = this.#words;
    const child = ChildProcess.startNow({
      ...{ command: command!, arguments: words, fds: [], user: this.#user },
      env: { ...process.env, ...env },
      remedy: 'check its permissions',
    });
    this.#lastLine = '';
    const watch = loop.watch(child.fd, { readable: true }, () => {
      const { lines, end } = child.take();
      for (const line of lines) this.#say(line);
      this.#lastLine = lines.at(-1) ?? this.#lastLine;
      if (end !== undefined) this.#ended(end.replace(command!, this.name), seeker);
    });
    this.#running = { child, watch };
  }

  /** A program that prints without end fills nobody's log, nor the way to it. */
  #say(line: string): void {
    const { loop, log } = this.#options;
    if (loop.nowMs - this.#second.beganMs >= 1_000) {
      const leftOut = this.#second.lines - LINES_PER_SECOND;
      if (leftOut > 0) log(`${this.name}: and ${leftOut} lines more`);
      this.#second = { beganMs: loop.nowMs, lines: 0 };
    }
    if (this.#second.lines++ < LINES_PER_SECOND) log(`${this.name}: ${line}`);
  }

  /** When it was connected, whoever has the connection notices too; when it was not, it is tried again. */
  #ended(how: string, seeker: Seeker): void {
    this.#stop(() => {});
    this.#options.log(how);
    this.#options.onEnd?.(how);
    if (!this.#connector.isSeeking) return;
    seeker.stuck(this.#lastLine ? `${how}: ${this.#lastLine}` : how);
    // The answer to that may have been to end it all.
    if (this.#connector.isSeeking) this.#startLater(seeker);
  }

  #startLater(seeker: Seeker): void {
    this.#cancelRestart = this.#options.loop.after(this.#restartMs, () => this.seek(seeker));
    this.#restartMs = Math.min(2 * this.#restartMs, RESTART_MS_MAX);
  }

  #stop(how: (child: ChildProcess) => void): void {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    running.watch[Symbol.dispose]();
    how(running.child);
    running.child[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#cancelRestart();
    this.#stop((child) => child.terminate(END_MS));
    this.#resources.dispose();
  }
}

/** The path of a program, looked for as a shell does. */
function findProgram(name: string): string | undefined {
  const folders = name.includes('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => resolve(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
