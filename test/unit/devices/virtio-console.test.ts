import { existsSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { O_NOCTTY, O_NONBLOCK, O_RDWR } from '../../../src/abi/libc.ts';
import {
  VIRTIO_CONSOLE_CONSOLE_PORT,
  VIRTIO_CONSOLE_DEVICE_READY,
  VIRTIO_CONSOLE_F_EMERG_WRITE,
  VIRTIO_CONSOLE_F_MULTIPORT,
  VIRTIO_CONSOLE_F_SIZE,
  VIRTIO_CONSOLE_PORT_ADD,
  VIRTIO_CONSOLE_PORT_NAME,
  VIRTIO_CONSOLE_PORT_OPEN,
  VIRTIO_CONSOLE_PORT_READY,
  VIRTIO_CONSOLE_RESIZE,
  virtio_console_config,
} from '../../../src/abi/virtio-console.ts';
import { ConfigError } from '../../../src/base/errors.ts';
import { GiB, KiB, MiB } from '../../../src/base/units.ts';
import { parseConsoleSize } from '../../../src/devices/virtio-console.ts';
import { Fd } from '../../../src/host/fd.ts';
import { receiveBytes, sendBytes } from '../../../src/host/socket-bytes.ts';
import { UnixSocket } from '../../../src/host/unix-socket.ts';
import { ConsoleGuest, type ConsoleKeys, transmitQueueOf } from '../../support/console-guest.ts';
import { random } from '../../support/random.ts';
import { pattern, readNow, TestFolder } from '../backends/streams.ts';

const F_SIZE = 1n << BigInt(VIRTIO_CONSOLE_F_SIZE);
const F_MULTIPORT = 1n << BigInt(VIRTIO_CONSOLE_F_MULTIPORT);
const F_EMERG_WRITE = 1n << BigInt(VIRTIO_CONSOLE_F_EMERG_WRITE);
const EMERG_WR = virtio_console_config.fields.emerg_wr.offset;

let resources: DisposableStack;
let folder: TestFolder;
let guest: ConsoleGuest;
beforeEach(() => {
  resources = new DisposableStack();
  folder = resources.use(new TestFolder());
});
afterEach(() => resources.dispose());

function create(keys: ConsoleKeys): ConsoleGuest {
  guest = resources.use(new ConsoleGuest(keys));
  return guest;
}

const unix = (name = 'port.sock') => ({ kind: 'unix', path: folder.file(name) }) as const;
const file = (name = 'log') => ({ kind: 'file', path: folder.file(name) }) as const;
const logged = (name = 'log') => readFileSync(folder.file(name));

/** A program on the host at the other end of a port. */
class Peer {
  readonly socket: UnixSocket;
  readonly #received: Buffer[] = [];

  constructor(name = 'port.sock') {
    this.socket = resources.use(UnixSocket.connect(folder.file(name)));
  }

  read(countMax = 64 * KiB): number {
    const buffer = Buffer.alloc(countMax);
    const count = receiveBytes(this.socket.number, buffer);
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

/** A device with one port and a program at its other end. */
function attached(): Peer {
  create({ ports: { agent: unix() } }).start();
  guest.greet();
  const peer = new Peer();
  guest.until(() => guest.control.at(-1)?.event === VIRTIO_CONSOLE_PORT_OPEN, 'the attachment');
  return peer;
}

describe('a console alone', () => {
  test('is the plain one: two queues, no control (§5.3.2, §5.3.3)', () => {
    create({ console: { kind: 'none' } });
    expect(guest.device.queueSizes).toHaveLength(2);
    expect(guest.device.features).toBe(F_SIZE | F_EMERG_WRITE);
  });

  test('output goes to a file, in order', () => {
    create({ console: file() }).start();
    for (const word of ['Booting', ' ', 'Linux\n']) guest.print(0, Buffer.from(word));
    expect(logged().toString()).toBe('Booting Linux\n');
  });

  test('a pty works both ways, and its name is said', () => {
    create({ console: { kind: 'pty' } }).start();
    const [, name] = /^The console is (\/dev\/pts\/\d+)$/.exec(guest.rig.messages[0]!)!;
    const terminal = resources.use(new Fd(openSync(name!, O_RDWR | O_NOCTTY | O_NONBLOCK)));
    guest.print(0, Buffer.from('login: '));
    expect(readNow(terminal.number).toString()).toBe('login: ');
    writeSync(terminal.number, 'root\n');
    guest.until(() => guest.received(0).length === 5, 'the input');
    expect(guest.received(0).toString()).toBe('root\n');
  });

  test('a client of a socket sees what was printed before it came', () => {
    create({ console: unix() }).start();
    guest.print(0, Buffer.from('Booting\n'));
    const peer = new Peer();
    guest.until(() => peer.received.toString() === 'Booting\n', 'the history');
    peer.write(Buffer.from('x'));
    guest.until(() => guest.received(0).toString() === 'x', 'the input');
  });

  test('nowhere: output is used up', () => {
    create({ console: { kind: 'none' } }).start();
    guest.print(0, pattern(10 * KiB));
  });

  test('emergency writes need no driver (§5.3.4), and nothing else in the config space is the guest’s', () => {
    create({ console: file(), size: '80x25' });
    for (const letter of Buffer.from('Oops')) guest.rig.writeConfig(EMERG_WR, Uint8Array.of(letter, 0, 0, 0));
    guest.rig.writeConfig(EMERG_WR, Uint8Array.of(10));
    guest.rig.writeConfig(0, Uint8Array.of(1, 2, 3, 4));
    expect(logged().toString()).toBe('Oops\n');
    expect([...guest.device.config.bytes.subarray(0, 4)]).toEqual([80, 0, 25, 0]);
  });
});

describe('ports (§5.3.6.2)', () => {
  const names = (id: number) => guest.control.filter((message) => message.id === id).map(({ event }) => event);

  test('queues and features: a pair for each port, and a pair for control', () => {
    create({ console: { kind: 'none' }, ports: { a: file('a'), b: file('b') } });
    expect(guest.device.queueSizes).toHaveLength(8);
    expect(guest.device.features & F_MULTIPORT).toBe(F_MULTIPORT);
    expect(guest.device.config.view.getUint32(virtio_console_config.fields.max_nr_ports.offset, true)).toBe(3);
  });

  test('the driver is told of each port, then what it is, then who is there', () => {
    create({ console: { kind: 'none' }, ports: { 'org.example': file(), b: unix() } }).start();
    expect(guest.control).toEqual([]);
    guest.greet();
    expect(names(0)).toEqual([VIRTIO_CONSOLE_PORT_ADD, VIRTIO_CONSOLE_CONSOLE_PORT, VIRTIO_CONSOLE_PORT_OPEN]);
    expect(names(1)).toEqual([VIRTIO_CONSOLE_PORT_ADD, VIRTIO_CONSOLE_PORT_NAME, VIRTIO_CONSOLE_PORT_OPEN]);
    expect(names(2)).toEqual([VIRTIO_CONSOLE_PORT_ADD, VIRTIO_CONSOLE_PORT_NAME]);
    const named = guest.control.filter(({ event }) => event === VIRTIO_CONSOLE_PORT_NAME);
    expect(named.map(({ more }) => Buffer.from(more).toString())).toEqual(['org.example', 'b']);
  });

  test('a device without a console has ports from 1 on', () => {
    create({ ports: { only: file() } }).start();
    guest.greet();
    expect(names(0)).toEqual([]);
    guest.print(1, Buffer.from('data'));
    expect(logged().toString()).toBe('data');
  });

  test('a driver that does not want ports has the console', () => {
    create({ console: file(), ports: { other: file('other') } }).start({ features: F_SIZE });
    guest.print(0, Buffer.from('plain'));
    expect(logged().toString()).toBe('plain');
  });

  test('a program that comes or goes is announced', () => {
    const peer = attached();
    expect(guest.control.at(-1)).toMatchObject({ id: 1, value: 1 });
    peer.socket[Symbol.dispose]();
    guest.until(() => guest.control.at(-1)?.value === 0, 'the end');
    new Peer();
    guest.until(() => guest.control.at(-1)?.value === 1, 'the next one');
  });

  test('a program that only sends nothing more stays attached', () => {
    const peer = attached();
    peer.write(Buffer.from('question'));
    guest.until(() => guest.received(1).length === 8, 'the question');
    guest.print(1, Buffer.from('answer'));
    guest.until(() => peer.received.length === 6, 'the answer');
  });

  test('input waits until a program in the guest has opened the port', () => {
    create({ ports: { agent: unix() } }).start();
    guest.say({ event: VIRTIO_CONSOLE_DEVICE_READY, value: 1 });
    guest.say({ id: 1, event: VIRTIO_CONSOLE_PORT_READY, value: 1 });
    const peer = new Peer();
    peer.write(Buffer.from('early'));
    guest.settle();
    expect(guest.received(1).length).toBe(0);
    guest.say({ id: 1, event: VIRTIO_CONSOLE_PORT_OPEN, value: 1 });
    guest.until(() => guest.received(1).toString() === 'early', 'the input');
    guest.say({ id: 1, event: VIRTIO_CONSOLE_PORT_OPEN, value: 0 });
    peer.write(Buffer.from('late'));
    guest.settle();
    expect(guest.received(1).toString()).toBe('early');
  });

  test('output waits until a program on the host is there', () => {
    create({ ports: { agent: unix() } }).start();
    guest.greet();
    const isUsed = guest.offer(transmitQueueOf(1), [Buffer.from('hello')]);
    guest.settle();
    expect(isUsed()).toBe(false);
    const peer = new Peer();
    guest.until(isUsed, 'the output');
    expect(peer.received.toString()).toBe('hello');
  });

  test('what a program has sent is for the guest, also when it has gone', () => {
    const peer = attached();
    guest.refills = false;
    const bytes = pattern(200 * KiB);
    let sent = 0;
    guest.until(() => {
      sent += peer.write(bytes.subarray(sent, sent + 16 * KiB));
      return sent === bytes.length || peer.write(Buffer.alloc(0)) < 0 || guest.received(1).length >= 64 * KiB;
    }, 'the buffers to be full');
    peer.socket[Symbol.dispose]();
    guest.settle();
    guest.refills = true;
    const queue = guest.rig.queue(4);
    for (let count = 0; count < 16; count++) queue.add({ writable: [4 * KiB] });
    guest.rig.kick(4);
    guest.until(() => guest.received(1).length === sent, 'the rest');
    expect(guest.received(1).equals(bytes.subarray(0, sent))).toBe(true);
    guest.until(() => guest.control.at(-1)?.value === 0, 'the end');
  });

  test('10 MiB each way at once through a port, the readers slow: every byte arrives', { timeout: 60_000 }, () => {
    const peer = attached();
    const seed = random();
    const bytes = pattern(10 * MiB);
    const state = { printed: 0, sent: 0 };
    let isUsed = () => true;
    guest.until(() => {
      if (isUsed() && state.printed < bytes.length) {
        const piece = bytes.subarray(state.printed, state.printed + 1 + seed.below(60 * KiB));
        state.printed += piece.length;
        guest.rig.ram.release(3 * MiB);
        isUsed = guest.offer(transmitQueueOf(1), [piece]);
      }
      state.sent += peer.write(bytes.subarray(state.sent, state.sent + 1 + seed.below(60 * KiB)));
      if (seed.below(3) > 0) peer.read(1 + seed.below(128 * KiB));
      return state.sent === bytes.length && state.printed === bytes.length && isUsed();
    }, `all bytes (seed ${seed.seed})`);
    guest.until(() => peer.received.length === bytes.length, 'the output');
    guest.until(() => guest.received(1).length === bytes.length, 'the input');
    expect(peer.received.equals(bytes)).toBe(true);
    expect(guest.received(1).equals(bytes)).toBe(true);
  });

  test('ports: says where each leads, and who is there', () => {
    attached();
    expect(JSON.parse(guest.device.actions['ports']!.run(undefined))).toEqual([
      { id: 1, name: 'agent', leadsTo: `socket ${folder.file('port.sock')}`, openInGuest: true, attached: true },
    ]);
  });
});

describe('the size of the terminal', () => {
  const sizeInConfig = () => [0, 2].map((offset) => guest.device.config.view.getUint16(offset, true));

  test('a console alone: the config space has it, and its change is announced', () => {
    create({ console: { kind: 'none' }, size: '80x25' }).start();
    expect(sizeInConfig()).toEqual([80, 25]);
    let updates = 0;
    guest.device.config.onUpdate(() => updates++);
    expect(guest.device.actions['resize']!.run('120x40')).toBe('The terminal has 120 columns and 40 rows now');
    expect(sizeInConfig()).toEqual([120, 40]);
    expect(updates).toBe(1);
  });

  test('with ports: a message for the console', () => {
    create({ console: { kind: 'none' }, ports: { a: file() }, size: '80x25' }).start();
    guest.greet();
    const sizes = () => guest.control.filter(({ event }) => event === VIRTIO_CONSOLE_RESIZE);
    expect(sizes()).toHaveLength(1);
    guest.device.actions['resize']!.run('120x40');
    guest.until(() => sizes().length === 2, 'the news');
    expect(sizes().map(({ id }) => id)).toEqual([0, 0]);
  });

  test.each(['', '80', '80x', '0x25', '80x25x1', '65536x1', '-1x5'])('resize %j is refused', (value) => {
    create({ console: { kind: 'none' } });
    expect(() => guest.device.actions['resize']!.run(value)).toThrow(ConfigError);
    expect(parseConsoleSize(value)).toBeUndefined();
  });
});

describe('life', () => {
  test('reset and start again: nothing of before comes through, and the port works', () => {
    const peer = attached();
    guest.rig.reset();
    peer.write(Buffer.from('between'));
    guest.rig.settle();
    guest.control.length = 0;
    guest.start();
    guest.greet();
    guest.until(() => guest.received(1).toString() === 'between', 'the input');
    expect(guest.control.at(-1)).toMatchObject({ event: VIRTIO_CONSOLE_PORT_OPEN, value: 1 });
    guest.print(1, Buffer.from('again'));
    guest.until(() => peer.received.toString() === 'again', 'the output');
  });

  test('100 resets leave no file descriptor behind', () => {
    create({ console: { kind: 'pty' }, ports: { a: unix('a'), b: { kind: 'pty' } } }).start();
    guest.greet();
    const openFds = () => readdirSync('/proc/self/fd').length;
    const before = openFds();
    for (let round = 0; round < 100; round++) {
      guest.rig.reset();
      guest.control.length = 0;
      guest.start();
      guest.greet();
    }
    expect(openFds()).toBe(before);
  });

  test('the end takes sockets away', () => {
    create({ ports: { agent: unix() } }).start();
    expect(existsSync(folder.file('port.sock'))).toBe(true);
    guest[Symbol.dispose]();
    expect(existsSync(folder.file('port.sock'))).toBe(false);
  });

  test('a device that leads nowhere is refused, and one whose socket cannot be made', () => {
    expect(() => create({})).toThrow('neither a console nor ports');
    using _other = new ConsoleGuest({ ports: { a: unix() } });
    expect(() => create({ ports: { a: unix() } })).toThrow(
      expect.objectContaining({ keyPath: 'devices.con0.ports.a', message: expect.stringContaining('listens on it') }),
    );
  });
});

describe('attacks', () => {
  test('G32: 1 GiB in one chain is taken in turns, without keeping it, and the other ports go on', {
    timeout: 60_000,
  }, () => {
    create({ ports: { big: { kind: 'file', path: '/dev/null' }, small: file() } }).start();
    guest.greet();
    const queue = guest.rig.queue(transmitQueueOf(1));
    const segments = Array.from({ length: 64 }, () => ({
      address: guest.rig.ram.base,
      length: 4 * MiB,
      writable: false,
    }));
    // Four times over, as the queue has 64 entries: the last chain is the longest part of it all.
    const before = process.memoryUsage().rss;
    for (let chain = 0; chain < GiB / (64 * 4 * MiB); chain++) {
      const buffer = queue.addSegments(segments);
      guest.rig.kick(transmitQueueOf(1));
      expect(buffer.usedLength).toBeUndefined();
      guest.print(2, Buffer.from('.'));
      let turns = 0;
      guest.until(() => {
        turns++;
        queue.take();
        return buffer.usedLength !== undefined;
      }, 'the chain');
      expect(turns).toBeGreaterThan(100);
    }
    expect(logged().toString()).toBe('....');
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MiB);
  });

  test('a reader that takes nothing: what waits on the host is bounded, the rest stays with the guest', () => {
    attached();
    const isUsed = [];
    for (let count = 0; count < 60; count++) {
      guest.rig.ram.release(3 * MiB);
      isUsed.push(guest.offer(transmitQueueOf(1), [new Uint8Array(64 * KiB)]));
    }
    guest.settle(50);
    const used = isUsed.filter((look) => look()).length;
    expect(used).toBeGreaterThan(0);
    expect(used * 64 * KiB).toBeLessThan(2 * MiB);
  });

  test('control messages that are too short, and buffers for them: the device needs a reset', () => {
    create({ ports: { a: file() } }).start();
    guest.sendRaw(3, [new Uint8Array(7)]);
    expect(guest.fault).toBe('a control message of a console has 7 bytes');
    guest.rig.reset();
    guest.start({ controlBuffers: 0 });
    guest.rig.queue(2).add({ writable: [7] });
    guest.rig.kick(2);
    guest.say({ event: VIRTIO_CONSOLE_DEVICE_READY, value: 1 });
    expect(guest.fault).toBe('a buffer for control messages of a console has 7 bytes');
    guest.rig.reset();
    guest.start();
    guest.greet();
    expect(guest.fault).toBeUndefined();
  });

  test('ports and events that do not exist are nobody’s', () => {
    create({ ports: { a: file() } }).start();
    guest.greet();
    const before = guest.control.length;
    for (const id of [0, 2, 31, 0xffff_ffff]) {
      for (const event of [VIRTIO_CONSOLE_PORT_READY, VIRTIO_CONSOLE_PORT_OPEN, 77, 0xffff])
        guest.say({ id, event, value: 1 });
    }
    guest.settle();
    expect(guest.control.length).toBe(before);
    expect(guest.fault).toBeUndefined();
  });

  test('a driver that could not set a port up is reported', () => {
    create({ ports: { a: file() } }).start();
    guest.say({ event: VIRTIO_CONSOLE_DEVICE_READY, value: 0 });
    guest.say({ id: 1, event: VIRTIO_CONSOLE_PORT_READY, value: 0 });
    expect(guest.rig.messages).toEqual([
      'the driver in the guest could not set it up',
      'the driver in the guest could not set up port 1',
    ]);
  });

  test('G31: a driver that asks and never collects: it hears how things stand, once', () => {
    create({ ports: { a: unix() } }).start({ controlBuffers: 0 });
    for (let count = 0; count < 500; count++) {
      guest.say({ event: VIRTIO_CONSOLE_DEVICE_READY, value: 1 });
      guest.say({ id: 1, event: VIRTIO_CONSOLE_PORT_READY, value: 1 });
    }
    for (let count = 0; count < 20; count++) {
      const peer = new Peer();
      guest.settle(2);
      peer.socket[Symbol.dispose]();
      guest.settle(2);
    }
    new Peer();
    guest.settle();
    for (let count = 0; count < 10; count++) guest.rig.queue(2).add({ writable: [64] });
    guest.rig.kick(2);
    guest.settle();
    expect(guest.control.map(({ event, value }) => [event, value])).toEqual([
      [VIRTIO_CONSOLE_PORT_ADD, 0],
      [VIRTIO_CONSOLE_PORT_NAME, 1],
      [VIRTIO_CONSOLE_PORT_OPEN, 1],
    ]);
  });

  test('G31: no buffers for input: it waits in the socket, not with us', () => {
    create({ ports: { a: unix() } }).start({ inputBuffers: 0 });
    guest.greet();
    const peer = new Peer();
    let sent = 0;
    guest.settle();
    for (let count = 0; count < 100; count++) {
      sent += peer.write(new Uint8Array(64 * KiB));
      guest.settle(1);
    }
    expect(sent).toBeLessThan(MiB);
  });

  test('empty chains, and input buffers without room', () => {
    create({ console: unix('con'), ports: { a: file() } }).start({ inputBuffers: 0 });
    guest.greet();
    const peer = new Peer('con');
    for (let count = 0; count < 20; count++) guest.rig.queue(0).add({ readable: [Buffer.from('x')] });
    guest.rig.queue(0).add({ writable: [8] });
    guest.rig.kick(0);
    peer.write(Buffer.from('typed'));
    guest.until(() => guest.received(0).toString() === 'typed', 'the input');
    for (let count = 0; count < 20; count++) guest.print(1, new Uint8Array(0));
    guest.print(1, Buffer.from('done'));
    expect(logged().toString()).toBe('done');
  });

  test('random messages and chains: no error but a GuestFault', { timeout: 30_000 }, () => {
    create({ console: { kind: 'none' }, ports: { a: unix(), b: file() } }).start();
    const { seed, below, pick } = random();
    let peer: Peer | undefined;
    for (let count = 0; count < 2000; count++) {
      const queue = pick([1, 3, 3, 3, 7]);
      const bytes = queue === 3 ? new Uint8Array(8) : new Uint8Array(below(3000));
      if (queue === 3) new DataView(bytes.buffer).setUint32(0, below(5), true);
      if (queue === 3) new DataView(bytes.buffer).setUint16(4, pick([0, 3, 3, 6, 6, 1, 9]), true);
      if (queue === 3) new DataView(bytes.buffer).setUint16(6, below(2), true);
      guest.sendRaw(queue, below(100) === 0 ? [bytes.subarray(0, 5)] : [bytes]);
      if (below(20) === 0) {
        peer = new Peer();
        guest.settle(1);
      }
      if (peer && below(5) === 0) peer.write(pattern(below(10_000)));
      if (below(40) === 0) peer?.socket[Symbol.dispose]();
      guest.collect();
      if (guest.fault === undefined) continue;
      expect(guest.fault, `seed ${seed}`).toContain('a control message of a console');
      guest.rig.reset();
      guest.start();
      guest.greet();
    }
  });
});
