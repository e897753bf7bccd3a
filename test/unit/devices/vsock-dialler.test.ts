import { beforeEach, expect, test } from 'vitest';
import { VsockDialler } from '../../../src/devices/vsock-dialler.ts';
import type { VsockStream } from '../../../src/devices/vsock-stream.ts';
import { FakeLoop } from '../../support/fake-loop.ts';

interface Caller {
  readonly hostPort: number;
  readonly guestPort: number;
}

let loop: FakeLoop;
let room: number;
let attempts: number;
let answers: string[];
let served: number;
let dialler: VsockDialler<Caller>;
beforeEach(() => {
  loop = new FakeLoop();
  [room, attempts, served] = [0, 0, 0];
  answers = [];
  const host = {
    connect(port: number) {
      attempts++;
      if (port === 404) return undefined;
      return room-- > 0 ? ({} as VsockStream) : 'busy';
    },
    listen() {},
    pause() {},
    [Symbol.dispose]() {},
  };
  const answer = ({ guestPort }: Caller, stream: VsockStream | undefined) =>
    void answers.push(`${guestPort} ${stream ? 'connected' : 'refused'}`);
  dialler = new VsockDialler(host, loop, answer, () => void served++);
});

const caller = (guestPort: number, hostPort = 80) => ({ hostPort, guestPort });

test('dial: answered at once where that is possible', () => {
  room = 1;
  dialler.dial(caller(1));
  dialler.dial(caller(2, 404));
  expect(answers).toEqual(['1 connected', '2 refused']);
  expect([served, loop.pending]).toEqual([0, 0]);
});

test('dial: a thousand who wait for a busy port are one attempt each time, and are served in their order', () => {
  for (let guestPort = 0; guestPort < 1000; guestPort++) dialler.dial(caller(guestPort));
  expect(attempts).toBe(1);
  loop.advanceMs(100);
  expect(attempts).toBe(11);
  dialler.dial(caller(5, 404));
  expect(answers).toEqual(['5 refused']);
  room = 2;
  loop.advanceMs(10);
  expect(answers).toEqual(['5 refused', '0 connected', '1 connected']);
  room = 1000;
  loop.advanceMs(10);
  expect(answers).toHaveLength(1001);
  expect(loop.pending).toBe(0);
});

test('forget: who has given up is not connected, and nobody waits for nothing', () => {
  const callers = [caller(1), caller(2)];
  for (const one of callers) dialler.dial(one);
  dialler.forget(callers[0]!);
  expect(loop.pending).toBe(1);
  dialler.forget(callers[1]!);
  expect(loop.pending).toBe(0);
  room = 1;
  loop.advanceMs(20);
  expect(answers).toEqual([]);
});
