/**
 * A machine as a user sees it: with its console, its control socket, the signals that end it, and the lines it says on
 * standard error. From a config to the way it ended.
 */

import { type ConsoleBackend, openConsole } from '../backends/console.ts';
import { assert } from '../base/assert.ts';
import type { VmConfig } from '../config/schema.ts';
import { ControlListener } from '../control/listener.ts';
import {
  type ControlEvent,
  type DeviceDescription,
  type DeviceSharing,
  type MachineStats,
  type MachineStatus,
  type MemoryReport,
  PROTOCOL_VERSION,
} from '../control/protocol.ts';
import { claimSocket, claimSocketAt, socketFolder } from '../control/registry.ts';
import { type MachineControl, RequestRefused } from '../control/server.ts';
import type { GuestEvent } from '../devices/pvpanic.ts';
import { after } from '../host/timer.ts';
import type { HeadStart } from './head-start.ts';
import type { MachineEnding, MachineObserver, MachineState } from './lifecycle.ts';
import { Machine } from './machine.ts';
import { StdioConsole } from './stdio-console.ts';

/** How long whoever reads the console may take, at the end, to read what the guest has printed. */
const DRAIN_MS = 5_000;
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

export interface SessionOptions {
  /** One line for the user, on standard error. */
  say(line: string): void;
  readonly verbose: boolean;
  /** Says what was counted, at the end and, unless 0, every so many seconds. */
  readonly statistics?: { readonly everyS: number; say(stats: MachineStats): void } | undefined;
  /** What the process will end with, for the last event of the control socket. */
  readonly exitCodes: Readonly<Record<MachineEnding['kind'], number>>;
}

/** An event without the time, which is added when it is sent. */
type Happening = ControlEvent extends infer Event ? (Event extends unknown ? Omit<Event, 'atMs'> : never) : never;

/** `start`: of this config; disposed of by the caller, afterwards. */
export async function runSession(config: VmConfig, start: HeadStart, options: SessionOptions): Promise<MachineEnding> {
  const session = new Session(config, start, options);
  return session.run();
}

class Session implements MachineObserver, MachineControl {
  readonly #config: VmConfig;
  readonly #start: HeadStart;
  readonly #options: SessionOptions;
  readonly #startedAt = performance.now();
  readonly #listeners = new Set<(event: ControlEvent) => void>();
  #machine: Machine | undefined;
  #console: ConsoleBackend | undefined;
  #cancelStopTimer: (() => void) | undefined;
  /** Thrown while somebody was served on the control socket: thrown again from `run`. */
  #bug: unknown;

  constructor(config: VmConfig, start: HeadStart, options: SessionOptions) {
    this.#config = config;
    this.#start = start;
    this.#options = options;
  }

