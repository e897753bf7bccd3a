import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConsoleSocket, HISTORY_BYTES } from '../../../src/backends/console-socket.ts';
import { ConfigError } from '../../../src/base/errors.ts';
import { KiB, MiB } from '../../../src/base/units.ts';
import { until } from '../../support/until.ts';
import { pattern, SlowGuest, TestFolder } from './streams.ts';

let resources: DisposableStack;
let path: string;
let said: string[];
beforeEach(() => {
  resources = new DisposableStack();
  path = resources.use(new TestFolder()).file('console.sock');
  said = [];
});
afterEach(() => resources.dispose());

function open(hold?: () => void, patienceMs?: number): ConsoleSocket {
  const options = { say: (line: string) => said.push(line), onEscape: () => {}, ...(hold && { hold }) };
  return resources.use(new ConsoleSocket(path, options, patienceMs));
}

class Client {
  readonly socket: Socket;
  readonly #arrived: Buffer[] = [];
  closed = false;

  constructor() {
    this.socket = connect({ path, allowHalfOpen: true });
    this.socket.on('data', (bytes) => this.#arrived.push(bytes));
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.on('end', () => this.socket.end());
    this.socket.on('error', () => {});
    resources.defer(() => this.socket.destroy());
  }

  get seen(): Buffer {
    return Buffer.concat(this.#arrived);
  }

  sees(text: string): Promise<void> {
    return until(() => this.seen.includes(text), `the client to see ${text}`);
  }
}

test('keeps what was printed before somebody attached, and shows it to each new client', async () => {
  const console = open();
  console.write(Buffer.from('Booting\n'));
  const first = new Client();
  await first.sees('Booting\n');
  console.write(Buffer.from('login: '));
  await first.sees('login: ');
  first.socket.destroy();
  await sleep(20);
  const second = new Client();
  await second.sees('Booting\nlogin: ');
  expect(second.seen.toString()).toBe('Booting\nlogin: ');
});

test('keeps the last of it, no more', async () => {
  const console = open();
  const output = pattern(3 * HISTORY_BYTES + 5);
  for (let done = 0; done < output.length; done += 1_000) console.write(output.subarray(done, done + 1_000));
  const client = new Client();
  await until(() => client.seen.length >= HISTORY_BYTES, 'the history');
  expect(client.seen.equals(output.subarray(output.length - HISTORY_BYTES))).toBe(true);
});

test('only our own user may attach', () => {
  open();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('64 KiB of input arrive intact at a guest that takes 16 bytes at a time', async () => {
  const console = open();
  const guest = new SlowGuest(16);
  console.start(guest.receive);
  const client = new Client();
  client.socket.write(pattern(64 * KiB));
  await until(() => {
    for (let times = 0; times < 500; times++) console.resume();
    return guest.count === 64 * KiB;
  }, 'the input');
  expect(guest.received.equals(pattern(64 * KiB))).toBe(true);
});

test('input that came before the guest started waits for it', async () => {
  const console = open();
  const client = new Client();
  await once(client.socket, 'connect');
  client.socket.write('early');
  await sleep(20);
  const guest = new SlowGuest(16);
  console.start(guest.receive);
  await until(() => guest.count === 5, 'the early input');
});

test('3 MiB of output arrive intact at a slow client', async () => {
  let holds = 0;
  const console = open(() => holds++);
  const client = new Client();
  client.socket.pause();
  console.write(Buffer.from('.'));
  await sleep(50);
  const output = pattern(3 * MiB);
  for (let done = 0; done < output.length; done += 4 * KiB) {
    if (console.isFull) {
      client.socket.resume();
      await console.room();
      client.socket.pause();
    }
    console.write(output.subarray(done, done + 4 * KiB));
  }
  client.socket.resume();
  await console.drain();
  await until(() => client.seen.length > output.length, 'the output');
  expect(client.seen.equals(Buffer.concat([Buffer.from('.'), output]))).toBe(true);
  expect(holds).toBeGreaterThan(0);
});

test('a second client is told that the console is in use', async () => {
  const console = open();
  console.write(Buffer.from('one'));
  const first = new Client();
  await first.sees('one');
  const second = new Client();
  await until(() => second.closed, 'the second client to be closed');
  expect(second.seen.toString()).toBe('orko-vmm: this console is in use by another client\r\n');
  console.write(Buffer.from('two'));
  await first.sees('onetwo');
});

test('a client that only closed its sending half still reads, until the next one comes', async () => {
  const console = open();
  const guest = new SlowGuest(16);
  console.start(guest.receive);
  const first = new Client();
  first.socket.end('ls\n');
  await until(() => guest.count === 3, 'the input');
  await sleep(20);
  console.write(Buffer.from('bin etc'));
  await first.sees('bin etc');
  const second = new Client();
  await second.sees('bin etc');
  await until(() => first.closed, 'the first client to be closed');
});

test('a client that takes nothing is disconnected after a while', async () => {
  const console = open(() => {}, 100);
  const client = new Client();
  console.write(Buffer.from('.'));
  await client.sees('.');
  client.socket.pause();
  const output = pattern(4 * KiB);
  while (!console.isFull) console.write(output);
  await console.room();
  expect(said).toEqual([`The client of ${path} takes nothing: disconnected it`]);
  const next = new Client();
  await until(() => next.seen.length >= HISTORY_BYTES, 'the history');
});

test('dispose: disconnects, and takes the socket away', async () => {
  const console = open();
  const client = new Client();
  console.write(Buffer.from('.'));
  await client.sees('.');
  console[Symbol.dispose]();
  await until(() => client.closed, 'the client to be closed');
  expect(existsSync(path)).toBe(false);
});

test('a socket that a program left over when it crashed is replaced', () => {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  expect(statSync(path).isSocket()).toBe(true);
  open();
});

test('a path on which another program listens is refused, and left alone', async () => {
  const server = createServer().listen(path);
  resources.defer(() => server.close());
  await once(server, 'listening');
  expect(() => open()).toThrow(ConfigError);
  expect(() => open()).toThrow(
    `Cannot make the console socket ${path}: another program listens on it: end that, or choose another path`,
  );
  expect(statSync(path).isSocket()).toBe(true);
});

test('a path at which a file lies is refused, and left alone', () => {
  writeFileSync(path, 'precious');
  expect(() => open()).toThrow(
    `Cannot make the console socket ${path}: a file lies there that is not a socket: remove it, or choose another path`,
  );
  expect(execFileSync('cat', [path]).toString()).toBe('precious');
});
