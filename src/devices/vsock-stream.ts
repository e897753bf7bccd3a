/** What a vsock connection needs of the host: its end of the stream, and where streams come from. */
import type { IovecTable } from '../virtio/iovec-table.ts';

/** The host's end of a stream. Nothing here blocks but `waitForRoom`. */
export interface VsockStream extends Disposable {
  /** Begins to call `ready` for what `want` asks for, and once the other side has closed both directions. */
  start(ready: () => void): void;
  want(readable: boolean, writable: boolean): void;
  /** The other side has closed both directions; what it sent before may still be there to read. */
  readonly isGone: boolean;
  /** Fills `table` with what has arrived: how many bytes, 0 for nothing now, -1 when nothing more will come. */
  read(table: IovecTable): number;
  /** How many bytes of `table` were taken; -1 when the other side reads no more. */
  write(table: IovecTable): number;
  writeBytes(bytes: Uint8Array): number;
  /** Sleeps until more can be written, or so long; whether it can. For the end, when there is no loop any more. */
  waitForRoom(milliseconds: number): boolean;
  /** The guest has accepted what the host's side asked for; `hostPort` is its port there. */
  established(hostPort: number): void;
  /** The guest sends nothing more. */
  endWriting(): void;
  /** The guest takes nothing more. */
  endReading(): void;
}

/** The world outside the guest. */
export interface VsockHost extends Disposable {
  /** The guest asks for `port`. `busy`: ask again soon. Undefined: nobody is there. */
  connect(port: number): VsockStream | 'busy' | undefined;
  /** Calls `offer` for each connection to a port of the guest, until `pause`; a stream that is refused (false) stays the caller's. */
  listen(offer: (guestPort: number, stream: VsockStream) => boolean): void;
  pause(): void;
}
