/** A real I/O thread with a real device: virtio-rng over memory that both threads have by its address. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { VIRTIO_F_VERSION_1, VIRTIO_ID_RNG } from '../../../src/abi/virtio.ts';
import { ConfigError, HostError } from '../../../src/base/errors.ts';
import { MiB } from '../../../src/base/units.ts';
import { type VirtioDeviceConfig, virtioDevices } from '../../../src/config/device-kinds.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { EventFd } from '../../../src/host/eventfd.ts';
import { Mapping } from '../../../src/host/mapping.ts';
import { Readiness } from '../../../src/host/poll.ts';
import { Signals } from '../../../src/host/signals.ts';
import { GuestCounter } from '../../../src/io/guest-counter.ts';
import { CALL_TIMEOUT_MS, IoThread } from '../../../src/io/io-thread.ts';
import type { DeviceKeys } from '../../../src/io/protocol.ts';
import { RemoteDevice } from '../../../src/io/remote-device.ts';
import { features, ringFeatures } from '../../../src/virtio/features.ts';
import { DriverQueue } from '../../support/driver.ts';
import { GuestRam } from '../../support/guest-ram.ts';
import { until } from '../../support/until.ts';

/** As the parser gives them for `{ type: rng }`. */
const RNG = {
  type: 'rng',
  packed: 'off' as const,
  queueSize: 64,
  rateLimit: { bytesPerSecond: 0, requestsPerSecond: 0, burstBytes: 0, burstRequests: 0 },
};
const FEATURES = features(VIRTIO_F_VERSION_1);

/** As the parser makes it. */
function configured(keys: string): VirtioDeviceConfig {
  const place = { file: 'a.yaml', directory: '/', resolvePath: (name: string) => name };
  const config = parseConfig(`kernel: Image\ndevices: { it: ${keys} }`, place);
  const [[, device]] = virtioDevices(config) as [[string, VirtioDeviceConfig]];
  return device;
}
/** Of virtio-rng, with all that belongs to rings and transport; packed rings only if the config says so. */
const OFFERED = ringFeatures({ packed: false, inOrder: true, ringReset: true });
const TIMEOUT_MS = 10_000;

const resources = new DisposableStack();
const failures: Error[] = [];
const faults: string[] = [];

/** Signals block the kick in this thread for good, which harms nobody; the rest is closed by the test. */
function setUp() {
  const stack = new DisposableStack();
  const mapping = stack.use(Mapping.create(MiB, { what: 'the guest RAM of a test' }));
  const ram = new GuestRam({ buffer: mapping.buffer, pointer: mapping.pointer });
  const status = stack.use(Mapping.create(4096, { what: 'the registers of a test' }));
  const signals = stack.use(new Signals());
  const closeable = stack.use(new DisposableStack());
  const thread = new IoThread('test', signals);
  thread.begin({
    memory: ram.memory,
    counter: new GuestCounter(),
    onFailure: (error) => void failures.push(error),
  });
  let number = 0;
  const device = (keys: DeviceKeys, strict = false, resampled?: EventFd) =>
    closeable.use(
      new RemoteDevice({
        ...{ number: number++, name: `device${number}`, keys, thread },
        memory: undefined,
        interrupts: resampled
          ? { kind: 'each', status: status.pointer, resampled: resampled.number }
          : { kind: 'one', status: strict ? status.pointer : undefined },
        onRewire: () => {},
        onConfig: () => {},
        onShow: () => {},
        onHide: () => {},
        onFault: (reason) => void faults.push(reason),
        log: () => {},
      }),
    );
  stack.use(thread);
  resources.use(stack);
  return { ram, thread, device, interruptStatus: new Int32Array(status.buffer, 0, 1) };
}

function isSignalled(fd: number, timeoutMs = TIMEOUT_MS): boolean {
  using readiness = new Readiness(fd, 'readable');
  return readiness.wait(timeoutMs);
}

afterEach(() => {
  failures.length = 0;
  faults.length = 0;
});

test('a device is made, serves its queue, interrupts, and is reset', { timeout: 30_000 }, async () => {
  const { ram, thread, device, interruptStatus } = setUp();
  using _thread = thread;
  const rng = device(RNG, true);
  expect(await rng.creation).toMatchObject({ id: VIRTIO_ID_RNG, queueSizes: [64], features: OFFERED });

  const queue = new DriverQueue(ram, 8);
  rng.activate([{ index: 0, ...queue.places }], FEATURES);
  const buffer = queue.add({ writable: [64] });
  queue.kick();
  rng.notify(0);
  expect(isSignalled(rng.irq.number)).toBe(true);
  expect(interruptStatus[0]).toBe(1);
  expect(queue.take()?.id).toBe(buffer.id);
  expect(buffer.written().some((byte) => byte !== 0)).toBe(true);
  expect(rng.queueCounts()).toMatchObject([{ chains: 1, interrupts: 1, bytesWritten: 64 }]);

  rng.reset();
  rng.irq.take();
  queue.add({ writable: [64] });
  queue.kick();
  rng.notify(0);
  expect(isSignalled(rng.irq.number, 50)).toBe(false);
  expect(failures).toEqual([]);
});

