import { afterEach, beforeEach, expect, test } from 'vitest';
import { TapPort } from '../../../src/backends/tap.ts';
import { CLOSED, FRAME_BYTES_MAX, NO_FRAME } from '../../../src/devices/network.ts';
import type { Fd } from '../../../src/host/fd.ts';
import { Mapping } from '../../../src/host/mapping.ts';
import { receiveBytes, sendBytes } from '../../../src/host/socket-bytes.ts';
import { frameOf, framePair } from '../../support/net-rig.ts';

let resources: DisposableStack;
let port: TapPort;
let other: Fd;
let memory: Mapping;
beforeEach(() => {
  resources = new DisposableStack();
  const [ours, theirs] = framePair();
  resources.use(ours);
  other = resources.use(theirs);
  port = resources.use(new TapPort(ours.number));
  memory = resources.use(Mapping.create(4096, { what: 'a test' }));
});
afterEach(() => resources.dispose());

test('receive: what fits lies in the room, the rest is apart', () => {
  const frame = frameOf(100);
  sendBytes(other.number, frame);
  port.room.append(Number(memory.pointer), 30);
  port.room.append(Number(memory.pointer) + 1000, 40);
  expect(port.receive()).toBe(70);
  expect(memory.bytes.subarray(0, 30)).toEqual(frame.subarray(0, 30));
  expect(memory.bytes.subarray(1000, 1040)).toEqual(frame.subarray(30, 70));
  expect(port.rest).toEqual(frame.subarray(70));
});

test('receive: exactly as long as the room, shorter, and without any room', () => {
  port.room.append(Number(memory.pointer), 50);
  for (const length of [50, 20]) {
    sendBytes(other.number, frameOf(length));
    expect([port.receive(), port.rest.length]).toEqual([length, 0]);
  }
  port.room.clear();
  const longest = frameOf(12 + FRAME_BYTES_MAX);
  sendBytes(other.number, longest);
  expect(port.receive()).toBe(0);
  expect(port.rest).toEqual(longest);
});

test('receive: a full table of room', () => {
  for (let index = 0; port.room.count < port.room.capacity; index++)
    port.room.append(Number(memory.pointer) + index, 1);
  sendBytes(other.number, frameOf(2000));
  expect(port.receive()).toBe(port.room.capacity);
  expect(port.rest.length).toBe(2000 - port.room.capacity);
});

test('receive: nothing there, and the end', () => {
  expect(port.receive()).toBe(NO_FRAME);
  other[Symbol.dispose]();
  expect(port.receive()).toBe(CLOSED);
});

test('send: one frame a call; full, then room again', () => {
  const frame = frameOf(4000);
  memory.bytes.set(frame);
  const send = () => {
    port.begin().append(Number(memory.pointer), frame.length);
    return port.send();
  };
  let sent = 0;
  while (send() === 'sent') sent++;
  const buffer = new Uint8Array(10_000);
  expect(receiveBytes(other.number, buffer)).toBe(frame.length);
  expect(buffer.subarray(0, frame.length)).toEqual(frame);
  while (receiveBytes(other.number, buffer) > 0) sent--;
  expect(sent).toBe(1);
  expect(send()).toBe('sent');
});
