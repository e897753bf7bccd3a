/** Turns: bounded, and fair between the queues of one loop. */
import { expect, test } from 'vitest';
import type { QueueWires } from '../../../src/virtio/device.ts';
import type { QueueSetup } from '../../../src/virtio/queue-registers.ts';
import { EchoDevice } from '../../support/echo-device.ts';
import { MmioRig } from '../../support/mmio-rig.ts';

const REQUEST = { readable: [Uint8Array.of(1)], writable: [1] };

/** Remembers which queue gave which chain back. */
class Recorder extends EchoDevice {
  override readonly queueSizes = [1024, 1024];
  readonly served: number[] = [];

  override notify(index: number): void {
    const before = this.queues[index]?.counters.read().chains ?? 0;
    super.notify(index);
    const after = this.queues[index]?.counters.read().chains ?? 0;
    for (let chain = before; chain < after; chain++) this.served.push(index);
  }
}

test('G33: a queue with a thousand chains takes many turns, and the other queue gets its own in between', () => {
  const rig = new MmioRig(() => new Recorder());
  const [busy, other] = rig.driver.start(2, { size: 1024 });
  rig.loop.settle();
  for (let chain = 0; chain < 512; chain++) busy!.add(REQUEST);
  busy!.kick();
  rig.driver.write('QueueNotify', 0);
  const first = rig.device.served.length;
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThan(200);
  other!.add(REQUEST);
  other!.kick();
  rig.driver.write('QueueNotify', 1);
  rig.loop.settle();
  expect(rig.device.served.filter((index) => index === 0)).toHaveLength(512);
  expect(rig.device.served.indexOf(1)).toBeLessThan(2 * first);
});

test('a queue that is found empty is armed in the next turn, and what came meanwhile is served', () => {
  const rig = new MmioRig(() => new EchoDevice());
  const [queue] = rig.driver.start(1);
  rig.loop.settle();
  queue!.add(REQUEST);
  expect(queue!.kick(), 'the device wants to be told').toBe(true);
  rig.driver.write('QueueNotify', 0);
  queue!.add(REQUEST);
  queue!.kick();
  rig.loop.settle();
  expect([queue!.take(), queue!.take()].every((buffer) => buffer !== undefined)).toBe(true);
});

test('the counters of a queue say what went through it', () => {
  const rig = new MmioRig(() => new EchoDevice());
  const [queue] = rig.driver.start(1);
  for (let request = 0; request < 3; request++) {
    queue!.add(REQUEST);
    queue!.kick();
    rig.kick(0);
  }
  const { kicks, chains, interrupts, bytesRead, bytesWritten } = rig.counters[0]!.read();
  expect({ kicks, chains, bytesRead, bytesWritten }).toEqual({ kicks: 3, chains: 3, bytesRead: 3, bytesWritten: 3 });
  expect(interrupts).toBe(rig.interrupts);
});

/** Has its second queue served by somebody else. */
class Delegator extends EchoDevice {
  readonly handedOver: { size: number; wires: QueueWires }[] = [];

  delegate({ index, size }: QueueSetup, _features: bigint, wires: QueueWires): boolean {
    if (index !== 1) return false;
    this.handedOver.push({ size, wires });
    return true;
  }
}

test('a queue that the device has handed to somebody else is not ours until it is taken back', () => {
  const wires = { kick: 101, call: 102 };
  const rig = new MmioRig(() => new Delegator(), { wires, ringReset: true });
  rig.driver.start(2, { size: 16 });
  rig.loop.settle();
  expect(rig.device.handedOver).toEqual([{ size: 16, wires }]);
  expect(rig.device.queues.map((queue) => queue !== undefined)).toEqual([true, false]);
  expect([...rig.delegated]).toEqual([1]);
  const { notifications } = rig.device;
  rig.kick(1);
  expect(rig.device.notifications).toBe(notifications);
  rig.driver.write('Status', 0);
  expect([...rig.delegated]).toEqual([]);
});

test('without wires to hand over, every queue is ours', () => {
  const rig = new MmioRig(() => new Delegator());
  rig.driver.start(2, { size: 16 });
  expect(rig.device.handedOver).toEqual([]);
  expect(rig.device.queues.map((queue) => queue !== undefined)).toEqual([true, true]);
});
