/** What the guest accessed where nothing is: logged once per place, for the first places only, and counted. */
import type { GuestAddress } from '../base/range.ts';
import { formatAddress } from '../base/units.ts';

/** A guest that probes all of its address space must not fill the log. */
const PLACES_MAX = 64;

export type Direction = 'read' | 'write';

export class UnknownAccesses {
  readonly #log: (message: string) => void;
  readonly #places = new Set<GuestAddress>();
  #accesses = 0;

  constructor(log: (message: string) => void) {
    this.#log = log;
  }

  /** One access at `address`, in the range of `device` if there is one. */
  note(direction: Direction, address: GuestAddress, size: number, device?: string): void {
    this.#accesses++;
    if (this.#places.size >= PLACES_MAX || this.#places.has(address)) return;
    this.#places.add(address);
    const what = device === undefined ? 'there is no device' : `${device} has no register`;
    const outcome = direction === 'read' ? 'it reads 0' : 'ignored';
    this.#log(
      `Guest ${direction} of ${size} ${size === 1 ? 'byte' : 'bytes'} at ${formatAddress(address)}, where ${what}: ${outcome}`,
    );
  }

  /** Called once when the machine has stopped: one line if more happened than was logged. */
  summarize(): void {
    const unlogged = this.#accesses - this.#places.size;
    if (unlogged === 0) return;
    this.#log(
      `Guest accesses where there is no device or register: ${this.#accesses}, of which ${unlogged} were not logged (each place once, at most ${PLACES_MAX} places)`,
    );
  }
}
