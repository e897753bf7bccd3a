/** A device that another process serves, with a scripted back-end at a real socket: what the main thread is told of it. */
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VIRTIO_ID_BLOCK, VIRTIO_ID_RNG } from '../../../src/abi/virtio.ts';
import { VIRTIO_BLK_T_IN, virtio_blk_config, virtio_blk_outhdr } from '../../../src/abi/virtio-blk.ts';
import { pack } from '../../../src/base/layout.ts';
import { EventFd } from '../../../src/host/eventfd.ts';
import { createMemfd } from '../../../src/host/mapping.ts';
import { UnixSocket } from '../../../src/host/unix-socket.ts';
import type { CreatedDevice } from '../../../src/io/protocol.ts';
import { replayFrontEnd } from '../../../src/probe/replay-front-end.ts';
import { startedTarget } from '../../../src/probe/target.ts';
import { VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD } from '../../../src/vhost-user/protocol-features.ts';
import { parseRecording } from '../../../src/vhost-user/record.ts';
import { features } from '../../../src/virtio/features.ts';
import { DriverQueue } from '../../support/driver.ts';
import { GuestRam } from '../../support/guest-ram.ts';
import { OFFERED, PROTOCOL_OFFERED, ScriptedBackEnd } from '../../support/scripted-back-end.ts';
import { DRIVER, RING, ServedRig, WAIT_MS } from '../../support/served-rig.ts';
import { openFdCount, RAM_BASE } from '../../support/session-rig.ts';

const STORAGE_DAEMON = '/usr/bin/qemu-storage-daemon';
/** Whether a process is there, and not only waiting to be waited for. */
function isRunning(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // It may have gone while we looked (ENOENT, ESRCH).
    return false;
  }
}

/** So many requests wait in the ring. */
function makeAvailable(count: number): void {
  rig.ram.view.setUint16(0x1002, count, true);
}

let fdCount: number;
let rig: ServedRig;
beforeEach(() => {
  fdCount = openFdCount();
  rig = new ServedRig();
});
afterEach(() => {
  rig[Symbol.dispose]();
  expect(openFdCount()).toBe(fdCount);
});

test('what the back-end offers is what the driver is offered, but for bits that are not its business', () => {
  rig.listen({ GET_FEATURES: () => OFFERED | features(3, 24, 26, 38, 40, 63) });
  rig.create('{ type: rng, backend: PATH }');
  const { created } = rig.heard('created') as unknown as { created: Record<string, unknown> };
  expect(created).toMatchObject({ id: VIRTIO_ID_RNG, queueSizes: [64], config: new Uint8Array() });
  expect(created['features']).toBe(features(3, 28, 29, 32, 63));
});

test('a back-end that comes late is waited for', () => {
  rig.create('{ type: rng, backend: PATH }');
  rig.loop.defer(() => {});
  rig.loop.turn();
  expect(rig.reports).toEqual([]);
  rig.listen();
  rig.heard('created');
});

test.each([
  ['nobody is there', '{ type: rng, backend: { socket: PATH, start-timeout-s: 1 } }', 'it is not there after 1 s'],
  ['there is no folder', '{ type: rng, backend: /nonexistent/x.sock }', 'No such file or directory'],
  [
    'there is no such program',
    '{ type: rng, backend: { command: [nonesuch, "{socket}"] } }',
    'there is no such program',
  ],
  [
    'the program ends',
    '{ type: rng, backend: { command: [sh, -c, "echo why; exit 3", "{socket}"] } }',
    'exit code 3: why',
  ],
])('it cannot be used when %s', (_, yaml, message) => {
  try {
    rig.create(yaml);
  } catch (error) {
    expect((error as Error).message).toContain(message);
    return;
  }
  expect(rig.heard('refused')).toMatchObject({ error: { message: expect.stringContaining(message) } });
});

test('a socket of something else', () => {
  rig.listen({ SET_OWNER: (_, backEnd) => backEnd[Symbol.dispose]() });
  rig.create('{ type: rng, backend: PATH }');
  const { error } = rig.heard('refused') as unknown as { error: { message: string } };
  expect(error.message).toMatch(/^Cannot use the back-end at .* for dev: /);
});

