import { describe, expect, it } from 'vitest';
import { HostError } from '../../../src/base/errors.ts';
import { type ControlEvent, LINE_BYTES_MAX, type MachineStatus } from '../../../src/control/protocol.ts';
import { ControlConnection, type MachineControl, RequestRefused } from '../../../src/control/server.ts';
import { CONTROLLED_DEVICES, DEVICES, STATS } from '../../support/machine-control.ts';

const STATUS: MachineStatus = {
  protocol: 1,
  name: 'bench',
  pid: 42,
  state: 'running',
  cpus: 2,
  memoryBytes: 1 << 29,
  uptimeMs: 1000,
  boots: 1,
};

/** A machine that is only its control interface: what it was asked for, and a promise to hold for each. */
class Board implements MachineControl {
  readonly asked: string[] = [];
  readonly devices = CONTROLLED_DEVICES.devices;
  readonly act = CONTROLLED_DEVICES.act;
  readonly stats = CONTROLLED_DEVICES.stats;
  readonly sharing = CONTROLLED_DEVICES.sharing;
  readonly memory = CONTROLLED_DEVICES.memory;
  readonly listeners = new Set<(event: ControlEvent) => void>();
  answer: () => Promise<void> | undefined = () => undefined;

  readonly status = () => STATUS;
  readonly pause = () => this.#ask('pause');
  readonly resume = () => this.#ask('resume');
  readonly powerkey = () => this.#ask('powerkey');
  readonly reboot = () => this.#ask('reboot');
  readonly stop = () => this.#ask('stop');
  readonly subscribe = (listener: (event: ControlEvent) => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  emit(event: ControlEvent): void {
    for (const listener of this.listeners) listener(event);
  }
  #ask(what: string): Promise<void> | undefined {
    this.asked.push(what);
    return this.answer();
  }
}

function connect() {
  const board = new Board();
  const bugs: unknown[] = [];
  const wakes = { count: 0 };
  const connection = new ControlConnection(board, { wake: () => wakes.count++, bug: (error) => bugs.push(error) });
  const send = (...lines: string[]) =>
    connection.receive(new TextEncoder().encode(lines.map((line) => `${line}\n`).join('')));
  /** What a client that reads everything has received since the last call. */
  const received = (pieceMax = Number.POSITIVE_INFINITY) => {
    let text = '';
    for (let bytes = connection.pending(); bytes.length > 0; bytes = connection.pending()) {
      const count = Math.min(bytes.length, pieceMax);
      text += new TextDecoder().decode(bytes.subarray(0, count));
      connection.written(count);
    }
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  };
  return { board, bugs, wakes, connection, send, received };
}

