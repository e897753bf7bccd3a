/**
 * Shared memory of a device that another process serves (virtio 1.4 §2.10; vhost-user, "VIRTIO shared memory regions"): the
 * back-end shows the guest pieces of files of its own, in windows of the sizes that it has told. Where it shows nothing there
 * is nothing. What it asks for is refused with a sentence unless the guest can rely on it.
 */
import { alignUp } from '../base/bits.ts';
import { formatSize } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import { pageSize } from '../host/page-size.ts';
import type { Done, MemoryListener } from '../vhost-user/back-end-channel.ts';
import type { SharedMemoryFacts } from '../vhost-user/front-end.ts';
import { MAPPING_WRITABLE, type SharedMapping } from '../vhost-user/payload.ts';
import { PeerFault } from '../vhost-user/peer-fault.ts';
import { SharedFile } from '../vhost-user/shared-file.ts';
import type { DeviceTeller } from './hosted-device.ts';
import type { WindowDescription, WindowPiece } from './protocol.ts';

/** Each is a memory slot of the VM, of which older kernels have 509 in all. */
const PIECES_MAX = 256;

type Place = Pick<WindowPiece, 'window' | 'offset' | 'size'>;

interface Piece extends WindowPiece {
  readonly file: SharedFile;
  /** `early`: the windows do not lie anywhere yet. */
  state: 'early' | 'asked' | 'shown' | 'hiding';
  /** Who waits for it. */
  done: Done;
}

interface Options {
  /** The device's. */
  readonly name: string;
  readonly tell: DeviceTeller;
  /** The back-end asked for what cannot be. */
  refused(reason: string): void;
}

export class ServedWindows implements MemoryListener, Disposable {
  readonly #options: Options;
  #regions: readonly SharedMemoryFacts[] = [];
  readonly #pieces = new Map<number, Piece>();
  #pieceCount = 0;
  #placedCount = 0;
  /** The driver begins anew, and sees nothing until it has. */
  #isResetting = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /** What the first back-end has. */
  describe(regions: readonly SharedMemoryFacts[]): readonly WindowDescription[] {
    this.#regions = regions;
    return regions.map(({ id, size }) => ({
      ...{ what: `shared memory ${id} of ${this.#options.name}`, shmId: id },
      ...{ size: alignUp(Number(size), pageSize()), pointer: undefined, readOnly: false },
    }));
  }