test('a file that is no socket', () => {
  writeFileSync(rig.path, '');
  rig.create('{ type: rng, backend: { socket: PATH, start-timeout-s: 1 } }');
  expect(rig.heard('refused')).toMatchObject({ error: { message: expect.stringContaining('not there after 1 s') } });
});

test('B26 a socket of another user, where only one may be at the other end', () => {
  rig.listen();
  rig.create('{ type: rng, backend: { socket: PATH, user: "4242" } }');
  const { error } = rig.heard('refused') as unknown as { error: { message: string } };
  expect(error.message).toMatch(/: user \d+ listens there, and only user 4242 may$/);
});

test('B26 a socket of the user that it has to be of', () => {
  rig.listen();
  rig.create(`{ type: rng, backend: { socket: PATH, user: "${process.getuid!()}" } }`);
  rig.heard('created');
});

test('B26 somebody else connects where a back-end is waited for: he is sent away, and it is still waited for', () => {
  const [me, other] = [process.getuid!(), 4242];
  // Root opens every socket, whoever may.
  const user = me === 0 ? other : me;
  rig.create(`{ type: rng, backend: { listen: PATH, user: "${user}" } }`);
  expect(lstatSync(rig.path)).toMatchObject({ uid: user });
  expect(lstatSync(rig.path).mode & 0o777).toBe(0o600);
  using socket = UnixSocket.connect(rig.path);
  using backEnd = new ScriptedBackEnd(socket, rig.loop);
  if (me === 0) {
    expect(rig.heard('log')['message']).toBe(
      `the back-end that connects to ${rig.path}: user 0 has connected, and only user ${other} may`,
    );
    rig.until(() => backEnd.isGone, 'the end of the connection');
    expect(rig.reports.map(({ kind }) => kind)).toEqual(['log']);
  } else rig.heard('created');
});

test('a reset is done when the rings have stopped, and the driver may begin anew', () => {
  rig.listen();
  rig.create('{ type: rng, backend: PATH }');
  rig.heard('created');
  for (let round = 1; round <= 3; round++) {
    rig.activate(round);
    rig.reset();
    expect(rig.backEnd.heard.at(-1)).toBe('RESET_DEVICE');
    rig.backEnd.heard.length = 0;
  }
});

test('B4 a back-end that does not stop its rings is cut off, and the reset is done', () => {
  rig.listen({ GET_VRING_BASE: () => undefined });
  rig.create('{ type: rng, backend: { socket: PATH, reply-timeout-s: 1 } }');
  rig.heard('created');
  rig.activate();
  const startMs = performance.now();
  rig.reset();
  expect(performance.now() - startMs).toBeLessThan(2_000);
  expect(rig.heard('log')).toMatchObject({ message: expect.stringContaining('does not answer GET_VRING_BASE') });
});

test('B11 a disk that promises more queues than there are', () => {
  const { num_queues } = virtio_blk_config.fields;
  rig.listen({
    GET_CONFIG: ({ body }) => {
      const bytes = new Uint8Array(60);
      new DataView(bytes.buffer).setUint16(num_queues.offset, 500, true);
      return { ...(body as object), bytes };
    },
  });
  rig.create('{ type: blk, queues: 2, backend: PATH }');
  const { created } = rig.heard('created') as unknown as { created: { id: number; config: Uint8Array } };
  expect(created.id).toBe(VIRTIO_ID_BLOCK);
  expect(new DataView(created.config.buffer).getUint16(num_queues.offset, true)).toBe(2);
});

