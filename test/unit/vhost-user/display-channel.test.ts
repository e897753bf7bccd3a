/** The display of a graphics adapter, with a back-end that draws well and badly, over a real socket. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DRM_FORMAT_XRGB8888 as XR24 } from '../../../src/abi/dma-buf.ts';
import {
  VIRTIO_GPU_RESP_OK_DISPLAY_INFO,
  virtio_gpu_display_one,
  virtio_gpu_resp_display_info,
} from '../../../src/abi/virtio-gpu.ts';
import { unpack } from '../../../src/base/layout.ts';
import type { Fd } from '../../../src/host/fd.ts';
import { createMemfd } from '../../../src/host/mapping.ts';
import { UnixSocket } from '../../../src/host/unix-socket.ts';
import { EpollLoop } from '../../../src/io/io-loop.ts';
import { Display } from '../../../src/vhost-user/display.ts';
import { DisplayChannel } from '../../../src/vhost-user/display-channel.ts';
import type { PeerFault } from '../../../src/vhost-user/peer-fault.ts';
import { random } from '../../support/random.ts';
import { openFdCount } from '../../support/session-rig.ts';

const HEAD_BYTES = 12;
const [FEATURES, INFO, SCANOUT, UPDATE, DMABUF_SCANOUT, DMABUF_UPDATE] = [1, 3, 7, 8, 9, 10] as const;

let fdCount: number;
let loop: EpollLoop;
let display: Display;
let channel: DisplayChannel;
let backEnd: UnixSocket;
let fault: PeerFault | undefined;
beforeEach(() => {
  fdCount = openFdCount();
  loop = new EpollLoop();
  display = new Display({ width: 320, height: 200 });
  fault = undefined;
  const [ours, theirs] = UnixSocket.pair();
  backEnd = theirs;
  channel = new DisplayChannel(ours, loop, display, (found) => {
    fault = found;
  });
});
afterEach(() => {
  for (const each of [channel, backEnd, loop]) each[Symbol.dispose]();
  expect(openFdCount()).toBe(fdCount);
});

function turn(): void {
  const cancel = loop.after(1, () => {});
  loop.turn();
  cancel();
}

/** QEMU does not set the flags of what it asks for. */
function say(request: number, words: readonly number[], pixels = new Uint8Array(), fds: readonly Fd[] = []): void {
  const bytes = new Uint8Array(HEAD_BYTES + words.length * 4 + pixels.length);
  bytes.set(new Uint8Array(Uint32Array.of(request, 0xdead, bytes.length - HEAD_BYTES, ...words).buffer));
  bytes.set(pixels, HEAD_BYTES + words.length * 4);
  let passed = fds;
  for (let done = 0; done < bytes.length; passed = []) {
    done += backEnd.trySend(bytes.subarray(done), passed);
    turn();
  }
  for (let count = 0; count < 5; count++) turn();
}

function answer(size: number): Uint8Array {
  return backEnd.receiveExactly(HEAD_BYTES + size, 0).bytes;
}

/** Red, green and blue of a pixel of the picture. */
function pixel(x: number, y: number): readonly number[] {
  const ppm = Buffer.from(display.toPpm()!);
  const [head, width] = /^P6\n(\d+) \d+\n255\n/.exec(ppm.toString('latin1'))!;
  const at = head.length + (y * Number(width) + x) * 3;
  return [...ppm.subarray(at, at + 3)];
}

