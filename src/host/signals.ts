/**
 * The kick: the one signal that brings a thread out of KVM_RUN. It is blocked in every thread of ours and unblocked only
 * inside KVM_RUN (KVM_SET_SIGNAL_MASK), so one that arrives too early stays pending and makes the next KVM_RUN return
 * at once: no race, no handler. SIGURG, because its default action is to ignore it (a stray one harms nobody) and
 * because ordinary signals do not queue: however many kicks, one to consume.
 */
import { SIG_BLOCK, SIG_SETMASK, SIGURG } from '../abi/libc.ts';
import { check, checkReturned } from './errno.ts';
import * as libc from './libc.ts';
import { Mapping } from './mapping.ts';

export const KICK_SIGNAL = SIGURG;

/** A kernel sigset: bit n - 1 is signal n. glibc's is longer; the rest is zero. */
const SIGSET_BYTES = 128;
const ALL_SIGNALS = 0xffff_ffff_ffff_ffffn;
const KICK_SET = 1n << BigInt(KICK_SIGNAL - 1);

/** Masks for KVM_SET_SIGNAL_MASK: what stays blocked while inside KVM_RUN. */
export const NOTHING_BLOCKED = 0n;
export const ALL_BUT_KICK_BLOCKED = ALL_SIGNALS & ~KICK_SET;

/** Signal sets in memory that does not move, since sigtimedwait and native threads get their addresses. */
export class Signals implements Disposable {
  readonly #memory = Mapping.create(4096, { what: 'signal sets' });
  readonly #kickSet = this.#memory.pointer;
  readonly #scratchSet = this.#memory.pointer + BigInt(SIGSET_BYTES);
  readonly #savedSet = this.#memory.pointer + BigInt(2 * SIGSET_BYTES);
  readonly #timeout = this.#memory.pointer + BigInt(3 * SIGSET_BYTES);
  readonly #noTimeout = this.#memory.pointer + BigInt(4 * SIGSET_BYTES);
  readonly #process = process.pid;
  /** The thread that made this object. */
  readonly thread = libc.gettid();

  constructor() {
    this.#memory.view.setBigUint64(0, KICK_SET, true);
    checkReturned(libc.pthread_sigmask(SIG_BLOCK, this.#kickSet, 0n), 'block the kick signal');
  }

  /** The arguments of a `sigtimedwait` that consumes one pending kick and never waits. */
  get consumeArguments(): readonly bigint[] {
    return [this.#kickSet, 0n, this.#noTimeout];
  }

  /** The arguments of a `tgkill` that kicks the thread that made this object. */
  get kickArguments(): readonly bigint[] {
    return [BigInt(this.#process), BigInt(this.thread), BigInt(KICK_SIGNAL)];
  }

  /** Consumes a pending kick, if there is one. Without it KVM_RUN would return EINTR for ever. */
  consume(): void {
    libc.sigtimedwait(this.#kickSet, null, this.#noTimeout);
  }

  /** Sleeps until a kick arrives, at most `timeoutMs`. */
  wait(timeoutMs: number): void {
    const { view } = this.#memory;
    view.setBigInt64(3 * SIGSET_BYTES, BigInt(Math.floor(timeoutMs / 1000)), true);
    view.setBigInt64(3 * SIGSET_BYTES + 8, BigInt((timeoutMs % 1000) * 1_000_000), true);
    libc.sigtimedwait(this.#kickSet, null, this.#timeout);
  }

  /** Kicks the thread that made this object, from any thread. */
  kick(): void {
    check(libc.tgkill(this.#process, this.thread, KICK_SIGNAL), 'kick the main thread');
  }

  /** Runs `action` with every signal blocked: threads and contexts made in it inherit that. */
  withAllBlocked<T>(action: () => T): T {
    this.#memory.view.setBigUint64(SIGSET_BYTES, ALL_SIGNALS, true);
    checkReturned(libc.pthread_sigmask(SIG_SETMASK, this.#scratchSet, this.#savedSet), 'block all signals');
    try {
      return action();
    } finally {
      checkReturned(libc.pthread_sigmask(SIG_SETMASK, this.#savedSet, 0n), 'restore the signal mask');
    }
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