test('a display: one of the size in the config; what is drawn on it is a picture, and it ends with its connection', () => {
  rig.listen({}, 16);
  rig.create('{ type: gpu, width: 64, height: 64, backend: PATH }');
  const { created } = rig.heard('created') as unknown as { created: CreatedDevice };
  // num_scanouts
  expect([...created.config]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  expect(Object.keys(created.actions)).toEqual(['screenshot']);
  expect(rig.backEnd.heard).toContain('GPU_SET_SOCKET');
  const file = join(rig.folder, 'screen.ppm');
  const shoot = (path: string | undefined, call: number) => {
    rig.device!.act('screenshot', path, call);
    return rig.reports.find((report) => 'call' in report && report.call === call);
  };
  expect(shoot(file, 1)).toMatchObject({
    kind: 'declined',
    error: { message: expect.stringContaining('shows nothing') },
  });
  const fd = rig.backEnd.fds.get('GPU_SET_SOCKET 0')!;
  using display = UnixSocket.adopt(fd, 'the display of a test');
  const words = (...numbers: number[]) => new Uint8Array(Uint32Array.from(numbers).buffer);
  display.send(words(7, 0, 12, 0, 2, 1));
  display.send(words(8, 0, 28, 0, 0, 0, 2, 1, 0x030201, 0x060504));
  rig.until(() => shoot(file, 5 + rig.reports.length)?.kind === 'answer', 'a picture');
  expect(shoot('screen.ppm', 2)).toMatchObject({ error: { message: expect.stringContaining('by its whole path') } });
  expect(readFileSync(file, 'latin1')).toBe('P6\n2 1\n255\n\x03\x02\x01\x06\x05\x04');
  expect(shoot(file, 4)).toMatchObject({ error: { message: expect.stringContaining('already exists') } });
  display.send(words(7, 0, 12, 0, 9000, 1));
  rig.heard('rewire');
  expect(shoot(join(rig.folder, 'gone.ppm'), 6)).toMatchObject({ kind: 'declined' });
});

test('writeConfig: only where the driver may, and the back-end decides', () => {
  rig.listen({}, 60);
  rig.create('{ type: blk, backend: PATH }');
  rig.heard('created');
  const write = (offset: number) => {
    rig.reports.length = 0;
    rig.device!.writeConfig(offset, Uint8Array.of(1), () => {});
    return (rig.heard('config') as unknown as { bytes: Uint8Array }).bytes;
  };
  expect(write(0)[0]).toBe(0);
  expect(rig.backEnd.heard).not.toContain('SET_CONFIG');
  expect(write(virtio_blk_config.fields.wce.offset)[32]).toBe(1);
});

test('B19 a lost back-end leaves no wire behind; the next goes on where the ring stands', () => {
  rig.listen();
  rig.create('{ type: rng, backend: PATH }');
  const { created } = rig.heard('created') as unknown as { created: { wires: { kicks: number[]; calls: number[] } } };
  rig.activate();
  rig.ram.view.setUint16(0x2002, 41, true);
  rig.backEnd[Symbol.dispose]();
  const { wires } = rig.heard('rewire') as unknown as typeof created;
  expect(wires.kicks).not.toEqual(created.wires.kicks);
  expect(wires.calls).not.toEqual(created.wires.calls);
  rig.until(() => rig.backEnds.length === 2 && rig.backEnd.heard.includes('SET_VRING_ENABLE'), 'the ring');
  const base = rig.backEnd.requests.find(({ name }) => name === 'SET_VRING_BASE')!;
  expect(base.body).toEqual({ index: 0, num: 41 });
  rig.until(() => rig.irq.take() > 0n, 'an interrupt');
  expect(rig.reports.map(({ kind }) => kind)).not.toContain('faulted');
});

test('a lost disk may not repeat what it did: the driver has to begin anew, and then it works again', () => {
  rig.listen({}, 60);
  rig.create('{ type: blk, backend: PATH }');
  rig.heard('created');
  rig.activate(7);
  makeAvailable(1);
  rig.backEnd[Symbol.dispose]();
  expect(rig.heard('faulted')).toMatchObject({ generation: 7, reason: expect.stringContaining('back-end is gone') });
  rig.until(
    () => rig.reports.some((report) => 'message' in report && /is there again/.test(report.message)),
    'another',
  );
  expect(rig.backEnd.heard).not.toContain('SET_VRING_ENABLE');
  rig.reset();
  rig.activate(8);
});

test('a lost disk that had nothing in hand goes on', () => {
  rig.listen({}, 60);
  rig.create('{ type: blk, backend: PATH }');
  rig.heard('created');
  rig.activate();
  rig.backEnd[Symbol.dispose]();
  rig.until(() => rig.backEnds.length === 2 && rig.backEnd.heard.includes('SET_VRING_ENABLE'), 'the ring');
  expect(rig.reports.map(({ kind }) => kind)).not.toContain('faulted');
});

test('a disk that is lost before its ring ran had nothing in hand, whatever waits in the ring', () => {
  rig.listen({ SET_VRING_KICK: () => (rig.backEnds.length < 3 ? undefined : 0n) }, 60);
  rig.create('{ type: blk, backend: PATH }');
  rig.heard('created');
  rig.device!.activate([RING], DRIVER, 1);
  makeAvailable(1);
  for (let lost = 1; lost <= 2; lost++) {
    rig.until(() => rig.backEnds.length === lost && rig.backEnd.heard.includes('SET_VRING_KICK'), 'most of a start');
    rig.backEnd[Symbol.dispose]();
  }
  rig.until(() => rig.backEnds.length === 3 && rig.backEnd.heard.includes('SET_VRING_ENABLE'), 'the ring');
  expect(rig.backEnd.requests.find(({ name }) => name === 'SET_VRING_BASE')!.body).toEqual({ index: 0, num: 0 });
  expect(rig.reports.map(({ kind }) => kind)).not.toContain('faulted');
});

test('a disk that notes what it has in hand: its successor gets the notes, and the ring goes on', () => {
  using fd = createMemfd('inflight', 4096);
  const reply = { mmap_size: 4096n, mmap_offset: 0n, num_queues: 1, queue_size: 8 };
  rig.listen(
    {
      GET_PROTOCOL_FEATURES: () => PROTOCOL_OFFERED | features(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD),
      GET_INFLIGHT_FD: () => ({ reply, fd }),
    },
    60,
  );
  rig.create('{ type: blk, backend: PATH }');
  rig.heard('created');
  rig.activate();
  makeAvailable(1);
  rig.backEnd[Symbol.dispose]();
  rig.until(() => rig.backEnds.length === 2 && rig.backEnd.heard.includes('SET_VRING_ENABLE'), 'the ring');
  expect(rig.backEnd.heard).not.toContain('GET_INFLIGHT_FD');
  expect(rig.backEnd.requests.find(({ name }) => name === 'SET_INFLIGHT_FD')!.body).toEqual(reply);
  expect(rig.reports.map(({ kind }) => kind)).not.toContain('faulted');
  rig.reset();
  rig.backEnd.heard.length = 0;
  rig.activate(2);
  expect(rig.backEnd.heard).toContain('GET_INFLIGHT_FD');
});

test('reconnect: off', () => {
  rig.listen();
  rig.create('{ type: rng, backend: { socket: PATH, reconnect: off } }');
  rig.heard('created');
  rig.activate();
  rig.backEnd[Symbol.dispose]();
  rig.heard('faulted');
  rig.reset();
  rig.reports.length = 0;
  rig.device!.activate([RING], DRIVER, 2);
  expect(rig.heard('faulted')).toMatchObject({ generation: 2, reason: 'it has no back-end any more' });
});

test('B9 the next back-end lacks what the driver was offered', () => {
  let offered = OFFERED | features(0);
  rig.listen({ GET_FEATURES: () => offered });
  rig.create('{ type: rng, backend: PATH }');
  rig.heard('created');
  offered = OFFERED;
  rig.backEnd[Symbol.dispose]();
  rig.until(
    () => rig.reports.some((report) => 'message' in report && /lacks features .* \(0x1\)/.test(report.message)),
    'the refusal',
  );
});

test('interrupt: strict: a call sets the register first, then interrupts', () => {
  rig.listen();
  rig.create('{ type: rng, interrupt: strict, backend: PATH }', { strict: true });
  expect(rig.heard('created')).toMatchObject({ created: { wires: { calls: [] } } });
  rig.activate();
  new EventFd(rig.backEnd.fds.get('SET_VRING_CALL 0')!.number).signal();
  rig.until(() => rig.irq.take() > 0n, 'an interrupt');
  expect(rig.registers.view.getUint32(0, true)).toBe(1);
});

test('a program of ours: what it prints is passed on, it is started again, and ends with us', () => {
  rig.create('{ type: rng, backend: { command: [sh, -c, "echo hello $WHO; exit 0", "{socket}"], env: { WHO: you } } }');
  expect(rig.heard('log')).toMatchObject({ message: 'sh: hello you' });
});

test('B4 a program of ours that is cut off does not go on, nor what it has started', () => {
  const pids = join(rig.folder, 'pids');
  const script = `trap "" TERM; sleep 1000 & echo $$ $! >${pids}; wait`;
  rig.create(JSON.stringify({ type: 'rng', backend: { command: ['sh', '-c', script, '{socket}'] } }));
  rig.until(() => existsSync(pids) && readFileSync(pids, 'utf8').endsWith('\n'), 'its start');
  const numbers = readFileSync(pids, 'utf8').trim().split(' ');
  rig.device![Symbol.dispose]();
  for (const pid of numbers) rig.until(() => !isRunning(pid), 'its end');
});

test('a program that prints without end', () => {
  rig.create('{ type: rng, backend: { command: [sh, -c, "while :; do echo again; done", "{socket}"] } }');
  const said = () => rig.reports.filter((report) => 'message' in report && report.message === 'sh: again').length;
  rig.until(
    () => rig.reports.some((report) => 'message' in report && /and \d+ lines more/.test(report.message)),
    'an end',
  );
  expect(said()).toBeLessThanOrEqual(200);
});

test('a program that puts a number behind the path', () => {
  const script =
    'import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1] + "0"); s.listen(); c = s.accept(); print("found"); time.sleep(9)';
  rig.create(`{ type: rng, backend: { command: [python3, -u, -c, '${script}', "{socket}"] } }`);
  rig.until(() => rig.reports.some((report) => 'message' in report && report.message === 'python3: found'), 'it');
});

test.each([
  ['pool', '1'],
  ['all', '0'],
])('a program with memory: %s and a user: whether what it starts can gain rights', (memory, expected) => {
  const script = 'print([line for line in open("/proc/self/status") if line.startswith("NoNewPrivs")][0], sys.argv[1])';
  const backend = `{ command: [python3, -c, 'import sys; ${script}', "{socket}"], user: "${process.getuid!()}" }`;
  rig.create(`{ type: rng, memory: ${memory}, backend: ${backend} }`);
  const said = () => rig.reports.map((report) => ('message' in report ? report.message : '')).join(' ');
  rig.until(() => /NoNewPrivs:\s\d/.test(said()), 'its line');
  expect(/NoNewPrivs:\s(\d)/.exec(said())![1]).toBe(expected);
});

test('a pool and a back-end of our own user: who it is, and that the pool keeps nothing from it', () => {
  rig.listen();
  rig.create('{ type: rng, memory: pool, backend: PATH }');
  rig.heard('created');
  expect(rig.heard('log').message).toContain('from whom memory: pool keeps nothing: let it run as a user of its own');
  rig.device!.tellPeer(7);
  const peer = { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() };
  expect(rig.heard('peer')).toEqual({ kind: 'peer', call: 7, peer });
});

/** Reads sector 1 as Linux would: a header, the data, the status. */
const READ_SECTOR_1 = {
  readable: [pack(virtio_blk_outhdr, { type: VIRTIO_BLK_T_IN, sector: 1n })],
  writable: [512, 1],
};

test('B18 interrupts without end: nobody else waits for them to end', () => {
  rig.listen();
  rig.create('{ type: rng, interrupt: strict, backend: PATH }', { strict: true });
  rig.heard('created');
  rig.activate();
  const call = new EventFd(rig.backEnd.fds.get('SET_VRING_CALL 0')!.number);
  let turns = 0;
  const storm = () => {
    for (let count = 0; count < 1_000; count++) call.signalShared();
    if (++turns < 20) rig.loop.defer(storm);
  };
  rig.loop.defer(storm);
  rig.reset();
  rig.until(() => turns === 20, 'the end of the storm');
  // In each turn of the loop one, however many there were.
  expect(rig.irq.take()).toBeLessThanOrEqual(25n);
});

test('B29 a used ring that says nonsense: the next back-end begins there, and no one else is harmed', () => {
  rig.listen();
  rig.create('{ type: rng, backend: PATH }');
  rig.heard('created');
  rig.activate();
  new DataView(rig.ram.buffer).setUint16(RING.device - RAM_BASE + 2, 0xbeef, true);
  rig.backEnd[Symbol.dispose]();
  rig.until(() => rig.backEnds.length === 2 && rig.backEnd.heard.includes('SET_VRING_ENABLE'), 'another one');
  expect(rig.backEnd.requests).toContainEqual({ name: 'SET_VRING_BASE', body: { index: 0, num: 0xbeef } });
});

test('faults: kicks pass through us, and one in two does not reach the back-end', () => {
  rig.listen();
  rig.create('{ type: rng, faults: { drop-kicks: 2 }, backend: PATH }');
  const { created } = rig.heard('created') as unknown as { created: CreatedDevice };
  rig.activate();
  const theirs = new EventFd(rig.backEnd.fds.get('SET_VRING_KICK 0')!.number);
  const ours = new EventFd(created.wires.kicks[0]!);
  // The one that the front-end sends when the ring starts.
  rig.until(() => theirs.take() === 1n, 'the first kick');
  let passed = 0n;
  const droppedCount = () =>
    rig.reports.filter((report) => report.kind === 'log' && /is dropped$/.test(report.message)).length;
  for (let kick = 1; kick <= 12; kick++) {
    ours.signal();
    rig.until(() => {
      passed += theirs.take();
      return passed + BigInt(droppedCount()) === BigInt(kick);
    }, 'the kick');
  }
  expect(passed).toBeGreaterThan(0n);
  expect(droppedCount()).toBeGreaterThan(0);
});

test('faults: the connection is cut once, and another one works; the recording says so', () => {
  rig.listen();
  const recording = join(rig.folder, 'recording');
  rig.create(`{ type: rng, record: ${recording}, faults: { cut-after: 12 }, backend: PATH }`);
  rig.heard('created');
  rig.device!.activate([RING], DRIVER, 1);
  rig.until(() => rig.backEnds.length === 2 && rig.backEnd.heard.includes('SET_VRING_ENABLE'), 'another one');
  expect(rig.backEnds[0]!.heard).toHaveLength(12);
  const { lines } = parseRecording(readFileSync(recording, 'utf8'), recording);
  const notes = lines.filter((line) => line.kind === 'note').map(({ text }) => text);
  expect(notes).toEqual([
    expect.stringMatching(/^fault: the connection is cut after message 12, /),
    expect.stringMatching(/^the connection is over: it was cut off on purpose/),
  ]);
  expect(lines.filter((line) => line.kind === 'connected')).toHaveLength(2);
});

test.skipIf(!existsSync(STORAGE_DAEMON))('a real disk, by qemu-storage-daemon: read, reset, read again, replay', () => {
  const disk = join(rig.folder, 'disk');
  writeFileSync(
    disk,
    Uint8Array.from({ length: 1024 * 1024 }, (_, index) => index >> 9),
  );
  const node = `driver=file,node-name=d,filename=${disk}`;
  const vhost = `type=vhost-user-blk,id=e,node-name=d,writable=on,addr.type=unix,addr.path={socket}`;
  const command = JSON.stringify([STORAGE_DAEMON, '--blockdev', node, '--export', vhost]);
  const recording = join(rig.folder, 'recording');
  rig.create(`{ type: blk, record: ${recording}, backend: { command: ${command} } }`);
  const { created } = rig.heard('created') as unknown as { created: CreatedDevice };
  expect(new DataView(created.config.buffer).getBigUint64(0, true)).toBe(2048n);
  const call = new EventFd(created.wires.calls[0]!);
  const kick = new EventFd(created.wires.kicks[0]!);
  const ram = new GuestRam({ base: RAM_BASE, buffer: rig.ram.buffer, pointer: rig.ram.pointer });
  for (let round = 1; round <= 3; round++) {
    ram.release(0);
    rig.ram.bytes.fill(0);
    const queue = new DriverQueue(ram, 8);
    rig.device!.activate([{ index: 0, ...queue.places }], DRIVER, round);
    const request = queue.add(READ_SECTOR_1);
    queue.kick();
    kick.signal();
    rig.until(() => {
      call.take();
      return queue.take() !== undefined;
    }, 'the sector');
    expect(request.written()).toEqual(Uint8Array.from({ length: 513 }, (_, index) => (index < 512 ? 1 : 0)));
    rig.reset();
  }
  using target = startedTarget([STORAGE_DAEMON, '--blockdev', node, '--export', vhost], () => {});
  const recorded = parseRecording(readFileSync(recording, 'utf8'), recording);
  expect(replayFrontEnd(recorded, target, WAIT_MS)).toEqual({ messages: expect.any(Number), divergences: [] });
});