  /** Whether another back-end has the same. */
  isAsBefore(regions: readonly SharedMemoryFacts[]): boolean {
    const text = (list: readonly SharedMemoryFacts[]) => list.map(({ id, size }) => `${id}:${size}`).join();
    return text(regions) === text(this.#regions);
  }

  /** One window more lies in guest memory. */
  placed(): void {
    this.#placedCount++;
    if (!this.#arePlaced) return;
    for (const piece of this.#pieces.values()) if (piece.state === 'early') this.#show(piece);
  }

  // ── what the back-end asks for ──

  map(mapping: SharedMapping, fd: Fd, done: Done): void {
    this.#attempt('show', mapping, done, () => {
      const place = this.#placeOf(mapping);
      if (this.#isResetting) throw new PeerFault('the device is being reset');
      if (this.#pieces.size === PIECES_MAX) throw new PeerFault(`${PIECES_MAX} pieces are the most`);
      if (this.#holding.some((piece) => overlap(piece, place))) throw new PeerFault('something is shown there');
      const readOnly = (mapping.flags & MAPPING_WRITABLE) === 0n;
      const file = new SharedFile(fd, mapping.fd_offset, mapping.len, 'that', { readOnly, isForGuest: true });
      const { pointer } = file;
      const piece: Piece = { piece: ++this.#pieceCount, ...place, pointer, readOnly, file, state: 'early', done };
      this.#pieces.set(piece.piece, piece);
      if (this.#arePlaced) this.#show(piece);
    });
  }

  unmap(mapping: SharedMapping, done: Done): void {
    this.#attempt('take back', mapping, done, () => {
      const { window, offset, size } = this.#placeOf(mapping);
      const found = [...this.#pieces.values()].findLast(
        (piece) => piece.window === window && piece.offset === offset && piece.size === size,
      );
      if (!found) throw new PeerFault('it was not shown so');
      if (found.state === 'hiding') {
        // By a reset of the device, which waits for nobody.
        done(true);
        return;
      }
      found.done = done;
      this.#hide(found);
    });
  }

  #attempt(verb: string, { len, shm_offset, shmid }: SharedMapping, done: Done, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof PeerFault)) throw error;
      const what = `${len} bytes at ${shm_offset} of shared memory region ${shmid}`;
      this.#options.refused(`it may not ${verb} ${what}: ${error.message}`);
      done(false);
    }
  }

  /** Pieces in whose place there can be no other. */
  get #holding(): readonly Piece[] {
    return [...this.#pieces.values()].filter(({ state }) => state !== 'hiding');
  }

  /** Where in which window; a PeerFault where that is not in one, page by page. */
  #placeOf({ shmid, fd_offset, shm_offset, len }: SharedMapping): Place {
    const window = this.#regions.findIndex(({ id }) => id === shmid);
    if (window === -1) throw new PeerFault('it has no such region');
    const { size } = this.#regions[window]!;
    if (len === 0n || shm_offset + len > size) throw new PeerFault(`the region has ${size} bytes`);
    const page = pageSize();
    if ([fd_offset, shm_offset, len].some((value) => value % BigInt(page) !== 0n)) {
      throw new PeerFault(`the places and sizes of memory are multiples of ${formatSize(page)} here`);
    }
    return { window, offset: Number(shm_offset), size: Number(len) };
  }

  // ── what the main thread does of it ──

  #show(piece: Piece): void {
    piece.state = 'asked';
    const { piece: number, window, offset, size, pointer, readOnly } = piece;
    this.#options.tell({ kind: 'show', piece: number, window, offset, size, pointer, readOnly });
  }

  shown(number: number, refusal: string | undefined): void {
    const piece = this.#pieces.get(number)!;
    if (refusal !== undefined) {
      this.#options.refused(`it may not show memory: ${refusal}`);
      this.#drop(piece);
    } else if (piece.state === 'asked') piece.state = 'shown';
    else return;
    settle(piece, refusal === undefined);
  }

  #hide(piece: Piece): void {
    piece.state = 'hiding';
    this.#options.tell({ kind: 'hide', piece: piece.piece });
  }

  hidden(number: number): void {
    const piece = this.#pieces.get(number);
    if (!piece) return;
    this.#drop(piece);
    settle(piece, true);
  }

  #drop(piece: Piece): void {
    this.#pieces.delete(piece.piece);
    piece.file[Symbol.dispose]();
  }

  /** Nothing is shown any more: what is asked for at the moment is not done, and what is taken back is as good as gone. */
  clear(): void {
    for (const piece of this.#pieces.values()) {
      const { state } = piece;
      settle(piece, state === 'hiding');
      if (state === 'early') this.#drop(piece);
      else if (state !== 'hiding') this.#hide(piece);
    }
  }

  /** The main thread waits for the end of the reset, and does nothing meanwhile that the back-end could wait for. */
  beginReset(): void {
    this.#isResetting = true;
    this.clear();
  }

  endReset(): void {
    this.#isResetting = false;
  }

  get #arePlaced(): boolean {
    return this.#placedCount === this.#regions.length;
  }

  [Symbol.dispose](): void {
    for (const { file } of this.#pieces.values()) file[Symbol.dispose]();
  }
}

/** Tells whoever waits for it, once. */
function settle(piece: Piece, isDone: boolean): void {
  const { done } = piece;
  piece.done = () => {};
  done(isDone);
}

function overlap(one: Place, other: Place): boolean {
  return one.window === other.window && one.offset < other.offset + other.size && other.offset < one.offset + one.size;
}
