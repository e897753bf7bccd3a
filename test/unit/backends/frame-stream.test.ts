import { afterEach, beforeEach, expect, test } from 'vitest';
import { FrameStream } from '../../../src/backends/frame-stream.ts';
import { CLOSED, FRAME_BYTES_MAX, NO_FRAME } from '../../../src/devices/network.ts';
import { Mapping } from '../../../src/host/mapping.ts';
import { receiveBytes, sendBytes } from '../../../src/host/socket-bytes.ts';
import { UnixSocket } from '../../../src/host/unix-socket.ts';
import { frameOf, join } from '../../support/net-rig.ts';
import { random } from '../../support/random.ts';

let resources: DisposableStack;
let stream: FrameStream;
let other: UnixSocket;
/** Memory that a frame is sent from. */
let memory: Mapping;
beforeEach(() => {
  resources = new DisposableStack();
  const [ours, theirs] = UnixSocket.pair();
  stream = resources.use(new FrameStream(ours));
  other = resources.use(theirs);
  memory = resources.use(Mapping.create(FRAME_BYTES_MAX, { what: 'a test' }));
});
afterEach(() => resources.dispose());

/** A frame as it is on the wire. */
function wire(frame: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, frame.length);
  return join(length, frame);
}

function send(frame: Uint8Array) {
  memory.bytes.set(frame);
  stream.begin().append(Number(memory.pointer), frame.length);
  return stream.send(frame.length);
}

/** Everything that has arrived at the other end. */
function arrived(): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = new Uint8Array(65_536);
    const count = receiveBytes(other.number, chunk);
    if (count <= 0) return join(...chunks);
    chunks.push(chunk.subarray(0, count));
  }
}

test('send: each frame after its length, in network byte order', () => {
  expect(send(frameOf(60))).toBe('sent');
  expect(send(frameOf(300))).toBe('sent');
  expect(arrived()).toEqual(join(wire(frameOf(60)), wire(frameOf(300))));
});

test('send: a frame that finds the socket full goes on where it stopped', () => {
  const frame = frameOf(60_001);
  let sent = 0;
  while (send(frame) === 'sent') sent++;
  let bytes: Uint8Array = new Uint8Array();
  for (let tries = 0; tries < 10; tries++) {
    bytes = join(bytes, arrived());
    if (send(frame) === 'sent') break;
  }
  bytes = join(bytes, arrived());
  expect(bytes.length).toBe((sent + 1) * (frame.length + 4));
  for (let at = 0; at < bytes.length; at += frame.length + 4) {
    expect(Buffer.from(wire(frame)).equals(bytes.subarray(at, at + frame.length + 4))).toBe(true);
  }
});

test('cancel: a frame that was begun ends in zeros, and the next one is whole', () => {
  const frame = frameOf(60_001).fill(7);
  let sent = 0;
  while (send(frame) === 'sent') sent++;
  stream.cancel();
  let bytes: Uint8Array = arrived();
  for (let tries = 0; tries < 10 && send(frameOf(60)) === 'full'; tries++) bytes = join(bytes, arrived());
  bytes = join(bytes, arrived());
  const begun = bytes.subarray(sent * (frame.length + 4));
  const wasBegun = begun.length > 64;
  expect(wasBegun && begun.length).toBe(wasBegun && frame.length + 4 + 64);
  expect(begun.subarray(-64)).toEqual(wire(frameOf(60)));
  if (wasBegun) expect(begun[frame.length + 3]).toBe(0);
});

test('send: the other end is gone', () => {
  other[Symbol.dispose]();
  expect(send(frameOf(60))).toBe('closed');
});

test('receive: frames as they were sent, however the stream cuts them', () => {
  const chance = random();
  const frames = Array.from({ length: 100 }, (_, index) =>
    frameOf(1 + chance.below(index % 10 ? 1500 : 65_000), index),
  );
  const bytes = join(...frames.map(wire));
  const received: Uint8Array[] = [];
  for (let at = 0; at < bytes.length || stream.receive() !== NO_FRAME; ) {
    const piece = bytes.subarray(at, at + 1 + chance.below(chance.below(2) ? 5 : 40_000));
    const count = at < bytes.length ? sendBytes(other.number, piece) : 0;
    at += Math.max(count, 0);
    while (stream.receive() === 0) received.push(stream.rest.slice());
    if (received.length === frames.length) break;
  }
  // Not toEqual: it looks at each of a million bytes by itself.
  expect(Buffer.concat(received.map(wire)).equals(bytes), `seed ${chance.seed}`).toBe(true);
});

test('receive: nothing yet, half a length, half a frame, an empty frame', () => {
  expect(stream.receive()).toBe(NO_FRAME);
  expect(stream.hasHeard).toBe(false);
  sendBytes(other.number, Uint8Array.of(0, 0));
  expect(stream.receive()).toBe(NO_FRAME);
  expect(stream.hasHeard).toBe(true);
  sendBytes(other.number, Uint8Array.of(0, 2, 5));
  expect(stream.receive()).toBe(NO_FRAME);
  sendBytes(other.number, Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0, 1, 9));
  expect([stream.receive(), stream.rest]).toEqual([0, Uint8Array.of(5, 6)]);
  expect([stream.receive(), stream.rest]).toEqual([0, Uint8Array.of(9)]);
  expect(stream.receive()).toBe(NO_FRAME);
});

test('receive: a length that no frame has, or the end, closes it', () => {
  sendBytes(other.number, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 2, 3));
  expect(stream.receive()).toBe(CLOSED);
  const [ours, theirs] = UnixSocket.pair();
  using ending = new FrameStream(ours);
  theirs[Symbol.dispose]();
  expect(ending.receive()).toBe(CLOSED);
});