  async run(): Promise<MachineEnding> {
    const socketPath = await this.#claimControlSocket();
    using resources = new DisposableStack();
    const options = { say: this.#options.say, onEscape: (key: 'quit' | 'powerkey') => this.#escape(key) };
    const console = resources.use(openConsole(this.#config.console, { ...options, hold: () => this.#machine?.hold() }));
    this.#console = console;
    const stdio = resources.use(new StdioConsole(this.#config, options));
    const machine = resources.use(await Machine.create(stdio.config, this.#start, console, this));
    this.#machine = machine;
    const onSignal = (signal: NodeJS.Signals) => this.#signalled(signal);
    for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
    resources.defer(() => {
      for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
    });
    const control = new ControlListener(socketPath, this, (error) => this.#ourBug(error));
    console.start((bytes) => machine.receive(bytes));
    stdio.start((device, size) => void machine.act(device, 'resize', size).catch(() => {}));
    let ending: MachineEnding | undefined;
    const stopStatistics = this.#sayStatistics();
    try {
      ending = await machine.run();
      await stopStatistics();
    } finally {
      this.#cancelStopTimer?.();
      if (this.#options.verbose) this.#options.say(`${this.#config.name}: ${machine.exits} exits since the last boot`);
      await this.#sayGoodbye(control, ending);
      // After a bug of ours what the console still holds has the last chance that closing it gives, within our 2 s.
      const isBug = ending === undefined || this.#bug !== undefined;
      if (!isBug) await Promise.race([console.drain(), new Promise<void>((resolve) => after(DRAIN_MS, resolve))]);
    }
    if (this.#bug !== undefined) throw this.#bug;
    return ending;
  }

  stateChanged(from: MachineState, to: MachineState): void {
    if (this.#options.verbose) this.#options.say(`${this.#config.name}: ${from} → ${to}`);
    this.#report({ event: 'state', from, to });
  }

  rebooted(boots: number, by: 'guest' | 'control'): void {
    if (this.#options.verbose) this.#options.say(`${this.#config.name}: boot number ${boots}, asked for by ${by}`);
    this.#report({ event: 'reboot', boots, by });
  }

  guestEvent(event: GuestEvent): void {
    if (event === 'shutdown') return;
    this.#options.say(
      `${this.#config.name}: the guest reports that it ${event === 'panicked' ? 'panicked' : 'panicked and runs its crash kernel'}`,
    );
    this.#report({ event: 'guest-panic', how: event });
  }

  warning(message: string): void {
    this.#options.say(`${this.#config.name}: ${message}`);
    this.#report({ event: 'warning', message });
  }

  status(): MachineStatus {
    const machine = this.#running();
    return {
      protocol: PROTOCOL_VERSION,
      name: this.#config.name,
      pid: process.pid,
      state: machine.state,
      cpus: this.#config.cpus.count,
      memoryBytes: this.#config.memory.size,
      uptimeMs: this.#uptimeMs(),
      boots: machine.boots,
      config: this.#config.file,
      console: this.#console?.description ?? 'none',
    };
  }

  pause(): undefined {
    const machine = this.#running();
    if (machine.state !== 'running') throw new RequestRefused(`Cannot pause: the VM is ${machine.state}`);
    machine.pause();
  }

  resume(): undefined {
    const machine = this.#running();
    if (machine.state !== 'paused') throw new RequestRefused(`Cannot resume: the VM is ${machine.state}`);
    machine.resume();
  }

  powerkey(): undefined {
    this.#pressPowerKey('control');
  }

  reboot(): undefined {
    this.#running().requestReboot();
  }

  stop(): undefined {
    this.#running().requestStop();
  }

  devices(): readonly DeviceDescription[] {
    return this.#running().devices;
  }

  act(device: string, action: string, value: string | undefined): Promise<string> {
    return this.#running().act(device, action, value);
  }

  async stats(): Promise<MachineStats> {
    const machine = this.#running();
    const { cpus, kvm, devices } = await machine.stats();
    return { name: this.#config.name, uptimeMs: this.#uptimeMs(), boots: machine.boots, cpus, kvm, devices };
  }

  sharing(): Promise<readonly DeviceSharing[]> {
    return this.#running().sharing();
  }

  memory(): Promise<MemoryReport> {
    return this.#running().explainMemory();
  }

  subscribe(listener: (event: ControlEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Says what was counted every now and then; what is returned says it a last time. */
  #sayStatistics(): () => Promise<void> {
    const { statistics } = this.#options;
    if (statistics === undefined) return async () => {};
    const { everyS } = statistics;
    let cancel = () => {};
    const again = () => {
      cancel = after(everyS * 1000, () => {
        again();
        this.stats().then(
          (stats) => statistics.say(stats),
          (error: unknown) => this.#ourBug(error),
        );
      });
    };
    if (everyS > 0) again();
    return async () => {
      cancel();
      statistics.say(await this.stats());
    };
  }

  /** A first signal presses the power key; a second one, or a guest that takes too long, stops hard. */
  #signalled(signal: string): void {
    const machine = this.#machine!;
    const seconds = this.#config.stopTimeoutS;
    if (this.#cancelStopTimer || seconds === 0 || machine.state === 'paused') {
      machine.requestStop();
      return;
    }
    this.#options.say(
      `${this.#config.name}: ${signal}: pressed the power key; the guest has ${seconds} s to shut down, a second signal stops it at once`,
    );
    this.#cancelStopTimer = after(seconds * 1000, () => {
      this.#options.say(`${this.#config.name}: the guest did not shut down within ${seconds} s`);
      machine.requestStop();
    });
    this.#pressPowerKey('signal');
  }

  #escape(action: 'quit' | 'powerkey'): void {
    if (action === 'quit') this.#machine?.requestStop();
    else this.#pressPowerKey('control');
  }

  #pressPowerKey(by: 'control' | 'signal'): void {
    const machine = this.#running();
    if (machine.state === 'paused') throw new RequestRefused('Cannot press the power key: the VM is paused');
    machine.pressPowerKey();
    this.#report({ event: 'powerkey', by });
  }

  async #claimControlSocket(): Promise<string> {
    const { controlSocket } = this.#config;
    if (controlSocket !== undefined) return claimSocketAt(controlSocket, 'control-socket');
    const uid = process.getuid!();
    return claimSocket(this.#config.name, socketFolder({ env: process.env, uid }), uid);
  }

  async #sayGoodbye(control: ControlListener, ending: MachineEnding | undefined): Promise<void> {
    const reason = ending === undefined ? 'orko-vmm failed' : ending.kind === 'failed' ? ending.message : ending.kind;
    if (ending?.kind === 'failed') this.#report({ event: 'guest-crash', reason: ending.message.split('\n', 1)[0]! });
    if (ending) this.#report({ event: 'stopped', exitCode: this.#options.exitCodes[ending.kind], reason: ending.kind });
    await control.close(reason);
  }

  /** A bug in what the control socket asked for: the machine stops, and it is thrown from `run`. */
  #ourBug(error: unknown): void {
    this.#bug ??= error;
    this.#machine?.requestStop();
  }

  #running(): Machine {
    assert(this.#machine !== undefined, 'the machine was asked something before it was made');
    return this.#machine;
  }

  #uptimeMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  #report(happening: Happening): void {
    const event = { ...happening, atMs: this.#uptimeMs() } as ControlEvent;
    for (const listener of this.#listeners) listener(event);
  }
}
