/** What MSI and MSI-X have in common (PCI Local Bus 3.0 §6.8): vectors, each delivered as a message or masked, and who is told of it. */

/** What a device writes to interrupt: to which address, and what. */
export interface MsiMessage {
  readonly address: bigint;
  readonly data: number;
}

export interface MsiSink {
  /** From now on vector `vector` is delivered as `message`; undefined: it is masked, and what comes stays pending. */
  route(vector: number, message: MsiMessage | undefined): void;
  /** Whether there is one that waits for `route`. */
  isPending(vector: number): boolean;
  /** The driver turned messages on or off: off, interrupts are wired. */
  enabled(isEnabled: boolean): void;
}

export class MsiVectors {
  readonly #sink: MsiSink;
  readonly #messageOf: (vector: number) => MsiMessage | undefined;
  readonly #routed: (MsiMessage | undefined)[];
  #isEnabled = false;

  /** `messageOf`: what an enabled vector is delivered as, by what the driver has written; undefined where it is masked. */
  constructor(count: number, sink: MsiSink, messageOf: (vector: number) => MsiMessage | undefined) {
    this.#sink = sink;
    this.#messageOf = messageOf;
    this.#routed = Array.from({ length: count }, () => undefined);
  }

  get count(): number {
    return this.#routed.length;
  }

  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  /** Whether vector `vector`, which may not exist, is masked and waits. */
  isPending(vector: number): boolean {
    return vector < this.count && !this.#routed[vector] && this.#sink.isPending(vector);
  }

  /** After the driver has written what concerns all of them. */
  update(isEnabled: boolean): void {
    const changes = isEnabled !== this.#isEnabled;
    this.#isEnabled = isEnabled;
    // Wired interrupts end before messages begin, and the other way round.
    if (changes && isEnabled) this.#sink.enabled(true);
    for (const vector of this.#routed.keys()) this.updateVector(vector);
    if (changes && !isEnabled) this.#sink.enabled(false);
  }

  updateVector(vector: number): void {
    const message = this.#isEnabled ? this.#messageOf(vector) : undefined;
    const routed = this.#routed[vector];
    if (message?.address === routed?.address && message?.data === routed?.data) return;
    this.#routed[vector] = message;
    this.#sink.route(vector, message);
  }
}