test('each queue interrupts by an eventfd of its own, or all by a line, in the middle of which the thread may end', {
  timeout: 30_000,
}, async () => {
  using resampled = EventFd.create();
  const { ram, thread, device, interruptStatus } = setUp();
  using ending = new DisposableStack();
  ending.use(thread);
  const rng = device(RNG, false, resampled);
  expect((await rng.creation).wires.calls).toHaveLength(1);
  const queue = new DriverQueue(ram, 8);
  rng.activate([{ index: 0, ...queue.places }], FEATURES);
  const ask = () => {
    queue.add({ writable: [8] });
    queue.kick();
    rng.notify(0);
  };
  ask();
  expect(isSignalled(rng.calls[0]!.number)).toBe(true);
  expect([isSignalled(rng.irq.number, 50), interruptStatus[0]]).toEqual([false, 0]);
  rng.calls[0]!.take();

  rng.setLine(true);
  rng.irq.take();
  ask();
  expect(isSignalled(rng.irq.number)).toBe(true);
  expect(interruptStatus[0]).toBe(1);
  // The guest ends the interrupt: it comes again as long as the status says that something happened.
  rng.irq.take();
  resampled.signal();
  expect(isSignalled(rng.irq.number)).toBe(true);
  Atomics.store(interruptStatus, 0, 0);
  rng.irq.take();
  resampled.signal();
  expect(isSignalled(rng.irq.number, 50)).toBe(false);

  ending.dispose();
  expect(failures).toEqual([]);
});

test('paused it does nothing, resumed it goes on', { timeout: 30_000 }, async () => {
  const { ram, thread, device } = setUp();
  using _thread = thread;
  const rng = device(RNG);
  await rng.creation;
  const queue = new DriverQueue(ram, 8);
  rng.activate([{ index: 0, ...queue.places }], FEATURES);
  thread.call({ kind: 'pause' });
  queue.add({ writable: [8] });
  queue.kick();
  rng.notify(0);
  expect(isSignalled(rng.irq.number, 50)).toBe(false);
  thread.call({ kind: 'resume' });
  expect(isSignalled(rng.irq.number)).toBe(true);
  thread.call({ kind: 'pause' });
});

test('a fault of the guest is reported with its reason, and other devices go on', { timeout: 30_000 }, async () => {
  const { ram, thread, device } = setUp();
  using _thread = thread;
  const [bad, good] = [device(RNG), device(RNG)];
  await Promise.all([bad.creation, good.creation]);
  const [badQueue, goodQueue] = [new DriverQueue(ram, 8), new DriverQueue(ram, 8)];
  bad.activate([{ index: 0, ...badQueue.places }], FEATURES);
  good.activate([{ index: 0, ...goodQueue.places }], FEATURES);
  badQueue.addSegments([{ address: 16, length: 8, writable: true }]);
  badQueue.kick();
  bad.notify(0);
  goodQueue.add({ writable: [8] });
  goodQueue.kick();
  good.notify(0);
  expect(isSignalled(good.irq.number)).toBe(true);
  good.reset();
  await until(() => faults.length > 0, 'what was wrong');
  expect(faults).toEqual([expect.stringContaining('not guest memory')]);
});

test("a user's mistake comes back as it was thrown", { timeout: 30_000 }, async () => {
  const { thread, device } = setUp();
  using _thread = thread;
  const disk = device({ ...RNG, type: 'blk', path: '/nonexistent/disk.img' } as DeviceKeys);
  await expect(disk.creation).rejects.toThrow(ConfigError);
  const balloon = device(configured('{ type: balloon }'));
  await balloon.creation;
  await expect(balloon.act('target', 'much')).rejects.toThrow(ConfigError);
  expect(failures).toEqual([]);
});

test('a bug ends the thread, is told once with its stack, and nothing waits for ever', {
  timeout: 30_000,
}, async () => {
  const { thread, device } = setUp();
  using _thread = thread;
  const rng = device(RNG);
  await rng.creation;
  thread.call({ kind: 'reset', device: 99 });
  expect(failures).toHaveLength(1);
  expect(failures[0]!.message).toMatch(/^I\/O thread test failed: Cannot read properties of undefined/);
  expect(failures[0]!.stack).toContain('worker.ts');
  rng.reset();
  await expect(device(RNG).creation).rejects.toThrow('I/O thread test failed');
});

test('what the host fails to do ends the thread too, as the HostError that it is', { timeout: 30_000 }, async () => {
  const { thread, device } = setUp();
  using _thread = thread;
  const folder = mkdtempSync(join(tmpdir(), 'orko-path-'));
  const path = process.env['PATH'];
  onTestFinished(() => {
    process.env['PATH'] = path;
    rmSync(folder, { recursive: true });
  });
  writeFileSync(join(folder, 'passt'), '#!/bin/sh\nsleep 0.2; echo "Failed to bind port 22" >&2; exit 1\n', {
    mode: 0o755,
  });
  process.env['PATH'] = `${folder}:${path}`;
  await device(configured('{ type: net, forward: [tcp:22:22] }')).creation;
  await until(() => failures.length > 0, 'the end of passt');
  expect(failures).toEqual([new HostError('Cannot start passt: Failed to bind port 22')]);
});

test('a thread that never began ends at once, and ending it twice does no harm', () => {
  using signals = new Signals();
  const thread = new IoThread('idle', signals);
  const before = performance.now();
  thread[Symbol.dispose]();
  thread[Symbol.dispose]();
  // Its code takes longer to load.
  expect(performance.now() - before).toBeLessThan(CALL_TIMEOUT_MS / 100);
  expect(thread.failure).toBeUndefined();
});