function* drainedOf(connection: ControlConnection): Generator<Uint8Array> {
  for (let bytes = connection.pending(); bytes.length > 0; bytes = connection.pending()) {
    yield bytes;
    connection.written(bytes.length);
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('ControlConnection: requests', () => {
  it('answers each request, in order', () => {
    const { board, send, received } = connect();
    send('{"id":1,"request":"status"}', '{"id":2,"request":"pause"}', '', '  \r', '{"request":"stop"}');
    expect(received()).toEqual([
      { id: 1, ok: true, status: STATUS },
      { id: 2, ok: true },
      { id: null, ok: true },
    ]);
    expect(board.asked).toEqual(['pause', 'stop']);
  });

  it('asks devices, lists them, and says what was counted', async () => {
    const { bugs, send, received } = connect();
    send('{"id":1,"request":"devices"}', '{"id":2,"request":"device","device":"root","action":"resize","value":"2G"}');
    send('{"id":3,"request":"stats"}', '{"id":4,"request":"device","device":"boot","action":"resize"}');
    await settle();
    expect(received()).toEqual([
      { id: 1, ok: true, devices: DEVICES },
      { id: 2, ok: true, answer: 'resize 2G' },
      { id: 3, ok: true, stats: STATS },
      { id: 4, ok: false, code: 'failed', error: 'There is no device "boot": this VM has root' },
    ]);
    expect(bugs).toEqual([]);
  });

  it('takes up the next request when the one before is done', async () => {
    const { board, wakes, send, received } = connect();
    let finish = () => {};
    board.answer = () => new Promise((resolve) => (finish = resolve));
    send('{"id":1,"request":"pause"}', '{"id":2,"request":"resume"}');
    await settle();
    expect(board.asked).toEqual(['pause']);
    expect(received()).toEqual([]);
    finish();
    await settle();
    expect(board.asked).toEqual(['pause', 'resume']);
    expect(received()).toEqual([{ id: 1, ok: true }]);
    finish();
    await settle();
    expect(received()).toEqual([{ id: 2, ok: true }]);
    expect(wakes.count).toBe(2);
  });

  it('goes on after malformed lines', () => {
    const { send, received } = connect();
    send('{', '{"id":1,"request":"fly"}', '{"id":2,"request":"status"}');
    expect(received()).toMatchObject([
      { ok: false, code: 'bad-request' },
      { id: 1, code: 'unknown-request' },
      { id: 2, ok: true },
    ]);
  });

  it('tells refusals, host failures and our own bugs apart, thrown or rejected', async () => {
    for (const wrap of [
      (error: Error) => {
        throw error;
      },
      (error: Error) => Promise.reject(error),
    ]) {
      const { board, bugs, send, received } = connect();
      const errors = [
        new RequestRefused('Cannot pause: it is paused'),
        new HostError('Cannot kick', 1),
        new TypeError('x'),
      ];
      for (const error of errors) {
        board.answer = () => wrap(error);
        send('{"id":1,"request":"pause"}');
        await settle();
      }
      expect(received()).toEqual([
        { id: 1, ok: false, code: 'refused', error: 'Cannot pause: it is paused' },
        { id: 1, ok: false, code: 'failed', error: 'Cannot kick' },
        { id: 1, ok: false, code: 'failed', error: 'x' },
      ]);
      expect(bugs).toEqual([errors[2]]);
    }
  });

  it('ends after a line that is too long, having said so', () => {
    const { connection, received } = connect();
    connection.receive(new Uint8Array(LINE_BYTES_MAX + 1).fill(0x20));
    expect(connection.closed).toBeUndefined();
    expect(received()).toMatchObject([{ id: null, ok: false, error: expect.stringContaining('at most 65536 bytes') }]);
    expect(connection.closed).toBe('it sent a line that is too long');
  });
});

describe('ControlConnection: events', () => {
  const tick = (atMs: number): ControlEvent => ({ event: 'powerkey', atMs, by: 'control' });

  it('reports them from the request on, and only those asked for', () => {
    const { board, wakes, send, received } = connect();
    board.emit(tick(1));
    send('{"id":1,"request":"events","only":["powerkey"]}');
    board.emit(tick(2));
    board.emit({ event: 'warning', atMs: 3, message: 'x' });
    expect(received()).toEqual([{ id: 1, ok: true, status: STATUS }, tick(2)]);
    expect(wakes.count).toBe(1);
    send('{"id":2,"request":"events"}');
    board.emit({ event: 'warning', atMs: 4, message: 'x' });
    expect(received()).toMatchObject([{ id: 2 }, { event: 'warning', atMs: 4 }]);
    expect(board.listeners.size).toBe(1);
  });

  it('drops a client that does not read them, before much memory is held', () => {
    const { board, wakes, connection, send } = connect();
    send('{"id":1,"request":"events"}');
    let count = 0;
    for (; connection.closed === undefined && count < 100_000; count++) board.emit(tick(count));
    expect(connection.closed).toMatch(/^it leaves 26\d{4} bytes of events unread$/);
    expect(connection.pending()).toHaveLength(0);
    expect(board.listeners.size).toBe(0);
    expect(wakes.count).toBe(count);
    board.emit(tick(0));
    expect(connection.pending()).toHaveLength(0);
  });

  it('lets a client that does not read its replies wait, and answers when it reads', () => {
    const { connection, send, received } = connect();
    let sent = 0;
    while (connection.wantsRead) {
      send(...Array.from({ length: 1000 }, () => `{"id":${sent++},"request":"status"}`));
    }
    expect(sent).toBeLessThan(5000);
    expect(received(100)).toHaveLength(sent);
    expect(connection.wantsRead).toBe(true);
  });

  it('drops a transport that does not heed wantsRead', () => {
    const { connection, board } = connect();
    board.answer = () => new Promise(() => {});
    connection.receive(new TextEncoder().encode('{"request":"pause"}\n'));
    for (let round = 0; round < 20; round++) connection.receive(new Uint8Array(30_000).fill(0x0a));
    expect(connection.closed).toBe('it sends faster than it is answered');
  });
});

describe('ControlConnection: its end', () => {
  it('answers what a client asked before it shut down its side, then closes', async () => {
    const { board, connection, send, received } = connect();
    let finish = () => {};
    board.answer = () => new Promise((resolve) => (finish = resolve));
    send('{"id":1,"request":"pause"}', '{"id":2,"request":"status"}');
    connection.endOfInput();
    expect(connection.wantsRead).toBe(false);
    finish();
    await settle();
    expect(connection.closed).toBeUndefined();
    expect(received()).toMatchObject([{ id: 1 }, { id: 2 }]);
    expect(connection.closed).toBe('the client has ended');
  });

  it('goes on reporting events to a client that only listens', () => {
    const { board, connection, send, received } = connect();
    send('{"request":"events"}');
    connection.endOfInput();
    board.emit({ event: 'powerkey', atMs: 1, by: 'signal' });
    expect(received()).toHaveLength(2);
    expect(connection.closed).toBeUndefined();
    connection.close('the client is gone');
    expect(board.listeners.size).toBe(0);
  });

  it('drain: writes what is left and the reply that is due, and takes up nothing more', async () => {
    const { board, connection, send, received } = connect();
    let finish = () => {};
    board.answer = () => new Promise((resolve) => (finish = resolve));
    send('{"request":"events"}', '{"id":1,"request":"stop"}', '{"id":2,"request":"status"}');
    board.emit({ event: 'stopped', atMs: 1, exitCode: 0, reason: 'asked to' });
    connection.drain('the VM has stopped');
    expect(received()).toHaveLength(2);
    expect(connection.closed).toBeUndefined();
    finish();
    await settle();
    expect(received()).toEqual([{ id: 1, ok: true }]);
    expect(connection.closed).toBe('the VM has stopped');
  });

  it('ignores whatever comes after the end', async () => {
    const { board, connection, send } = connect();
    board.answer = () => Promise.reject(new HostError('x'));
    send('{"id":1,"request":"stop"}');
    connection.close('gone');
    connection.close('again');
    connection.drain('again');
    connection.endOfInput();
    send('{"id":2,"request":"status"}');
    await settle();
    expect(connection.closed).toBe('gone');
    expect(connection.pending()).toHaveLength(0);
  });
});

describe('ControlConnection: fuzz', () => {
  it('answers or drops any byte stream, in bounded memory, and never throws', async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
    console.log(`control fuzz: SEED=${seed}`);
    let state = seed;
    const random = (limit: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
    const pieces = [
      '{"id":1,"request":"status"}\n',
      '{"request":"events"}\n',
      '{"id":9,"request":"pause"}\n',
      '{"id":',
      '\n',
      '\\u',
      '"',
      ']',
      '\xff',
      '\r\n',
      ' ',
    ];
    for (let round = 0; round < 20; round++) {
      const { board, bugs, connection } = connect();
      board.answer = () => {
        const outcome = random(3);
        if (outcome === 0) return undefined;
        return outcome === 1 ? Promise.resolve() : Promise.reject(new RequestRefused('no'));
      };
      for (let step = 0; step < 60 && connection.closed === undefined; step++) {
        const text = Array.from({ length: random(6) }, () =>
          pieces[random(pieces.length)]!.repeat(1 + random(random(40) ? 2 : 1000)),
        ).join('');
        const bytes = Uint8Array.from(text, (character) => (random(500) ? character.charCodeAt(0) : random(256)));
        if (connection.wantsRead) connection.receive(bytes.subarray(0, 65_536));
        for (let count = random(4); count > 0; count--)
          board.emit({ event: 'warning', atMs: 0, message: 'm'.repeat(random(900)) });
        for (let count = random(6); count > 0; count--) connection.written(random(connection.pending().length + 1));
        if (random(4) === 0) await settle();
        if (random(100) === 0) connection.endOfInput();
      }
      for (let idle = 0; idle < 2; idle++) {
        await settle();
        for (const message of drainedOf(connection)) {
          expect(message.length).toBeLessThan(2000);
          idle = 0;
        }
      }
      expect(bugs).toEqual([]);
    }
  });
});
