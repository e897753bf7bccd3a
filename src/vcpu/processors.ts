/**
 * All vCPUs of a guest, and who runs them. The main thread runs vCPU 0 where another program would sleep in epoll; the
 * others have native threads. Every exit is answered on the main thread, so no device needs a lock. What makes this fast
 * is that exits are rare: output is coalesced, registers are read from memory (docs/architecture.md, "Who answers an exit").
 */
import { EAGAIN, EFAULT, EINTR } from '../abi/errno.ts';
import { KVM_EXIT_INTR, KVM_EXIT_MMIO, KVM_EXIT_UNKNOWN } from '../abi/kvm.ts';
import { HostError } from '../base/errors.ts';
import { FewTimes } from '../base/few-times.ts';
import type { GuestAddress } from '../base/range.ts';
import { formatAddress } from '../base/units.ts';
import type { Signals } from '../host/signals.ts';
import { type Exit, ExitReader } from '../kvm/exit.ts';
import type { Vcpu } from '../kvm/vcpu.ts';
import { describeRegisters, explainExit, explainRunFailure, explainUnaligned } from './describe.ts';
import type { UndecodedAccesses } from './undecoded.ts';
import type { VcpuThread } from './vcpu-thread.ts';

/** How long a kicked vCPU may take to leave KVM_RUN before we call the host stuck. */
const PARK_TIMEOUT_MS = 10_000;

/** Of instructions that cannot be carried out: so many are reported. */
const UNDECODED_SAID_MAX = 16;

/** Where the guest's accesses go. */
export interface MmioHandler {
  read(address: GuestAddress, size: 1 | 2 | 4 | 8): number | bigint;
  write(address: GuestAddress, size: 1 | 2 | 4 | 8, value: number | bigint): void;
  /** Called after every return from KVM_RUN, before the exit is answered: writes that KVM stored away come first. */
  drain(): void;
}

/** What happens to an access that hardware did not decode: it is carried out, gives the guest an external abort, or ends the run. */
export type UndecodedPolicy = 'emulate' | 'inject' | 'stop';

export interface ProcessorsWorld {
  readonly signals: Signals;
  readonly mmio: MmioHandler;
  /** Asked for when there is one. */
  readonly undecoded: UndecodedAccesses;
  readonly undecodedPolicy: UndecodedPolicy;
  log(message: string): void;
}

/** Why the guest stopped. */
export type Ending =
  | { readonly kind: 'shutdown' | 'reset' | 'guest-crash' }
  | { readonly kind: 'failed'; readonly message: string };

export class Processors {
  readonly #vcpus: readonly Vcpu[];
  readonly #exits: readonly ExitReader[];
  readonly #threads: readonly VcpuThread[];
  readonly #signals: Signals;
  readonly #mmio: MmioHandler;
  readonly #world: ProcessorsWorld;
  readonly #undecodedLog: FewTimes;
  #ending: Ending | undefined;
  /** vCPUs that came back last time although nobody had kicked them. */
  readonly #unkicked = new Set<number>();
  readonly #exitCounts: Float64Array;
  readonly #undecodedCounts: Float64Array;

  /** `threads`: one for each vCPU but the first, waiting. */
  constructor(vcpus: readonly Vcpu[], threads: readonly VcpuThread[], world: ProcessorsWorld) {
    this.#vcpus = vcpus;
    this.#exitCounts = new Float64Array(vcpus.length);
    this.#undecodedCounts = new Float64Array(vcpus.length);
    this.#exits = vcpus.map((vcpu) => new ExitReader(vcpu.run.view));
    this.#threads = threads;
    this.#signals = world.signals;
    this.#mmio = world.mmio;
    this.#world = world;
    this.#undecodedLog = new FewTimes(UNDECODED_SAID_MAX, world.log);
    threads.forEach((thread, index) => {
      thread.assign(vcpus[index + 1]!);
    });
  }

  /** Returns from KVM_RUN, of each vCPU. */
  get exitCounts(): readonly number[] {
    return [...this.#exitCounts];
  }

  /** How many of them were accesses whose instruction hardware did not decode. */
  get undecodedCounts(): readonly number[] {
    return [...this.#undecodedCounts];
  }

  /** Lets every vCPU but the first run (again). */
  start(): void {
    this.#threads.forEach((thread) => {
      thread.proceed();
    });
  }

  /**
   * Runs vCPU 0, and answers the exits of all, until the guest ends or `interrupted()` says that the main thread is
   * wanted elsewhere. It is asked after every kick.
   */
  run(interrupted: () => boolean): Ending | undefined {
    const first = this.#vcpus[0]!;
    while (this.#ending === undefined) {
      const errno = first.enter();
      this.#exitCounts[0]!++;
      this.#mmio.drain();
      if (errno === 0) this.#answer(0);
      else if (errno === EINTR || errno === EAGAIN) {
        this.#signals.consume();
        this.#serveThreads();
        if (interrupted()) break;
      } else this.#answerFailure(0, errno);
    }
    return this.#ending;
  }

