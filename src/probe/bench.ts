/** Where a back-end is checked: connections to it, what is known of it, and whether it is still there after each check. */
import { HostError } from '../base/errors.ts';
import { PeerFault, Silence } from '../vhost-user/peer-fault.ts';
import { Guest, type GuestOptions } from './guest.ts';
import { type Facts, negotiate } from './inspect.ts';
import { Peer } from './peer.ts';
import type { Target } from './target.ts';
import { fail } from './verdict.ts';

/** After a connection was lost: how long the end of a program may take to be noticed. */
const END_MS = 300;
/** Killed by a signal; or an exit code by which Rust panics, and shells say the same of signals. */
const CRASH = /was ended by|exit code (101|1[3-9]\d)$/;

export class Bench {
  readonly target: Target;
  readonly facts: Facts;
  readonly timeoutMs: number;
  /** Why nothing more can be checked. */
  goneSince: string | undefined;

  constructor(target: Target, facts: Facts, timeoutMs: number) {
    this.target = target;
    this.facts = facts;
    this.timeoutMs = timeoutMs;
  }

  /** A connection on which nothing was said yet. */
  connect(): Peer {
    return new Peer(this.target.connect(), this.timeoutMs);
  }

  /** One on which both know each other. */
  meet(): Peer {
    const peer = this.connect();
    try {
      negotiate(peer);
      return peer;
    } catch (error) {
      peer[Symbol.dispose]();
      throw error;
    }
  }

  /** A driver's side, whose rings are not started. */
  guest(options: GuestOptions = {}): Guest {
    return new Guest(this, options);
  }

  /** Fails when the back-end has crashed, or does not serve the next connection. Says how it has ended, if it has. */
  recover(): string {
    let trouble = this.#trouble();
    // It may have been ending when it took the connection.
    const end = this.target.takeEnd(trouble === undefined ? 0 : END_MS) ?? '';
    if (CRASH.test(end)) fail(end);
    if (trouble !== undefined && end !== '') trouble = this.#trouble();
    return trouble === undefined ? end : fail(trouble);
  }

  /** After a failure: only whether there is somebody for the next check. */
  recoverAnyhow(id: string): void {
    this.target.restart?.();
    if (this.#trouble() !== undefined) this.#giveUp(id);
    this.target.takeEnd(0);
  }

  /** Whoever says something wrong on `peer`, and what comes of it: the text of a verdict. */
  provoke(peer: Peer, send: () => void): string {
    try {
      send();
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      return 'it closes';
    }
    return this.aftermath(peer);
  }

  aftermath(peer: Peer): string {
    return peer.aftermath() === 'answers' ? 'it goes on' : 'it closes';
  }

  /** Rings on which something wrong was found may stop, or all may end; only silence is a failure. */
  stopOrClose(guest: Guest): void {
    try {
      guest.stop();
    } catch (error) {
      if (!(error instanceof PeerFault) || error instanceof Silence) throw error;
    }
  }

  /** That there was a connection does not mean that there will be another one. */
  expectNext(): void {
    if (this.#trouble() === undefined) return;
    const why = 'the back-end serves one connection alone, and that is over';
    this.goneSince = this.target.isOurs ? why : `${why}: have it started for each check by --command`;
  }

  /** "qemu-storage-daemon was ended by SIGSEGV", or nothing. */
  endText(): string {
    return this.target.takeEnd(END_MS) ?? '';
  }

  #trouble(): string | undefined {
    try {
      using peer = this.connect();
      const { features } = negotiate(peer);
      if (features === this.facts.features) return undefined;
      return `the next connection is offered other features (0x${features.toString(16)})`;
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      const what = error instanceof PeerFault ? 'the next connection fails' : 'there is no next connection';
      return `${what}: ${error.message}`;
    }
  }

  #giveUp(id: string): void {
    const remedy = this.target.isOurs ? '' : ': have it started for each check by --command';
    this.goneSince = `the back-end is not to be reached since ${id}${remedy}`;
  }
}
