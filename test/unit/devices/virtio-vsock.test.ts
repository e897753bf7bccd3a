import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EPIPE } from '../../../src/abi/errno.ts';
import { SHUT_RD, SHUT_WR } from '../../../src/abi/libc.ts';
import {
  VIRTIO_VSOCK_OP_CREDIT_REQUEST,
  VIRTIO_VSOCK_OP_CREDIT_UPDATE,
  VIRTIO_VSOCK_OP_REQUEST,
  VIRTIO_VSOCK_OP_RESPONSE,
  VIRTIO_VSOCK_OP_RST,
  VIRTIO_VSOCK_OP_RW,
  VIRTIO_VSOCK_OP_SHUTDOWN,
  VIRTIO_VSOCK_SHUTDOWN_RCV,
  VIRTIO_VSOCK_SHUTDOWN_SEND,
  VIRTIO_VSOCK_TYPE_SEQPACKET,
  VMADDR_CID_HOST,
} from '../../../src/abi/virtio-vsock.ts';
import { KiB } from '../../../src/base/units.ts';
import { CONNECTIONS_MAX, RESETS_MAX } from '../../../src/devices/vsock-muxer.ts';
import { HEADER_BYTES } from '../../../src/devices/vsock-packet.ts';
import { receiveBytes, sendBytes, shutDown } from '../../../src/host/socket-bytes.ts';
import { UnixSocket } from '../../../src/host/unix-socket.ts';
import { random } from '../../support/random.ts';
import { GUEST_CID, type GuestStream, VsockGuest, type VsockGuestOptions } from '../../support/vsock-guest.ts';
import { pattern, TestFolder } from '../backends/streams.ts';

const BOTH = VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND;
const PORT = 5000;

let resources: DisposableStack;
let path: string;
let guest: VsockGuest;
beforeEach(() => {
  resources = new DisposableStack();
  path = resources.use(new TestFolder()).file('v.sock');
});
afterEach(() => resources.dispose());

function start(options: Partial<VsockGuestOptions> = {}): VsockGuest {
  guest = resources.use(new VsockGuest({ path, ...options }));
  guest.start();
  return guest;
}

/** A Unix socket of a program on the host. */
class Peer {
  readonly socket: UnixSocket;
  readonly #received: Buffer[] = [];
  ended = false;

  constructor(socket: UnixSocket) {
    this.socket = resources.use(socket);
  }

  /** Reads at most `countMax` bytes of what has arrived. */
  read(countMax = 64 * KiB): number {
    const buffer = Buffer.alloc(countMax);
    const count = receiveBytes(this.socket.number, buffer);
    if (count === 0) this.ended = true;
    if (count > 0) this.#received.push(buffer.subarray(0, count));
    return count;
  }

