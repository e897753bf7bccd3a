/**
 * Threads without JavaScript. A worker costs 15 MB and, under emulation, half a second; all that a vCPU's thread does
 * between two exits is a handful of C calls that never change. So a native thread runs a *cycle* of C calls: each is a
 * context of makecontext(3) whose uc_link is the next one, and the last links back to the first. The thread starts in
 * setcontext(3) and goes round for ever. What it has to tell us it stores with memset(3) as one of its calls; where it
 * waits for us it reads an eventfd.
 *
 * On arm64 everything a context needs lies in the ucontext itself (uc_link in x19, the arguments in x0…x7), which
 * running does not change: that is what makes a cycle possible. (On x86-64 part of it lies on the stack and is lost.)
 */
import { ucontext_t } from '../abi/libc.ts';
import { assert } from '../base/assert.ts';
import { alignUp } from '../base/bits.ts';
import { KiB } from '../base/units.ts';
import { affinityMask, pinning } from './affinity.ts';
import { check, checkReturned } from './errno.ts';
import { EventFd } from './eventfd.ts';
import type { HostPointer } from './libc.ts';
import * as libc from './libc.ts';
import { Mapping } from './mapping.ts';
import { KICK_SIGNAL, type Signals } from './signals.ts';

/** One C call of a cycle: a function's name and its arguments as machine words. */
export interface Call {
  readonly name: string;
  readonly words: readonly bigint[];
}

/** The calls' stack, used by one at a time. The end of a thread unwinds through libgcc, which wants the most. */
const STACK_BYTES = 256 * KiB;
const CONTEXT_BYTES = alignUp(ucontext_t.size, 16);
/** A flag byte, the word that opens the gate, the word read from it. */
const WORDS_BYTES = 64;
const FLAG_SET = 1n;

export class NativeThread implements Disposable {
  readonly #memory: Mapping;
  readonly #thread: HostPointer;
  readonly #gate = EventFd.create({ blocking: true });
  readonly #flag: Uint8Array;
  readonly #firstContext: number;
  readonly #endContext: number;

  /**
   * Starts a thread that makes `calls` in turn, then raises its flag, kicks the thread that owns `signals`, and waits
   * for `proceed()`. `waiting: true`: it starts by waiting.
   */
  constructor(calls: readonly Call[], signals: Signals, options: { waiting?: boolean } = {}) {
    const contextCount = calls.length + 4;
    this.#memory = Mapping.create(alignUp(WORDS_BYTES + contextCount * CONTEXT_BYTES, 4 * KiB) + STACK_BYTES, {
      what: 'a native thread',
    });
    const flag = this.#memory.pointer;
    const gateWord = this.#memory.pointer + 8n;
    this.#flag = new Uint8Array(this.#memory.buffer, 0, 1);
    const cycle: Call[] = [
      ...calls,
      { name: 'memset', words: [flag, FLAG_SET, 1n] },
      { name: 'tgkill', words: signals.kickArguments },
      { name: 'read', words: [BigInt(this.#gate.number), gateWord, 8n] },
    ];
    this.#firstContext = WORDS_BYTES;
    this.#endContext = WORDS_BYTES + cycle.length * CONTEXT_BYTES;
    this.#thread = signals.withAllBlocked(() => {
      cycle.forEach((call, index) => {
        this.#makeContext(index, call, (index + 1) % cycle.length);
      });
      this.#makeContext(cycle.length, { name: 'pthread_exit', words: [0n] }, cycle.length);
      const start = options.waiting ? this.#contextAt(cycle.length - 1) : this.#contextAt(0);
      if (options.waiting) this.#flag[0] = 1;
      const thread = new BigUint64Array(1);
      checkReturned(
        libc.pthread_create(new Uint8Array(thread.buffer), null, libc.addressOf('setcontext'), start),
        'start a thread',
      );
      return thread[0]!;
    });
  }

  /** Whether the thread has made its calls (or was started waiting) and waits for `proceed()`. */
  get waits(): boolean {
    return Atomics.load(this.#flag, 0) !== 0;
  }

  /** Lets a waiting thread go round once more. */
  proceed(): void {
    assert(this.waits, 'a native thread was told to proceed while it runs');
    Atomics.store(this.#flag, 0, 0);
    this.#gate.signal();
  }

  /** Brings the thread out of KVM_RUN, if it is in there; else its next KVM_RUN returns at once. */
  kick(): void {
    checkReturned(libc.pthread_kill(this.#thread, KICK_SIGNAL), 'kick a native thread');
  }

  /** Keeps the thread on host CPU `cpu`. */
  pin(cpu: number): void {
    const mask = affinityMask(cpu);
    checkReturned(libc.pthread_setaffinity_np(this.#thread, mask.length, mask), pinning(cpu));
  }

  /** Replaces the words of call number `index`. Only while the thread waits. */
  setWords(index: number, words: readonly bigint[]): void {
    assert(this.waits, 'the calls of a native thread were changed while it runs');
    words.forEach((word, position) => {
      const offset = this.#firstContext + index * CONTEXT_BYTES + ucontext_t.fields['uc_mcontext.regs'].offset;
      this.#memory.view.setBigUint64(offset + position * 8, word, true);
    });
  }

  /** Ends the thread. It must wait (`waits`), since only then does it look at us again. */
  [Symbol.dispose](): void {
    assert(this.waits, 'a native thread was ended while it runs');
    this.#memory.bytes.copyWithin(this.#firstContext, this.#endContext, this.#endContext + CONTEXT_BYTES);
    this.#gate.signal();
    checkReturned(libc.pthread_join(this.#thread, null), 'wait for a thread to end');
    this.#gate[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }

  #contextAt(index: number): HostPointer {
    return this.#memory.pointer + BigInt(WORDS_BYTES + index * CONTEXT_BYTES);
  }

  #makeContext(index: number, call: Call, next: number): void {
    const context = this.#contextAt(index);
    check(libc.getcontext(context), 'read the current context');
    const offset = Number(context - this.#memory.pointer);
    const { fields } = ucontext_t;
    const { view, size, pointer } = this.#memory;
    view.setBigUint64(offset + fields.uc_link.offset, this.#contextAt(next), true);
    view.setBigUint64(offset + fields['uc_stack.ss_sp'].offset, pointer + BigInt(size - STACK_BYTES), true);
    view.setBigUint64(offset + fields['uc_stack.ss_size'].offset, BigInt(STACK_BYTES), true);
    libc.makecontext(context, libc.addressOf(call.name), call.words);
  }
}
