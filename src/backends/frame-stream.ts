/**
 * Ethernet frames over a stream socket, each after its length (32 bits, big-endian): how passt, and QEMU's "stream" network,
 * carry them. Frames have no header, so nothing can be left to the other side.
 */
import { EAGAIN, EINTR } from '../abi/errno.ts';
import { KiB } from '../base/units.ts';
import { CLOSED, FRAME_BYTES_MAX, type NetworkPort, NO_FRAME, type Sent } from '../devices/network.ts';
import type { Fd } from '../host/fd.ts';
import { Mapping } from '../host/mapping.ts';
import { receiveBytes, sendBytes, writeIovecs } from '../host/socket-bytes.ts';
import { IovecTable } from '../virtio/iovec-table.ts';

const LENGTH_BYTES = 4;
/** Many small frames arrive with one call, or a few of the longest. */
const BUFFER_BYTES = 256 * KiB;
/** IOV_MAX of Linux (writev(2)). */
const IOVECS_MAX = 1024;
const NOTHING = new Uint8Array();

export class FrameStream implements NetworkPort, Disposable {
  readonly fd: number;
  readonly room = undefined;
  rest: Uint8Array = NOTHING;
  readonly #socket: Fd;
  readonly #received = new Uint8Array(BUFFER_BYTES);
  readonly #receivedView = new DataView(this.#received.buffer);
  /** Whether the other end has ever sent anything. */
  hasHeard = false;
  /** What has arrived and was not taken: [start, end). */
  #start = 0;
  #end = 0;
  readonly #frame = new IovecTable(IOVECS_MAX);
  readonly #prefix = Mapping.create(LENGTH_BYTES, { what: 'the lengths of frames' });
  /** Bytes of the frame under way, its length included, and how many of them the socket has taken. */
  #frameBytes = 0;
  #sentBytes = 0;
  /** What the other end still expects of a frame that was cancelled. */
  #owed: Uint8Array = NOTHING;

  /** `socket` is non-blocking, and ours to close. */
  constructor(socket: Fd) {
    this.#socket = socket;
    this.fd = socket.number;
  }

  receive(): number {
    for (;;) {
      const frame = this.#nextFrame();
      if (frame === 'broken') return CLOSED;
      if (frame !== undefined) {
        this.rest = frame;
        return 0;
      }
      this.#makeRoom();
      const count = receiveBytes(this.fd, this.#received.subarray(this.#end));
      if (count === -EAGAIN || count === -EINTR) return NO_FRAME;
      if (count <= 0) return CLOSED;
      this.#end += count;
      this.hasHeard = true;
    }
  }

  begin(): IovecTable {
    this.#frame.clear();
    this.#frame.append(Number(this.#prefix.pointer), LENGTH_BYTES);
    return this.#frame;
  }

  send(length: number): Sent {
    const settled = this.#owed.length === 0 ? 'sent' : this.#settle();
    if (settled !== 'sent') return settled;
    this.#prefix.view.setUint32(0, length);
    this.#frameBytes = LENGTH_BYTES + length;
    this.#frame.drop(this.#sentBytes);
    const count = writeIovecs(this.fd, this.#frame);
    if (count < 0) return count === -EAGAIN || count === -EINTR ? 'full' : 'closed';
    this.#sentBytes += count;
    if (this.#sentBytes < this.#frameBytes) return 'full';
    this.#sentBytes = 0;
    return 'sent';
  }

  /** A frame that was begun is finished with zeros: the other end would take the next one for its rest. */
  cancel(): void {
    if (this.#sentBytes === 0) return;
    this.#owed = new Uint8Array(this.#frameBytes - this.#sentBytes);
    if (this.#sentBytes < LENGTH_BYTES) this.#owed.set(this.#prefix.bytes.subarray(this.#sentBytes));
    this.#sentBytes = 0;
  }

  #settle(): Sent {
    const count = sendBytes(this.fd, this.#owed);
    if (count < 0) return count === -EAGAIN || count === -EINTR ? 'full' : 'closed';
    this.#owed = this.#owed.subarray(count);
    return this.#owed.length > 0 ? 'full' : 'sent';
  }

  /** The frame that begins at `start`, once all of it is there. Empty ones are passed over. */
  #nextFrame(): Uint8Array | 'broken' | undefined {
    while (this.#end - this.#start >= LENGTH_BYTES) {
      const length = this.#receivedView.getUint32(this.#start);
      if (length > FRAME_BYTES_MAX) return 'broken';
      const next = this.#start + LENGTH_BYTES + length;
      if (next > this.#end) return undefined;
      const frame = this.#received.subarray(this.#start + LENGTH_BYTES, next);
      this.#start = next;
      if (length > 0) return frame;
    }
    return undefined;
  }

  /** Room for the longest frame behind what is there. */
  #makeRoom(): void {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    if (this.#start + LENGTH_BYTES + FRAME_BYTES_MAX <= BUFFER_BYTES) return;
    this.#received.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    this.#prefix[Symbol.dispose]();
  }
}