  /**
   * Brings every vCPU out of KVM_RUN and keeps it out until `start` (vCPU 0 is out, since we run). An exit that a vCPU
   * came back with is answered; one that ends the guest shows in the next `run`.
   */
  park(): void {
    const deadline = performance.now() + PARK_TIMEOUT_MS;
    for (const thread of this.#threads) {
      thread.kick();
      while (!thread.waits) {
        if (performance.now() > deadline) throw new HostError('Cannot bring a vCPU out of KVM_RUN: KVM does not react');
        this.#signals.wait(100);
      }
    }
    this.#mmio.drain();
    this.#threads.forEach((_, index) => {
      // A KVM_RUN that failed will fail again when the vCPU goes on, and is looked into then.
      if (this.#exits[index + 1]!.reason !== KVM_EXIT_UNKNOWN) this.#answer(index + 1);
    });
  }

  /**
   * Calls `look` while no vCPU is in KVM_RUN: that holds the vCPU's lock, for which every other ioctl on it waits, and a vCPU that
   * sleeps may be there for ever.
   */
  outside<Value>(look: () => Value): Value {
    if (this.#threads.every((thread) => thread.waits)) return look();
    this.park();
    const seen = look();
    this.start();
    return seen;
  }

  #serveThreads(): void {
    for (let index = 1; index < this.#vcpus.length; index++) {
      const thread = this.#threads[index - 1]!;
      if (!thread.waits) continue;
      this.#exitCounts[index]!++;
      this.#mmio.drain();
      this.#answerThread(index, thread);
      if (this.#ending !== undefined) return;
      thread.proceed();
    }
  }

  #answerThread(index: number, thread: VcpuThread): void {
    const { reason } = this.#exits[index]!;
    if (reason !== KVM_EXIT_UNKNOWN && (reason !== KVM_EXIT_INTR || thread.wasKicked)) {
      this.#unkicked.delete(index);
      this.#answer(index);
      return;
    }
    // A kick that came when the vCPU was on its way out stays pending and ends its next KVM_RUN: once is no failure.
    if (reason === KVM_EXIT_INTR && !this.#unkicked.has(index)) {
      this.#unkicked.add(index);
      return;
    }
    // KVM_RUN failed, and a native thread cannot tell us why: run the vCPU here, once, to see the errno.
    const errno = this.#vcpus[index]!.enter();
    if (errno === 0) this.#answer(index);
    else if (errno === EINTR || errno === EAGAIN) this.#signals.consume();
    else this.#answerFailure(index, errno);
  }

  #answer(index: number): void {
    const exit = this.#exits[index]!;
    const { reason } = exit;
    if (reason === KVM_EXIT_MMIO) this.#answerMmio(exit);
    else if (reason !== KVM_EXIT_INTR) this.#answerRare(index, exit);
    exit.forget();
  }

  #answerMmio(exit: ExitReader): void {
    const size = exit.mmioLength as 0 | 1 | 2 | 4 | 8;
    if (size === 0) return;
    const address = exit.mmioAddress;
    if (!exit.mmioIsWrite) exit.completeRead(this.#mmio.read(address, size));
    else this.#mmio.write(address, size, size === 8 ? exit.mmioValue64 : exit.mmioValue(size));
  }

  #answerRare(index: number, reader: ExitReader): void {
    const exit = reader.decode();
    switch (exit.kind) {
      case 'shutdown':
      case 'reset':
      case 'guest-crash':
        this.#ending ??= { kind: exit.kind };
        return;
      case 'suspend':
        // Not enabled (KVM_CAP_ARM_SYSTEM_SUSPEND); should a kernel send it all the same, waking up at once is allowed.
        return;
      case 'nisv':
        this.#answerUndecoded(index, exit);
        return;
      default:
        this.#failed(index, explainExit(exit));
    }
  }

  /** A device, or nothing, lies at that address, and KVM cannot tell what the instruction moves. */
  #answerUndecoded(index: number, exit: Extract<Exit, { kind: 'nisv' }>): void {
    const vcpu = this.#vcpus[index]!;
    this.#undecodedCounts[index]!++;
    const at = `device address ${formatAddress(exit.fault_ipa)}`;
    const { undecoded, undecodedPolicy } = this.#world;
    if (undecodedPolicy === 'stop') {
      const { pc, instruction } = undecoded.describe(vcpu);
      const what = `at ${formatAddress(pc)} it used ${instruction} on ${at}, which hardware does not decode`;
      this.#failed(
        index,
        `${what}, and nisv is stop: let nisv be emulate, or have the guest use single loads and stores`,
      );
      return;
    }
    const outcome =
      undecodedPolicy === 'emulate'
        ? undecoded.answer(vcpu, exit)
        : {
            ...undecoded.describe(vcpu),
            kind: 'refused',
            why: 'hardware does not decode it, and nisv is inject',
          };
    if (!('why' in outcome)) return;
    const { pc, instruction, why } = outcome;
    this.#undecodedLog.say(
      `Guest used ${instruction} on ${at}, at pc ${formatAddress(pc)}: ${why}: it gets an external abort`,
    );
    vcpu.injectExternalAbort();
  }

  /** KVM_RUN itself failed: for an access that is not aligned to device memory, which can be dealt with, or for good. */
  #answerFailure(index: number, errno: number): void {
    const outcome = errno === EFAULT ? this.#world.undecoded.answerUnaligned(this.#vcpus[index]!) : undefined;
    if (outcome?.kind === 'done') this.#undecodedCounts[index]!++;
    else this.#failed(index, outcome ? explainUnaligned(outcome) : explainRunFailure(errno));
  }

  #failed(index: number, meaning: string): void {
    const vcpu = this.#vcpus[index]!;
    this.#ending ??= { kind: 'failed', message: `vCPU ${index} cannot go on: ${meaning}\n${describeRegisters(vcpu)}` };
  }
}
