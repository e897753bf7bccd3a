/**
 * The thread of a vCPU beyond the first: a native thread (host/native-thread.ts) that runs the vCPU, consumes a kick that
 * may be pending, tells the main thread, and waits there until the exit is answered. It outlives a reboot of the guest.
 */
import { NativeThread } from '../host/native-thread.ts';
import type { Signals } from '../host/signals.ts';
import type { Vcpu } from '../kvm/vcpu.ts';

/** Which call of the thread's cycle is the ioctl. */
const ENTER = 0;

export class VcpuThread implements Disposable {
  readonly #thread: NativeThread;
  #vcpu: Vcpu | undefined;
  #kicked = false;

  constructor(signals: Signals) {
    this.#thread = new NativeThread(
      [
        { name: 'ioctl', words: [0n, 0n, 0n] },
        { name: 'sigtimedwait', words: signals.consumeArguments },
      ],
      signals,
      { waiting: true },
    );
  }

  /** Keeps the vCPU on host CPU `cpu`. */
  pin(cpu: number): void {
    this.#thread.pin(cpu);
  }

  /** The vCPU to run from the next `proceed` on: another one after each reboot. */
  assign(vcpu: Vcpu): void {
    this.#vcpu = vcpu;
    this.#thread.setWords(ENTER, vcpu.enterArguments);
  }

  /** Whether the vCPU is outside KVM_RUN and waits for us. */
  get waits(): boolean {
    return this.#thread.waits;
  }

  /** Whether the last return from KVM_RUN was of our making. */
  get wasKicked(): boolean {
    return this.#kicked;
  }

  proceed(): void {
    this.#kicked = false;
    if (this.#vcpu) this.#vcpu.immediateExit = false;
    this.#thread.proceed();
  }

  /** Brings the vCPU out of KVM_RUN; `waits` becomes true soon. */
  kick(): void {
    if (this.#thread.waits) return;
    this.#kicked = true;
    if (this.#vcpu) this.#vcpu.immediateExit = true;
    this.#thread.kick();
  }

  [Symbol.dispose](): void {
    this.#thread[Symbol.dispose]();
  }
}