test('what the back-end may ask: no protocol features, one display of the size of the config', () => {
  say(FEATURES, []);
  expect([...new Uint32Array(answer(8).slice().buffer)]).toEqual([FEATURES, 4, 8, 0, 0]);
  say(INFO, []);
  const info = answer(virtio_gpu_resp_display_info.size).slice(HEAD_BYTES);
  const { 'hdr.type': type, pmodes } = unpack(virtio_gpu_resp_display_info, info);
  expect(type).toBe(VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
  const size = virtio_gpu_display_one.size;
  expect(unpack(virtio_gpu_display_one, pmodes.subarray(0, size))).toMatchObject({
    ...{ 'r.width': 320, 'r.height': 200, enabled: 1 },
  });
  expect(pmodes.subarray(size).every((byte) => byte === 0)).toBe(true);
});

test('a picture: black at first, then what is drawn where it is drawn, and nothing when it is switched off', () => {
  expect(display.toPpm()).toBeUndefined();
  say(SCANOUT, [0, 4, 3]);
  expect(pixel(3, 2)).toEqual([0, 0, 0]);
  // Blue, green, red, unused.
  say(UPDATE, [0, 1, 1, 2, 1], Uint8Array.of(1, 2, 3, 99, 4, 5, 6, 99));
  expect([pixel(0, 1), pixel(1, 1), pixel(2, 1), pixel(3, 1)]).toEqual([
    [0, 0, 0],
    [3, 2, 1],
    [6, 5, 4],
    [0, 0, 0],
  ]);
  // Another display, cursors, and what nobody knows.
  say(SCANOUT, [1, 800, 600]);
  say(4, [0, 1, 1]);
  say(77, [1, 2, 3]);
  expect(pixel(1, 1)).toEqual([3, 2, 1]);
  say(SCANOUT, [0, 0, 0]);
  expect(display.toPpm()).toBeUndefined();
  expect(fault).toBeUndefined();
});

test('a large picture, in pieces', () => {
  const [width, height] = [1024, 768];
  say(SCANOUT, [0, width, height]);
  const { below } = random(1);
  const pixels = Uint8Array.from({ length: width * height * 4 }, () => below(256));
  say(UPDATE, [0, 0, 0, width, height], pixels);
  const at = (700 * width + 900) * 4;
  expect(pixel(900, 700)).toEqual([pixels[at + 2], pixels[at + 1], pixels[at]]);
});

test('a buffer instead of pixels: shown when it comes with its descriptor, which has to be one of a dma-buf', () => {
  say(SCANOUT, [0, 4, 3]);
  say(DMABUF_SCANOUT, [0, 0, 0, 64, 64, 64, 64, 256, 0, XR24]);
  expect(display.toPpm()).toBeUndefined();
  say(DMABUF_UPDATE, [0, 0, 0, 64, 64]);
  expect([...new Uint32Array(answer(0).slice().buffer)]).toEqual([DMABUF_UPDATE, 4, 0]);
  expect(fault).toBeUndefined();
  // A display that is not ours, with a descriptor that is closed.
  using fd = createMemfd('dmabuf', 64 * 256);
  say(DMABUF_SCANOUT, [1, 0, 0, 64, 64, 64, 64, 256, 0, XR24], new Uint8Array(), [fd]);
  expect(fault).toBeUndefined();
  // Pixels of a real one: test/nested/foreign-back-ends.test.ts.
  say(DMABUF_SCANOUT, [0, 0, 0, 64, 64, 64, 64, 256, 0, XR24], new Uint8Array(), [fd]);
  expect(fault?.message).toBe('it shows as its display a file that is no dma-buf');
  expect(display.toPpm()).toBeUndefined();
});

test('a message in many pieces, with descriptors at each of them: few are kept, and none in the end', () => {
  using fd = createMemfd('flood', 4096);
  const before = openFdCount();
  const bytes = new Uint8Array(Uint32Array.of(SCANOUT, 0, 12, 0, 4, 3).buffer);
  for (let at = 0; at < bytes.length - 1; at++) {
    backEnd.trySend(bytes.subarray(at, at + 1), [fd, fd, fd, fd]);
    turn();
    expect(openFdCount() - before).toBeLessThanOrEqual(4);
  }
  backEnd.trySend(bytes.subarray(-1));
  turn();
  expect(openFdCount()).toBe(before);
  expect(pixel(0, 0)).toEqual([0, 0, 0]);
});

test.each([
  [
    'more than it shows',
    () => say(UPDATE, [0, 3, 0, 2, 1], new Uint8Array(8)),
    'it draws 2 × 1 pixels at 3, 0 of 4 × 3',
  ],
  [
    'at an edge that wraps',
    () => say(UPDATE, [0, 2 ** 32 - 1, 0, 2, 1], new Uint8Array(8)),
    'it draws 2 × 1 pixels at',
  ],
  [
    'fewer pixels than it says',
    () => say(UPDATE, [0, 0, 0, 2, 2], new Uint8Array(8)),
    'it draws 8 bytes of pixels where 16',
  ],
  ['a screen as large as a house', () => say(SCANOUT, [0, 9000, 1]), 'it shows 9000 × 1 pixels, where 8192'],
  ['half a message', () => say(SCANOUT, [0, 9]), 'it says 8 bytes where 12 belong'],
  ['four gigabytes', () => backEnd.trySend(new Uint8Array(Uint32Array.of(UPDATE, 0, 2 ** 32 - 1).buffer)), 'at once'],
])('B28 %s: the connection is over, and it is said', (_, misbehave, why) => {
  say(SCANOUT, [0, 4, 3]);
  try {
    misbehave();
    for (let count = 0; count < 5; count++) turn();
  } catch {
    // Nobody reads any more.
  }
  expect(fault?.message).toContain(why);
});
