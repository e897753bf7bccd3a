/** Turns: bounded, and fair between the queues of one loop. */
import { expect, test } from 'vitest';
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
