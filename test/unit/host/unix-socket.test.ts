import { readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { O_RDWR } from '../../../src/abi/libc.ts';
import { KiB, MiB } from '../../../src/base/units.ts';
import { Fd } from '../../../src/host/fd.ts';
import { UnixSocket } from '../../../src/host/unix-socket.ts';
import { pattern, TestFolder } from '../backends/streams.ts';

let resources: DisposableStack;
let folder: TestFolder;
let left: UnixSocket;
let right: UnixSocket;
beforeEach(() => {
  resources = new DisposableStack();
  folder = resources.use(new TestFolder());
  [left, right] = UnixSocket.pair('the pair');
  resources.use(left);
  resources.use(right);
});
afterEach(() => resources.dispose());

function files(count: number): Fd[] {
  return Array.from({ length: count }, (_, index) => {
    writeFileSync(folder.file(`${index}`), `file ${index}`);
    return resources.use(Fd.open(folder.file(`${index}`), O_RDWR));
  });
}

function openFdCount(): number {
  return readdirSync('/proc/self/fd').length;
}

test('send, receiveExactly: bytes and descriptors arrive together', () => {
  left.send(Buffer.from('table'), files(3));
  const { bytes, fds } = right.receiveExactly(5, 8);
  for (const fd of fds) resources.use(fd);
  expect(Buffer.from(bytes).toString()).toBe('table');
  expect(fds.map((fd) => readFileSync(`/proc/self/fd/${fd.number}`, 'utf8'))).toEqual(['file 0', 'file 1', 'file 2']);
  writeSync(fds[1]!.number, 'FILE');
  expect(readFileSync(folder.file('1'), 'utf8')).toBe('FILE 1');
});

test('receive: descriptors are closed on exec', () => {
  left.send(Buffer.from('x'), files(1));
  const fd = resources.use(right.receive(1, 1)!.fds[0]!);
  const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd.number}`, 'utf8'))![1]!;
  expect(Number.parseInt(flags, 8) & 0o2000000).not.toBe(0);
});

test('receive: nothing there is undefined, a closed end is no bytes', () => {
  expect(right.receive(10, 0)).toBeUndefined();
  left[Symbol.dispose]();
  expect(right.receive(10, 0)).toEqual({ bytes: new Uint8Array(), fds: [] });
});

test.each([
  [0, 1],
  [1, 2],
  [2, 3],
  [3, 8],
])('receive: expecting %i descriptors, %i are an error and all closed', (fdsMax, count) => {
  const sent = files(count);
  left.send(Buffer.from('x'), sent);
  const before = openFdCount();
  expect(() => right.receive(1, fdsMax)).toThrow(
    `Cannot receive from the pair: it sent more file descriptors than the ${fdsMax} expected`,
  );
  expect(openFdCount()).toBe(before);
});

test('receiveExactly: an end that closes in between is an error, and what came is closed', () => {
  left.send(Buffer.from('ab'), files(1));
  left[Symbol.dispose]();
  const before = openFdCount();
  expect(() => right.receiveExactly(4, 1)).toThrow('Cannot receive from the pair: the other end has closed it');
  expect(openFdCount()).toBe(before);
});

test('receiveExactly, send: give up after the timeout', () => {
  expect(() => right.receiveExactly(1, 0, 20)).toThrow('Cannot receive from the pair: the other end does not answer');
  expect(() => left.send(pattern(8 * MiB), [], 20)).toThrow('Cannot send to the pair: the other end does not answer');
});

test('trySend: takes what fits, then nothing', () => {
  let sent = 0;
  for (let count = left.trySend(pattern(64 * KiB)); count > 0; count = left.trySend(pattern(64 * KiB))) sent += count;
  expect(sent).toBeGreaterThan(64 * KiB);
  let received = 0;
  for (let piece = right.receive(1 * MiB, 0); piece; piece = right.receive(1 * MiB, 0)) received += piece.bytes.length;
  expect(received).toBe(sent);
});

test('messages with different descriptors stay apart', () => {
  const [first, second] = files(2);
  left.send(Buffer.from('one'), [first!]);
  left.send(Buffer.from('two'), [second!]);
  const received = right.receive(100, 4)!;
  resources.use(received.fds[0]!);
  expect(Buffer.from(received.bytes).toString()).toBe('one');
  const { bytes, fds } = right.receiveExactly(3, 4);
  resources.use(fds[0]!);
  expect(Buffer.from(bytes).toString()).toBe('two');
});

test('listen, connect, accept: a path leads from one to the other', () => {
  const listener = resources.use(UnixSocket.listen(folder.file('sock')));
  expect(listener.accept()).toBeUndefined();
  const client = resources.use(UnixSocket.connect(folder.file('sock')));
  const server = resources.use(listener.accept()!);
  client.send(Buffer.from('hello'));
  expect(Buffer.from(server.receiveExactly(5, 0).bytes).toString()).toBe('hello');
});

test('connect: a full backlog is waited for, then given up', () => {
  resources.use(UnixSocket.listen(folder.file('sock'), 0));
  resources.use(UnixSocket.connect(folder.file('sock')));
  expect(() => UnixSocket.connect(folder.file('sock'), 30)).toThrow(
    `Cannot connect to the socket ${folder.file('sock')}: Try again (EAGAIN)`,
  );
});

test('errors name the path and leave no descriptor behind', () => {
  const before = openFdCount();
  const long = folder.file('x'.repeat(120));
  expect(() => UnixSocket.connect(folder.file('none'))).toThrow(
    `Cannot connect to the socket ${folder.file('none')}: No such file or directory (ENOENT)`,
  );
  expect(() => UnixSocket.listen(long)).toThrow(
    `Cannot use the socket ${long}: its path has ${long.length} bytes and at most 107 fit`,
  );
  expect(openFdCount()).toBe(before);
});

test('send: a closed end is an error, not a signal', () => {
  right[Symbol.dispose]();
  expect(() => left.send(Buffer.from('x'))).toThrow('Cannot send to the pair: The other end is closed (EPIPE)');
});
