import { afterEach, beforeEach, expect, test } from 'vitest';
import { EAGAIN, EPIPE } from '../../../src/abi/errno.ts';
import { SHUT_RD, SHUT_WR } from '../../../src/abi/libc.ts';
import { Mapping } from '../../../src/host/mapping.ts';
import {
  hasHungUp,
  peekBytes,
  readIovecs,
  receiveBytes,
  sendBytes,
  shutDown,
  writeIovecs,
} from '../../../src/host/socket-bytes.ts';
import { UnixSocket } from '../../../src/host/unix-socket.ts';
import { IovecTable } from '../../../src/virtio/iovec-table.ts';

let resources: DisposableStack;
let left: UnixSocket;
let right: UnixSocket;
beforeEach(() => {
  resources = new DisposableStack();
  [left, right] = UnixSocket.pair();
  resources.use(left);
  resources.use(right);
});
afterEach(() => resources.dispose());

const buffer = new Uint8Array(16);
const text = (count: number) => Buffer.from(buffer.subarray(0, count)).toString();

test('sendBytes, peekBytes, receiveBytes: counts, and nothing now is EAGAIN', () => {
  expect(receiveBytes(right.number, buffer)).toBe(-EAGAIN);
  expect(sendBytes(left.number, Buffer.from('hello'))).toBe(5);
  expect(peekBytes(right.number, buffer)).toBe(5);
  expect(receiveBytes(right.number, buffer.subarray(0, 2))).toBe(2);
  expect(text(2)).toBe('he');
  expect(text(receiveBytes(right.number, buffer))).toBe('llo');
});

test('readIovecs, writeIovecs: memory that does not lie together', () => {
  const memory = resources.use(Mapping.create(4096, { what: 'a test' }));
  const places = new IovecTable(2);
  places.append(Number(memory.pointer) + 10, 3);
  places.append(Number(memory.pointer) + 4, 2);
  memory.bytes.set(Buffer.from('..abCDabc'), 4);
  memory.bytes.set(Buffer.from('abc'), 10);
  expect(writeIovecs(left.number, places)).toBe(5);
  expect(text(receiveBytes(right.number, buffer))).toBe('abc..');
  sendBytes(right.number, Buffer.from('12345'));
  expect(readIovecs(left.number, places)).toBe(5);
  expect(Buffer.from(memory.bytes.subarray(4, 13)).toString()).toBe('45abCD123');
});

test('shutDown: the end is 0 bytes for the reader and EPIPE for the writer; a hang-up needs both', () => {
  shutDown(left.number, SHUT_WR);
  expect(receiveBytes(right.number, buffer)).toBe(0);
  expect(hasHungUp(right.number)).toBe(false);
  shutDown(left.number, SHUT_RD);
  expect(sendBytes(right.number, buffer)).toBe(-EPIPE);
  expect(hasHungUp(right.number)).toBe(true);
});

test('hasHungUp: also while there is something to read', () => {
  sendBytes(left.number, Buffer.from('bye'));
  left[Symbol.dispose]();
  expect(hasHungUp(right.number)).toBe(true);
  expect(text(receiveBytes(right.number, buffer))).toBe('bye');
});