  get received(): Buffer {
    while (this.read() > 0);
    return Buffer.concat(this.#received);
  }

  write(bytes: Uint8Array): number {
    return Math.max(0, sendBytes(this.socket.number, bytes));
  }
}

function listenOn(port = PORT): () => Peer {
  const listener = resources.use(UnixSocket.listen(`${path}_${port}`, 4096));
  return () => {
    const socket = listener.accept();
    if (!socket) throw new Error('nobody has connected');
    return new Peer(socket);
  };
}

/** A stream that the guest has opened to a program on the host. */
function connected(): { stream: GuestStream; peer: Peer } {
  const accept = listenOn();
  const stream = guest.stream(PORT);
  stream.send(VIRTIO_VSOCK_OP_REQUEST);
  guest.until(() => stream.heard(VIRTIO_VSOCK_OP_RESPONSE) === 1, 'the response');
  return { stream, peer: accept() };
}

/** A client that has asked for a port of the guest, and the guest's end of it, not yet answered. */
function called(port = 99, greeting = `CONNECT ${port}\n`): { stream: GuestStream; peer: Peer } {
  const peer = new Peer(UnixSocket.connect(path));
  peer.write(Buffer.from(greeting));
  const isThere = () => guest.packets.some(({ op }) => op === VIRTIO_VSOCK_OP_REQUEST);
  guest.until(isThere, 'the request');
  const request = guest.packets.splice(0)[0]!;
  expect(request).toMatchObject({ srcCid: VMADDR_CID_HOST, dstCid: GUEST_CID, dstPort: port });
  const stream = guest.stream(request.srcPort, port);
  stream.receive(request);
  return { stream, peer };
}

describe('connections', () => {
  test('config: the guest reads its own address (§5.10.4)', () => {
    start();
    expect(guest.device.config.view.getBigUint64(0, true)).toBe(BigInt(GUEST_CID));
  });

  test('the guest connects to a program on the host, and bytes go both ways', () => {
    start();
    const { stream, peer } = connected();
    expect(stream.write(Buffer.from('from the guest'))).toBe(14);
    expect(peer.received.toString()).toBe('from the guest');
    peer.write(Buffer.from('from the host'));
    guest.until(() => stream.receivedBytes === 13, 'the answer');
    expect(stream.received.toString()).toBe('from the host');
  });

  test('a port on which nobody listens is refused with RST', () => {
    start();
    const stream = guest.stream(1);
    stream.send(VIRTIO_VSOCK_OP_REQUEST);
    guest.until(() => stream.packets.length === 1, 'the answer');
    expect(stream.packets[0]).toMatchObject({ op: VIRTIO_VSOCK_OP_RST, srcPort: 1, length: 0 });
    expect(guest.device.counters()['connections']).toBe(0);
  });

  test('a listener with a full backlog is tried again', () => {
    start();
    const listener = resources.use(UnixSocket.listen(`${path}_${PORT}`, 0));
    const first = resources.use(UnixSocket.connect(`${path}_${PORT}`));
    const stream = guest.stream(PORT);
    stream.send(VIRTIO_VSOCK_OP_REQUEST);
    guest.settle();
    expect(stream.packets).toEqual([]);
    resources.use(listener.accept()!);
    guest.until(() => stream.heard(VIRTIO_VSOCK_OP_RESPONSE) === 1, 'the response');
    expect(first.number).toBeGreaterThan(0);
  });

  test('a client of the host connects to the guest; what it sends with its greeting is for the guest', () => {
    start();
    const { stream, peer } = called(99, 'CONNECT 99\nGET /');
    expect(peer.received.toString()).toBe('');
    stream.send(VIRTIO_VSOCK_OP_RESPONSE);
    guest.until(() => stream.receivedBytes === 5, 'what the client has sent');
    expect(stream.received.toString()).toBe('GET /');
    expect(peer.received.toString()).toBe(`OK ${stream.hostPort}\n`);
    stream.write(Buffer.from('200'));
    expect(peer.received.toString()).toBe(`OK ${stream.hostPort}\n200`);
  });

  test('a client whose port nobody in the guest listens on is disconnected', () => {
    start();
    const { stream, peer } = called();
    stream.send(VIRTIO_VSOCK_OP_RST);
    expect(peer.received.toString()).toBe('');
    expect(peer.ended).toBe(true);
    expect(guest.device.counters()['connections']).toBe(0);
  });

  test('a greeting may come in pieces; one that is none ends the connection', () => {
    start();
    const slow = new Peer(UnixSocket.connect(path));
    for (const piece of ['CONN', 'ECT 12', '3']) {
      slow.write(Buffer.from(piece));
      guest.settle(5);
      expect(guest.packets).toEqual([]);
    }
    slow.write(Buffer.from('4\n'));
    guest.until(() => guest.packets.length === 1, 'the request');
    expect(guest.packets[0]).toMatchObject({ op: VIRTIO_VSOCK_OP_REQUEST, dstPort: 1234 });
    for (const wrong of ['HELLO\n', 'CONNECT 4294967296\n', 'CONNECT x\n', `CONNECT ${'1'.repeat(40)}`]) {
      const peer = new Peer(UnixSocket.connect(path));
      peer.write(Buffer.from(wrong));
      guest.until(() => peer.read() === 0, `${wrong} to be refused`);
    }
    expect(guest.packets).toHaveLength(1);
  });

  test('a client that connects before the guest is there waits for it', () => {
    guest = resources.use(new VsockGuest({ path }));
    const peer = new Peer(UnixSocket.connect(path));
    peer.write(Buffer.from('CONNECT 7\n'));
    guest.start();
    guest.until(() => guest.packets.length === 1, 'the request');
  });

  test('300 streams at once, half of them from each side: every byte arrives, in order', { timeout: 60_000 }, () => {
    start();
    const accept = listenOn();
    const seed = random();
    const streams = Array.from({ length: 300 }, (_, index) => {
      if (index % 2 === 1) {
        const pair = called(10_000 + index);
        pair.stream.send(VIRTIO_VSOCK_OP_RESPONSE);
        return pair;
      }
      const stream = guest.stream(PORT);
      stream.send(VIRTIO_VSOCK_OP_REQUEST);
      return { stream, peer: accept() };
    }).map(({ stream, peer }, index) => {
      const greeting = index % 2 === 1 ? `OK ${stream.hostPort}\n` : '';
      const bytes = pattern(seed.below(48 * KiB)).map((byte) => byte ^ index);
      return { stream, peer, greeting, bytes, sentByGuest: 0, sentByHost: 0 };
    });
    const isDone = (one: (typeof streams)[number]) =>
      one.sentByGuest === one.bytes.length && one.stream.receivedBytes === one.bytes.length;
    guest.until(() => {
      for (const one of streams) {
        const { stream, peer, bytes } = one;
        const most = 1 + seed.below(8 * KiB);
        one.sentByGuest += stream.write(bytes.subarray(one.sentByGuest, one.sentByGuest + most));
        one.sentByHost += peer.write(bytes.subarray(one.sentByHost, one.sentByHost + most));
        if (seed.below(3) > 0) peer.read(1 + seed.below(8 * KiB));
        if (stream.owesUpdate) stream.send(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
      }
      return streams.every(isDone);
    }, `all bytes (seed ${seed.seed})`);
    const expected = (one: (typeof streams)[number]) => Buffer.concat([Buffer.from(one.greeting), one.bytes]);
    expect(streams.filter((one) => !expected(one).equals(one.peer.received)).length).toBe(0);
    expect(streams.filter((one) => !one.stream.received.equals(one.bytes)).length).toBe(0);
    expect(streams.filter(({ stream }) => stream.heard(VIRTIO_VSOCK_OP_RST) > 0)).toEqual([]);
  });
});

describe('the end of a stream', () => {
  test('the guest sends nothing more: the host reads to the end and may still answer', () => {
    start();
    const { stream, peer } = connected();
    stream.write(Buffer.from('question'));
    stream.send(VIRTIO_VSOCK_OP_SHUTDOWN, { flags: VIRTIO_VSOCK_SHUTDOWN_SEND });
    expect(peer.received.toString()).toBe('question');
    expect(peer.ended).toBe(true);
    peer.write(Buffer.from('answer'));
    peer.socket[Symbol.dispose]();
    guest.until(() => stream.shutdown === BOTH, 'the end');
    expect(stream.received.toString()).toBe('answer');
  });

  test('the host sends nothing more: the guest is told after the last byte, and may still answer', () => {
    start();
    const { stream, peer } = connected();
    const bytes = pattern(20 * KiB);
    peer.write(bytes);
    shutDown(peer.socket.number, SHUT_WR);
    guest.until(() => stream.shutdown === VIRTIO_VSOCK_SHUTDOWN_SEND, 'the end');
    expect(stream.received.equals(bytes)).toBe(true);
    expect(stream.packets.at(-1)?.op).toBe(VIRTIO_VSOCK_OP_SHUTDOWN);
    stream.write(Buffer.from('answer'));
    expect(peer.received.toString()).toBe('answer');
    stream.send(VIRTIO_VSOCK_OP_SHUTDOWN, { flags: VIRTIO_VSOCK_SHUTDOWN_SEND });
    guest.until(() => stream.shutdown === BOTH, 'both ends');
    expect(peer.received.length === 6 && peer.ended).toBe(true);
  });

  test('the host closes: the guest is told both, and confirms with RST (§5.10.6.5)', () => {
    start();
    const { stream, peer } = connected();
    peer.write(Buffer.from('bye'));
    peer.socket[Symbol.dispose]();
    guest.until(() => stream.shutdown === BOTH, 'the end');
    expect(stream.received.toString()).toBe('bye');
    expect(guest.device.counters()['connections']).toBe(1);
    stream.send(VIRTIO_VSOCK_OP_RST);
    expect(guest.device.counters()['connections']).toBe(0);
    guest.settle();
    expect(stream.heard(VIRTIO_VSOCK_OP_RST)).toBe(0);
  });

  test('the host closes while it has not read everything: no byte of its own is lost', () => {
    start();
    const { stream, peer } = connected();
    stream.write(Buffer.from('unread'));
    peer.write(Buffer.from('last words'));
    peer.socket[Symbol.dispose]();
    guest.until(() => stream.shutdown === BOTH, 'the end');
    expect(stream.received.toString()).toBe('last words');
  });

  test('the guest closes: RST confirms, the host reads everything', () => {
    start();
    const { stream, peer } = connected();
    const bytes = pattern(512 * KiB);
    for (let sent = 0; sent < bytes.length; ) {
      sent += stream.write(bytes.subarray(sent));
      if (stream.credit === 0) peer.read(16 * KiB);
      guest.turn();
      guest.collect();
    }
    stream.send(VIRTIO_VSOCK_OP_SHUTDOWN, { flags: BOTH });
    guest.until(() => stream.heard(VIRTIO_VSOCK_OP_RST) === 1, 'the confirmation');
    expect(guest.device.counters()['connections']).toBe(1);
    guest.until(() => {
      peer.read(3_000);
      return peer.ended;
    }, 'the host to read the rest');
    expect(peer.received.equals(bytes)).toBe(true);
    expect(guest.device.counters()['connections']).toBe(0);
  });

  test('the host reads no more: the guest is told, and what it sends goes nowhere', () => {
    start();
    const { stream, peer } = connected();
    shutDown(peer.socket.number, SHUT_RD);
    stream.write(pattern(1000));
    guest.until(() => stream.shutdown === VIRTIO_VSOCK_SHUTDOWN_RCV, 'the news');
    peer.write(Buffer.from('still here'));
    guest.until(() => stream.receivedBytes === 10, 'the other direction');
  });

  test('the guest reads no more: a host that writes is told', () => {
    start();
    const { stream, peer } = connected();
    stream.send(VIRTIO_VSOCK_OP_SHUTDOWN, { flags: VIRTIO_VSOCK_SHUTDOWN_RCV });
    expect(sendBytes(peer.socket.number, Buffer.from('x'))).toBe(-EPIPE);
    stream.write(Buffer.from('still here'));
    expect(peer.received.toString()).toBe('still here');
  });

  test('a reset of the device closes every stream; what the guest sent last still arrives', () => {
    start();
    const { stream, peer } = connected();
    let sent = 0;
    while (stream.credit > 0) {
      sent += stream.write(pattern(16 * KiB));
      guest.settle(1);
    }
    const waiting = called();
    guest.reset();
    expect(waiting.peer.received.length === 0 && waiting.peer.ended).toBe(true);
    guest.start();
    guest.until(() => {
      peer.read();
      return peer.ended;
    }, 'the last of it');
    expect(peer.received.length).toBe(sent);
    expect(guest.device.counters()['connections']).toBe(0);
    expect(guest.packets).toEqual([]);
  });

  test('the end of the device: who reads late still gets what the guest sent, who does not is not waited for long', async () => {
    start();
    const { stream, peer } = connected();
    const { stream: other } = called();
    let sent = 0;
    while (stream.credit > 0) {
      sent += stream.write(pattern(16 * KiB));
      guest.settle(1);
    }
    other.send(VIRTIO_VSOCK_OP_RESPONSE);
    while (other.credit > 0) {
      other.write(pattern(16 * KiB));
      guest.settle(1);
    }
    const count = 'let n = 0; process.stdin.on("data", ({ length }) => (n += length)).on("end", () => console.log(n))';
    const reader = spawn(process.execPath, ['-e', `setTimeout(() => { ${count} }, 100)`], {
      stdio: [peer.socket.number, 'pipe', 'inherit'],
    });
    const startedMs = performance.now();
    guest.device[Symbol.dispose]();
    expect(performance.now() - startedMs).toBeLessThan(1_500);
    expect(Number(await text(reader.stdout!))).toBe(sent);
  });

  test('10 × 50 streams leave no file descriptor behind', () => {
    start();
    const accept = listenOn();
    const openFds = () => readdirSync('/proc/self/fd').length;
    const before = openFds();
    for (let round = 0; round < 10; round++) {
      const streams = Array.from({ length: 50 }, () => guest.stream(PORT));
      for (const stream of streams) stream.send(VIRTIO_VSOCK_OP_REQUEST);
      const peers = streams.map(accept);
      peers.forEach((peer, index) => {
        if (index % 3 === 0) streams[index]!.send(VIRTIO_VSOCK_OP_RST);
        if (index % 3 === 1) streams[index]!.send(VIRTIO_VSOCK_OP_SHUTDOWN, { flags: BOTH });
        peer.socket[Symbol.dispose]();
      });
      guest.until(() => streams.every((s, index) => index % 3 < 2 || s.shutdown === BOTH), 'the ends');
      streams.forEach((stream, index) => {
        if (index % 3 === 2) stream.send(VIRTIO_VSOCK_OP_RST);
      });
    }
    expect(guest.device.counters()['connections']).toBe(0);
    expect(openFds()).toBe(before);
  });
});

describe('credit (§5.10.6.3)', () => {
  test('a guest with no room is sent nothing, is asked once, and goes on when it has room', () => {
    start();
    const { stream, peer } = connected();
    stream.reads = false;
    const bytes = pattern(100 * KiB);
    expect(peer.write(bytes)).toBe(bytes.length);
    guest.until(() => stream.heard(VIRTIO_VSOCK_OP_CREDIT_REQUEST) > 0, 'the device to ask');
    expect(stream.receivedBytes).toBe(stream.bufAlloc);
    stream.send(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
    guest.settle();
    expect(stream.heard(VIRTIO_VSOCK_OP_CREDIT_REQUEST)).toBe(1);
    expect(stream.receivedBytes).toBe(stream.bufAlloc);
    stream.readAll();
    stream.send(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
    guest.until(() => stream.receivedBytes === bytes.length, 'the rest');
    expect(stream.received.equals(bytes)).toBe(true);
  });

  test('a guest that says it took more than it was sent, or shrinks its buffer, gets nothing', () => {
    start();
    const { stream, peer } = connected();
    for (const credit of [{ fwdCnt: 1 }, { bufAlloc: 0 }, { fwdCnt: 0xffff_ffff, bufAlloc: 0 }]) {
      stream.send(VIRTIO_VSOCK_OP_CREDIT_UPDATE, credit);
      peer.write(Buffer.from('x'));
      guest.settle(5);
      expect(stream.receivedBytes).toBe(0);
    }
    stream.send(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
    guest.until(() => stream.receivedBytes === 3, 'all of it');
  });

  test('the guest is told of room before it has none', () => {
    start();
    const { stream, peer } = connected();
    const { bufAlloc } = stream.packets[0]!;
    for (let sent = 0; sent < 3 * bufAlloc; ) {
      expect(stream.credit).toBeGreaterThan(0);
      sent += stream.write(pattern(16 * KiB));
      peer.read();
      guest.turn();
      guest.collect();
    }
    expect(stream.heard(VIRTIO_VSOCK_OP_CREDIT_UPDATE)).toBeGreaterThan(2);
    expect(stream.heard(VIRTIO_VSOCK_OP_CREDIT_UPDATE)).toBeLessThan(10);
  });

  test('the guest asks and is told', () => {
    start();
    const { stream } = connected();
    stream.write(Buffer.from('abc'));
    stream.send(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
    guest.until(() => stream.heard(VIRTIO_VSOCK_OP_CREDIT_UPDATE) === 1, 'the answer');
    expect(stream.packets.at(-1)).toMatchObject({ fwdCnt: 3, bufAlloc: stream.packets[0]!.bufAlloc });
  });

  test('a guest that sends more than it may loses the stream', () => {
    start();
    const { stream } = connected();
    while (stream.credit > 0) {
      stream.write(pattern(64 * KiB));
      guest.settle(1);
    }
    // What has already left its buffer the device still takes.
    guest.until(() => {
      if (stream.heard(VIRTIO_VSOCK_OP_RST) === 0) stream.send(VIRTIO_VSOCK_OP_RW, {}, new Uint8Array(16 * KiB));
      return stream.heard(VIRTIO_VSOCK_OP_RST) === 1;
    }, 'the reset');
    expect(guest.device.counters()['connections']).toBe(0);
    expect(guest.fault).toBeUndefined();
  });

  test('one stream with much to read does not keep others from theirs', () => {
    start({ rxBuffers: 4 });
    const first = connected();
    const accept = new Peer(UnixSocket.connect(path));
    accept.write(Buffer.from('CONNECT 9\n'));
    guest.until(() => guest.packets.length === 1, 'the request');
    const second = guest.stream(guest.packets[0]!.srcPort, 9);
    second.send(VIRTIO_VSOCK_OP_RESPONSE);
    guest.collect();
    guest.refills = false;
    first.stream.bufAlloc = 1024 * KiB;
    first.stream.send(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
    first.peer.write(pattern(150 * KiB));
    accept.write(pattern(10 * KiB));
    guest.settle();
    expect(second.receivedBytes).toBeGreaterThan(0);
  });
});

describe('attacks (G32)', () => {
  test('packets for no connection are answered by RST, and RST by nothing', () => {
    start();
    for (const op of [VIRTIO_VSOCK_OP_RW, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 77, 0xffff]) {
      guest.send({ op, srcPort: 5, dstPort: 6 });
      guest.until(() => guest.packets.length === 1, `the answer to ${op}`);
      expect(guest.packets.splice(0)[0]).toMatchObject({ op: VIRTIO_VSOCK_OP_RST, srcPort: 6, dstPort: 5 });
    }
    guest.send({ op: VIRTIO_VSOCK_OP_RST, srcPort: 5, dstPort: 6 });
    guest.settle();
    expect(guest.packets).toEqual([]);
  });

  test('unknown types are answered by RST (§5.10.6.4.1), also where a stream has these ports', () => {
    start();
    const { stream } = connected();
    for (const type of [VIRTIO_VSOCK_TYPE_SEQPACKET, 0, 0xffff]) {
      stream.send(VIRTIO_VSOCK_OP_REQUEST, { type });
      guest.until(() => stream.packets.at(-1)?.op === VIRTIO_VSOCK_OP_RST, 'the answer');
      expect(stream.packets.at(-1)).toMatchObject({ type });
    }
    expect(guest.device.counters()['connections']).toBe(1);
  });

  test.each([{ srcCid: 3 }, { srcCid: 2 ** 32 + GUEST_CID }, { dstCid: 1 }, { dstCid: 3 }, { dstCid: 2 ** 52 + 2 }])(
    'packets with an address of somebody else go nowhere: %j',
    (addresses) => {
      start();
      const { stream, peer } = connected();
      stream.send(VIRTIO_VSOCK_OP_RW, addresses, Buffer.from('forged'));
      stream.send(VIRTIO_VSOCK_OP_REQUEST, { ...addresses, srcPort: 9 });
      guest.settle();
      expect(peer.received.length).toBe(0);
      expect(stream.packets).toHaveLength(1);
      expect(guest.packets).toEqual([]);
    },
  );

  test.each([
    ['no room for a header', [new Uint8Array(HEADER_BYTES - 1)]],
    ['nothing at all', []],
  ])('a packet with %s: the device needs a reset, and works after it', (_, parts) => {
    start();
    guest.sendRaw(parts.length > 0 ? parts : [new Uint8Array(0)]);
    expect(guest.fault).toMatch(/vsock packet of \d+ bytes/);
    guest.reset();
    guest.start();
    connected();
  });

  test('a length beyond the buffer: the device needs a reset', () => {
    start();
    const { stream } = connected();
    stream.send(VIRTIO_VSOCK_OP_RW, { length: 0xffff_ffff }, new Uint8Array(8));
    expect(guest.fault).toBe('a vsock packet says that it carries 4294967295 bytes and has 8');
    expect(guest.device.counters()['connections']).toBe(0);
  });

  test('bytes behind the length do not count', () => {
    start();
    const { stream, peer } = connected();
    stream.send(VIRTIO_VSOCK_OP_RW, { length: 2 }, Buffer.from('yes and no'));
    expect(peer.received.toString()).toBe('ye');
  });

  test('a receive buffer without room for a header: the device needs a reset', () => {
    start({ rxBytes: HEADER_BYTES - 1 });
    guest.stream(1).send(VIRTIO_VSOCK_OP_REQUEST);
    expect(guest.fault).toBe('a vsock buffer of 43 bytes has no room for a header');
  });

  test('receive buffers for a header alone: used up, and no end of time', () => {
    start({ rxBytes: HEADER_BYTES });
    const { stream, peer } = connected();
    peer.write(pattern(1000));
    guest.settle(5);
    expect(stream.receivedBytes).toBe(0);
    expect(guest.fault).toBeUndefined();
  });

  test('headers and payload cut into single bytes', () => {
    start();
    const { stream, peer } = connected();
    const { hostPort, guestPort } = stream;
    const header = new Uint8Array(HEADER_BYTES + 10).fill(7);
    const view = new DataView(header.buffer);
    view.setBigUint64(0, BigInt(GUEST_CID), true);
    view.setBigUint64(8, BigInt(VMADDR_CID_HOST), true);
    view.setUint32(16, guestPort, true);
    view.setUint32(20, hostPort, true);
    view.setUint32(24, 10, true);
    view.setUint16(28, 1, true);
    view.setUint16(30, VIRTIO_VSOCK_OP_RW, true);
    guest.sendRaw(Array.from(header, (byte) => Uint8Array.of(byte)));
    expect(peer.received).toEqual(Buffer.alloc(10, 7));
  });

  test('a guest that sends and never collects the answers: they are bounded, and it is heard again', () => {
    start({ rxBuffers: 8 });
    guest.refills = false;
    for (let count = 0; count < 3 * RESETS_MAX; count++) guest.send({ op: VIRTIO_VSOCK_OP_RW, srcPort: count });
    guest.collect();
    expect(guest.packets).toHaveLength(8);
    guest.refills = true;
    guest.refill(Array.from({ length: 8 }, () => guest.rx.add({ writable: [HEADER_BYTES] })).slice(8));
    guest.until(() => guest.packets.length >= RESETS_MAX, 'the answers');
    guest.settle();
    expect(guest.packets.length).toBe(RESETS_MAX + 8);
  });

  test('more connections than there may be are refused', { timeout: 60_000 }, () => {
    start();
    const listener = resources.use(UnixSocket.listen(`${path}_${PORT}`, 0));
    resources.use(UnixSocket.connect(`${path}_${PORT}`));
    // The backlog is full, so all of these stay in the making: no file descriptor is needed for any.
    for (let count = 0; count <= CONNECTIONS_MAX; count++)
      guest.send({ op: VIRTIO_VSOCK_OP_REQUEST, dstPort: PORT, srcPort: count });
    guest.until(() => guest.packets.length > 0, 'a refusal');
    expect(guest.packets[0]).toMatchObject({ op: VIRTIO_VSOCK_OP_RST });
    expect(guest.device.counters()['connections']).toBeLessThanOrEqual(CONNECTIONS_MAX);
    expect(listener.number).toBeGreaterThan(0);
  });

  test('a request on an open connection, or an answer that was not asked for, ends it', () => {
    start();
    for (const op of [VIRTIO_VSOCK_OP_REQUEST, VIRTIO_VSOCK_OP_RESPONSE, 0, 0xffff]) {
      const peer = new Peer(UnixSocket.connect(path));
      peer.write(Buffer.from('CONNECT 50\n'));
      guest.until(() => guest.packets.length === 1, 'the request');
      const stream = guest.stream(guest.packets.splice(0)[0]!.srcPort, 50);
      stream.send(VIRTIO_VSOCK_OP_RESPONSE);
      stream.send(op);
      guest.until(() => stream.heard(VIRTIO_VSOCK_OP_RST) === 1, `the reset after ${op}`);
      expect(peer.received.toString()).toContain('OK');
      expect(peer.ended).toBe(true);
    }
  });

  test('data after SHUTDOWN ends the stream', () => {
    start();
    const { stream } = connected();
    stream.send(VIRTIO_VSOCK_OP_SHUTDOWN, { flags: VIRTIO_VSOCK_SHUTDOWN_SEND });
    stream.send(VIRTIO_VSOCK_OP_RW, {}, new Uint8Array(1));
    guest.until(() => stream.heard(VIRTIO_VSOCK_OP_RST) === 1, 'the reset');
  });

  test('random packets: no error but a GuestFault, bounded connections', { timeout: 30_000 }, () => {
    start();
    const { seed, below, pick } = random();
    const accept = listenOn();
    for (let count = 0; count < 3000; count++) {
      const payload = new Uint8Array(pick([0, 0, 1, 100, 5000]));
      const header = {
        op: pick([0, 1, 1, 1, 2, 3, 4, 5, 5, 6, 7, 8, 0xffff]),
        type: pick([1, 1, 1, 1, 1, 1, 0, 2]),
        flags: below(5),
        srcPort: below(4),
        dstPort: pick([PORT, PORT, 1]),
        bufAlloc: pick([0, 100, 65536, 0xffff_ffff]),
        fwdCnt: pick([0, 1, 1000, 0xffff_ffff]),
        length: below(200) === 0 ? below(2 ** 32) : payload.length,
      };
      guest.send(header, payload);
      if (below(20) === 0) guest.settle(1);
      if (below(30) === 0 && guest.device.counters()['connections']! > 0) {
        try {
          const peer = accept();
          peer.write(pattern(below(1000)));
          if (below(2)) peer.socket[Symbol.dispose]();
        } catch {
          // All were taken.
        }
      }
      if (guest.fault !== undefined) {
        expect(guest.fault, `seed ${seed}`).toMatch(/^a vsock packet says/);
        guest.reset();
        guest.start();
      }
      expect(guest.device.counters()['connections'], `seed ${seed}`).toBeLessThanOrEqual(CONNECTIONS_MAX);
    }
  });
});
