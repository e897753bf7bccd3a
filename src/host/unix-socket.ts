/**
 * Unix stream sockets that carry file descriptors (SCM_RIGHTS, unix(7)). Never blocking: calls that wait have a timeout.
 * What arrives is not trusted: descriptors beyond those asked for are closed, by the kernel or by us.
 */
import { fchmodSync } from 'node:fs';
import { EAGAIN, ECONNABORTED, EINTR } from '../abi/errno.ts';
import {
  AF_UNIX,
  cmsghdr,
  iovec,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  msghdr,
  SCM_RIGHTS,
  SO_ACCEPTCONN,
  SO_PEERCRED,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  sockaddr_un,
  ucred,
} from '../abi/libc.ts';
import { assert } from '../base/assert.ts';
import { alignUp } from '../base/bits.ts';
import { HostError } from '../base/errors.ts';
import { pack, packInto, unpack } from '../base/layout.ts';
import { KiB } from '../base/units.ts';
import { check, hostError } from './errno.ts';
import { Fd } from './fd.ts';
import * as libc from './libc.ts';
import { Mapping } from './mapping.ts';
import { type Direction, sleep, waitFor } from './poll.ts';

/** As many as one message may carry (SCM_MAX_FD, unix(7)). */
const FDS_MAX = 253;
const FD_BYTES = 4;
const TYPE = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
const DEFAULT_TIMEOUT_MS = 10_000;
/** A full backlog cannot be waited for: connect(2) is tried again after this. */
const CONNECT_AGAIN_MS = 10;

/** One message in memory that the kernel gets the addresses of: header, one piece of data, control data. */
const IOVEC = msghdr.size;
const CONTROL = alignUp(IOVEC + iovec.size, 8);
const DATA = alignUp(CONTROL + cmsghdr.size + FDS_MAX * FD_BYTES, 8);
const SCRATCH_BYTES = 64 * KiB;
const DATA_BYTES = SCRATCH_BYTES - DATA;

export interface Received {
  /** Empty when the other end has closed. */
  readonly bytes: Uint8Array;
  /** The receiver owns them. */
  readonly fds: readonly Fd[];
}

