/**
 * The state of a device of ours on its way through a pipe of the front-end's (vhost-user, "Migrating back-end state"): out of
 * the device at once, since it is less than any pipe holds; into it when the other end is closed.
 */

import { HostError } from '../base/errors.ts';
import { pack, struct, u16, u32, unpack } from '../base/layout.ts';
import { KiB } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import { readSome, writeSome } from '../host/pipe.ts';
import type { IoLoop } from '../virtio/device.ts';
import { blamePeer } from './peer-fault.ts';

/** What stands before the bytes of the device: whose they are ("orko"), how they are laid out, of which VIRTIO_ID_*, how many. */
const head = struct(12, { magic: u32(0), version: u16(4), id: u16(6), size: u32(8) });
const MAGIC = 0x6f6b_726f;
/** Another layout of what any device saves is another version. */
const VERSION = 1;
/** Of what is read: more than any of our devices has. */
const BYTES_MAX = 64 * KiB;

export interface StatefulDevice {
  readonly id: number;
  saveState(): Uint8Array;
  /** A HostError for bytes that are none of its kind. */
  loadState(state: Uint8Array): void;
}

/** One transfer. */
export class StateTransfer implements Disposable {
  readonly #device: StatefulDevice;
  readonly #log: (message: string) => void;
  readonly #resources = new DisposableStack();
  readonly #pieces: Uint8Array[] = [];
  #size = 0;
  #outcome: 'done' | 'failed' = 'failed';
  /** Reads what is there; whether there may be more at once. */
  #readMore: () => boolean = () => false;

  constructor(device: StatefulDevice, log: (message: string) => void) {
    this.#device = device;
    this.#log = log;
  }

  /** Takes over `fd`. */
  save(fd: Fd): void {
    using _ = fd;
    const state = this.#device.saveState();
    const bytes = new Uint8Array(head.size + state.length);
    bytes.set(pack(head, { magic: MAGIC, version: VERSION, id: this.#device.id, size: state.length }));
    bytes.set(state, head.size);
    const written = blamePeer(() => {
      fd.setBlocking(false);
      return writeSome(fd, bytes);
    });
    if (written === bytes.length) this.#outcome = 'done';
  }

  /** Takes over `fd`. `guard` runs what may find the front-end at fault. */
  load(fd: Fd, loop: IoLoop, guard: (work: () => void) => void): void {
    this.#resources.use(fd);
    blamePeer(() => {
      fd.setBlocking(false);
      this.#readMore = () => this.#read(fd);
      this.#resources.use(loop.watch(fd.number, { readable: true }, () => guard(() => void this.#readMore())));
    });
  }

  /** "CHECK_DEVICE_STATE", after the front-end has read all of it, or has closed its end. */
  end(): boolean {
    // The loop may not have come to it yet.
    while (this.#readMore());
    const wasDone = this.#outcome === 'done';
    this[Symbol.dispose]();
    return wasDone;
  }

  #read(fd: Fd): boolean {
    const bytes = blamePeer(() => readSome(fd, BYTES_MAX));
    if (bytes === undefined) return false;
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    if (bytes.length > 0 && this.#size <= BYTES_MAX) return true;
    this[Symbol.dispose]();
    try {
      this.#device.loadState(unwrap(Buffer.concat(this.#pieces), this.#device.id));
      this.#outcome = 'done';
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      this.#log(`Cannot take over the state that the front-end gives: ${error.message}`);
    }
    return false;
  }

  [Symbol.dispose](): void {
    this.#readMore = () => false;
    this.#resources.dispose();
  }
}

/** The bytes of the device. A HostError says what is wrong with them. */
function unwrap(bytes: Uint8Array, id: number): Uint8Array {
  if (bytes.length > BYTES_MAX) throw new HostError(`it has more than ${BYTES_MAX} bytes`);
  if (bytes.length < head.size) throw new HostError(`it has ${bytes.length} bytes, less than begin any`);
  const found = unpack(head, bytes);
  if (found.magic !== MAGIC) throw new HostError('it is not one of orko-vmm');
  if (found.version !== VERSION)
    throw new HostError(`its layout is version ${found.version}, and ${VERSION} is known here`);
  if (found.id !== id) throw new HostError(`it is that of a device with the id ${found.id}, and this one has ${id}`);
  const state = bytes.subarray(head.size);
  if (state.length !== found.size) throw new HostError(`it has ${state.length} bytes where it says ${found.size}`);
  return state;
}
