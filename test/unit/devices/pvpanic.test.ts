import { expect, test } from 'vitest';
import { MmioBus } from '../../../src/bus/mmio-bus.ts';
import {
  type GuestEvent,
  PVPANIC_BYTES,
  PVPANIC_CRASH_LOADED,
  PVPANIC_PANICKED,
  PVPANIC_SHUTDOWN,
  Pvpanic,
} from '../../../src/devices/pvpanic.ts';

const BASE = 0x090f_0000;

function setUp() {
  const events: GuestEvent[] = [];
  const log: string[] = [];
  const bus = new MmioBus((message) => log.push(message));
  bus.attach({ base: BASE, size: PVPANIC_BYTES }, new Pvpanic((event) => events.push(event)));
  return { bus, events, log };
}

test('Pvpanic: reads say which events are understood, in each size', () => {
  const { bus } = setUp();
  const supported = PVPANIC_PANICKED | PVPANIC_CRASH_LOADED | PVPANIC_SHUTDOWN;
  expect([bus.read(BASE, 1), bus.read(BASE, 2), bus.read(BASE, 4), bus.read(BASE + 1, 1)]).toEqual([
    supported,
    supported,
    supported,
    0,
  ]);
});

test('Pvpanic: a written event is reported', () => {
  const { bus, events } = setUp();
  bus.write(BASE, 1, PVPANIC_PANICKED);
  bus.write(BASE, 1, PVPANIC_CRASH_LOADED);
  bus.write(BASE, 1, PVPANIC_SHUTDOWN);
  expect(events).toEqual(['panicked', 'crash-loaded', 'shutdown']);
});

test('Pvpanic: unknown bits, no bits and the high byte are ignored', () => {
  const { bus, events, log } = setUp();
  bus.write(BASE, 1, 0xf8);
  bus.write(BASE, 1, 0);
  bus.write(BASE + 1, 1, 0xff);
  expect(events).toEqual([]);
  expect(log).toEqual([]);
});