export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export class UnixSocket extends Fd {
  /** For errors: "the socket /run/x.sock". */
  readonly name: string;
  #scratch: Mapping | undefined;

  private constructor(number: number, name: string) {
    super(number);
    this.name = name;
  }

  static connect(path: string, timeoutMs = DEFAULT_TIMEOUT_MS): UnixSocket {
    using owned = new DisposableStack();
    const socket = owned.use(UnixSocket.#create(`the socket ${path}`));
    const address = addressOf(path);
    const deadline = performance.now() + timeoutMs;
    while (libc.connect(socket.number, address, address.length) === -1) {
      const errno = libc.errno();
      if ((errno !== EAGAIN && errno !== EINTR) || performance.now() > deadline) {
        throw hostError(`connect to the socket ${path}`, errno);
      }
      sleep(CONNECT_AGAIN_MS);
    }
    owned.move();
    return socket;
  }

  /** Connects if that can be done at once; otherwise the errno that says why not. EAGAIN: many wait there already. */
  static connectNow(path: string): UnixSocket | number {
    using owned = new DisposableStack();
    const socket = owned.use(UnixSocket.#create(`the socket ${path}`));
    const address = addressOf(path);
    if (libc.connect(socket.number, address, address.length) === -1) return libc.errno();
    owned.move();
    return socket;
  }

  /** Listens at `path`, which must be free; only our own user may connect. */
  static listen(path: string, backlog = 8): UnixSocket {
    using owned = new DisposableStack();
    const socket = owned.use(UnixSocket.#create(`the socket ${path}`));
    const address = addressOf(path);
    // The socket's mode becomes its name's: nobody else may get in between, as they could before a chmod.
    fchmodSync(socket.number, 0o600);
    const doing = `make the socket ${path}`;
    check(libc.bind(socket.number, address, address.length), doing, { EADDRINUSE: 'choose another path' });
    check(libc.listen(socket.number, backlog), `listen on the socket ${path}`);
    owned.move();
    return socket;
  }

  static pair(name = 'a socket pair'): [UnixSocket, UnixSocket] {
    const numbers = new Int32Array(2);
    check(libc.socketpair(AF_UNIX, TYPE, 0, new Uint8Array(numbers.buffer)), `create ${name}`);
    return [new UnixSocket(numbers[0]!, name), new UnixSocket(numbers[1]!, name)];
  }

  /** A socket that somebody else has made, as one that came in a message. Takes over its descriptor. */
  static adopt({ number }: Fd, name: string): UnixSocket {
    return new UnixSocket(number, name);
  }

  static #create(name: string): UnixSocket {
    return new UnixSocket(check(libc.socket(AF_UNIX, TYPE, 0), 'create a socket'), name);
  }

  /** Whether it is one that others connect to. */
  get isListening(): boolean {
    const value = this.#option(SO_ACCEPTCONN, Int32Array.BYTES_PER_ELEMENT, `use ${this.name} as a socket`);
    return value.some((byte) => byte !== 0);
  }

  #option(name: number, size: number, doing: string): Uint8Array<ArrayBuffer> {
    const value = new Uint8Array(size);
    const length = new Uint8Array(Uint32Array.of(size).buffer);
    check(libc.getsockopt(this.number, SOL_SOCKET, name, value, length), doing, {
      ENOTSOCK: 'hand over one that listens, or one that is connected',
    });
    return value;
  }

  /** The next one who has connected; undefined when there is none. */
  accept(): UnixSocket | undefined {
    const number = libc.accept4(this.number, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (number !== -1) return new UnixSocket(number, this.name);
    const errno = libc.errno();
    if (errno === EAGAIN || errno === EINTR || errno === ECONNABORTED) return undefined;
    throw hostError(`accept a connection to ${this.name}`, errno);
  }

  /** Who is at the other end, as it was when it connected or began to listen (SO_PEERCRED, unix(7)). */
  peer(): Credentials {
    return unpack(ucred, this.#option(SO_PEERCRED, ucred.size, `ask who is at the other end of ${this.name}`));
  }

  /** Sends all of `bytes`, `fds` with the first of them. The descriptors stay the caller's. */
  send(bytes: Uint8Array, fds: readonly Fd[] = [], timeoutMs = DEFAULT_TIMEOUT_MS): void {
    const deadline = performance.now() + timeoutMs;
    for (let sent = 0; sent < bytes.length; ) {
      const count = this.trySend(bytes.subarray(sent), sent === 0 ? fds : []);
      sent += count;
      if (count === 0) this.#wait('writable', deadline, `send to ${this.name}`);
    }
  }

  /** Sends what fits now; returns how many bytes that was. The descriptors go with the first byte, or not at all. */
  trySend(bytes: Uint8Array, fds: readonly Fd[] = []): number {
    assert(fds.length <= FDS_MAX && bytes.length > 0, 'a message carries at least a byte and at most 253 descriptors');
    const piece = bytes.subarray(0, DATA_BYTES);
    const { message, scratch } = this.#prepare(piece.length, fds.length);
    scratch.bytes.set(piece, DATA);
    if (fds.length > 0) {
      packInto(scratch.bytes.subarray(CONTROL), cmsghdr, {
        cmsg_len: BigInt(cmsghdr.size + fds.length * FD_BYTES),
        cmsg_level: SOL_SOCKET,
        cmsg_type: SCM_RIGHTS,
      });
      fds.forEach((fd, index) => {
        scratch.view.setInt32(CONTROL + cmsghdr.size + index * FD_BYTES, fd.number, true);
      });
    }
    const count = libc.sendmsg(this.number, message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return count === -1 ? this.#notNow(`send to ${this.name}`) : count;
  }

  /** What has arrived, at most `bytesMax` and `fdsMax`; undefined when there is nothing. More descriptors are an error. */
  receive(bytesMax: number, fdsMax: number): Received | undefined {
    assert(fdsMax <= FDS_MAX && bytesMax > 0, 'a message carries at least a byte and at most 253 descriptors');
    const { message, scratch } = this.#prepare(Math.min(bytesMax, DATA_BYTES), fdsMax);
    const count = libc.recvmsg(this.number, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count === -1) {
      this.#notNow(`receive from ${this.name}`);
      return undefined;
    }
    using owned = new DisposableStack();
    const { msg_flags, msg_controllen } = unpack(msghdr, scratch.bytes);
    const fds = fdsIn(scratch.bytes.subarray(CONTROL, CONTROL + Number(msg_controllen))).map((fd) => owned.use(fd));
    if (msg_flags & MSG_CTRUNC || fds.length > fdsMax) {
      throw new HostError(
        `Cannot receive from ${this.name}: it sent more file descriptors than the ${fdsMax} expected`,
      );
    }
    owned.move();
    return { bytes: scratch.bytes.slice(DATA, DATA + count), fds };
  }

  /** Exactly `count` bytes, and the descriptors that came with them. That the other end closes before is an error. */
  receiveExactly(count: number, fdsMax: number, timeoutMs = DEFAULT_TIMEOUT_MS): Received {
    using owned = new DisposableStack();
    const bytes = new Uint8Array(count);
    const fds: Fd[] = [];
    const doing = `receive from ${this.name}`;
    const deadline = performance.now() + timeoutMs;
    for (let done = 0; done < count; ) {
      const received = this.receive(count - done, fdsMax - fds.length);
      if (!received) this.#wait('readable', deadline, doing);
      else if (received.bytes.length === 0) throw new HostError(`Cannot ${doing}: the other end has closed it`);
      else {
        bytes.set(received.bytes, done);
        done += received.bytes.length;
        fds.push(...received.fds.map((fd) => owned.use(fd)));
      }
    }
    owned.move();
    return { bytes, fds };
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#scratch?.[Symbol.dispose]();
  }

  /** Writes the message's header into the scratch memory; the data and the control data are the caller's. */
  #prepare(dataBytes: number, fdCount: number): { message: libc.HostPointer; scratch: Mapping } {
    this.#scratch ??= Mapping.create(SCRATCH_BYTES, { what: `messages on ${this.name}` });
    const { bytes, pointer } = this.#scratch;
    bytes.fill(0, 0, DATA);
    packInto(bytes, msghdr, {
      msg_iov: pointer + BigInt(IOVEC),
      msg_iovlen: 1n,
      // CMSG_LEN, not CMSG_SPACE: its padding would have room for one descriptor more than expected.
      ...(fdCount > 0 && {
        msg_control: pointer + BigInt(CONTROL),
        msg_controllen: BigInt(cmsghdr.size + fdCount * FD_BYTES),
      }),
    });
    packInto(bytes.subarray(IOVEC), iovec, { iov_base: pointer + BigInt(DATA), iov_len: BigInt(dataBytes) });
    return { message: pointer, scratch: this.#scratch };
  }

  /** 0 when the call only has to be made again later; otherwise its failure. */
  #notNow(doing: string): 0 {
    const errno = libc.errno();
    if (errno !== EAGAIN && errno !== EINTR) throw hostError(doing, errno);
    return 0;
  }

  #wait(direction: Direction, deadline: number, doing: string): void {
    if (waitFor(this.number, direction, Math.max(0, deadline - performance.now()))) return;
    throw new HostError(`Cannot ${doing}: the other end does not answer`, EAGAIN);
  }
}

function addressOf(path: string): Uint8Array {
  const bytes = new TextEncoder().encode(path);
  const sizeMax = sockaddr_un.fields.sun_path.size - 1;
  if (bytes.length === 0 || bytes.length > sizeMax) {
    throw new HostError(`Cannot use the socket ${path}: its path has ${bytes.length} bytes and at most ${sizeMax} fit`);
  }
  return pack(sockaddr_un, { sun_family: AF_UNIX, sun_path: bytes });
}

/** Every descriptor in the control data (CMSG_FIRSTHDR, CMSG_NXTHDR: cmsg(3)). */
function fdsIn(control: Uint8Array): Fd[] {
  const fds: Fd[] = [];
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength);
  for (let offset = 0; offset + cmsghdr.size <= control.length; ) {
    const { cmsg_len, cmsg_level, cmsg_type } = unpack(cmsghdr, control.subarray(offset));
    const length = Number(cmsg_len);
    if (length < cmsghdr.size) break;
    if (cmsg_level === SOL_SOCKET && cmsg_type === SCM_RIGHTS) {
      const end = Math.min(offset + length, control.length);
      for (let at = offset + cmsghdr.size; at + FD_BYTES <= end; at += FD_BYTES)
        fds.push(new Fd(view.getInt32(at, true)));
    }
    offset += alignUp(length, 8);
  }
  return fds;
}
