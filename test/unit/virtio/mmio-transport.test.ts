/** The transport against what virtio 1.4 demands of it: each test is a normative statement, with its section. */
import { describe, expect, test } from 'vitest';
import {
  VIRTIO_CONFIG_S_FAILED,
  VIRTIO_CONFIG_S_NEEDS_RESET,
  VIRTIO_F_RING_RESET,
  VIRTIO_F_VERSION_1,
} from '../../../src/abi/virtio.ts';
import { features, hasFeature } from '../../../src/virtio/features.ts';
import { REGISTER_BYTES, Reg } from '../../../src/virtio/mmio-registers.ts';
import type { QueuePlaces } from '../../../src/virtio/ring.ts';
import { ECHO_CONFIG_BYTES, ECHO_FEATURE, ECHO_ID, EchoDevice, WRITABLE } from '../../support/echo-device.ts';
import { ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK } from '../../support/mmio-driver.ts';
import { MmioRig, type MmioRigOptions } from '../../support/mmio-rig.ts';

const NEEDS_RESET = VIRTIO_CONFIG_S_NEEDS_RESET;
const FAILED = VIRTIO_CONFIG_S_FAILED;
const ALL_ONES = 0xffff_ffff;
const REQUEST = { readable: [Uint8Array.of(1, 2, 3)], writable: [3] };

const rigOf = (options: MmioRigOptions = {}) => new MmioRig(() => new EchoDevice(), options);

describe('§4.2.2 register layout', () => {
  test('MagicValue, Version and DeviceID say what it is', () => {
    const { driver } = rigOf();
    expect(driver.read('MagicValue')).toBe(0x7472_6976);
    expect(driver.read('Version')).toBe(2);
    expect(driver.read('DeviceID')).toBe(ECHO_ID);
    expect(driver.read('VendorID')).not.toBe(0);
  });

  test('DeviceFeatures shows the word that DeviceFeaturesSel selects, and 0 beyond bit 127', () => {
    const { driver } = rigOf();
    expect(hasFeature(driver.offered, ECHO_FEATURE)).toBe(true);
    expect(hasFeature(driver.offered, VIRTIO_F_VERSION_1)).toBe(true);
    for (const word of [4, 0x8000_0000, ALL_ONES]) {
      driver.write('DeviceFeaturesSel', word);
      expect(driver.read('DeviceFeatures')).toBe(0);
    }
  });

  test('QueueSizeMax is that of the selected queue, and 0 where there is none', () => {
    const { driver } = rigOf();
    const sizes = [0, 1, 2, ALL_ONES].map((index) => {
      driver.write('QueueSel', index);
      return driver.read('QueueSizeMax');
    });
    expect(sizes).toEqual([64, 16, 0, 0]);
  });

  test('QueueReady reads the last value written to it', () => {
    const { driver } = rigOf();
    driver.negotiate();
    driver.setUpQueue(0);
    expect(driver.read('QueueReady')).toBe(1);
    driver.write('QueueSel', 1);
    expect(driver.read('QueueReady')).toBe(0);
    driver.write('QueueSel', 0);
    driver.write('QueueReady', 0);
    expect(driver.read('QueueReady')).toBe(0);
  });

  test('SHMLen and SHMBase describe the selected region; a region that does not exist has the length -1', () => {
    const { driver } = rigOf({ sharedMemory: [{ id: 3, base: 0x12_3456_0000, size: 0x1_0000_2000 }] });
    const region = (id: number) => {
      driver.write('SHMSel', id);
      return (['SHMLenLow', 'SHMLenHigh', 'SHMBaseLow', 'SHMBaseHigh'] as const).map((name) => driver.read(name));
    };
    expect(region(0)).toEqual([ALL_ONES, ALL_ONES, ALL_ONES, ALL_ONES]);
    expect(region(3)).toEqual([0x2000, 1, 0x3456_0000, 0x12]);
    expect(region(ALL_ONES)).toEqual([ALL_ONES, ALL_ONES, ALL_ONES, ALL_ONES]);
  });

  test('write-only and unlisted registers read 0', () => {
    const { driver } = rigOf();
    const known = new Set<number>(
      (['MagicValue', 'Version', 'DeviceID', 'VendorID', 'DeviceFeatures', 'QueueSizeMax'] as const).map(
        (name) => Reg[name],
      ),
    );
    for (let offset = 0; offset < Reg.Config; offset += 4) {
      if (known.has(offset) || (offset >= Reg.SHMLenLow && offset <= Reg.SHMBaseHigh)) continue;
      expect(driver.readAt(offset), `0x${offset.toString(16)}`).toBe(0);
    }
  });
});

describe('§2.1.1 and §3.1.1: the status', () => {
  test('goes 0, 1, 3, 11, 15, and the device starts with the last step', () => {
    const { driver, requests } = rigOf();
    const seen = [driver.status];
    for (const status of [ACKNOWLEDGE, DRIVER]) {
      driver.status = status;
      seen.push(driver.status);
    }
    driver.accept(driver.offered);
    driver.status = FEATURES_OK;
    seen.push(driver.status);
    expect(requests).toEqual([]);
    driver.status = DRIVER_OK;
    expect([...seen, driver.status]).toEqual([0, 1, 3, 11, 15]);
    expect(requests).toEqual(['activate']);
  });

  test('G21: bits are not taken back, skipped or invented', () => {
    const { driver, requests } = rigOf();
    driver.status = 0x02;
    expect(driver.status).toBe(0);
    driver.status = 0x08 | ACKNOWLEDGE;
    expect(driver.status).toBe(ACKNOWLEDGE);
    driver.status = 0x04 | DRIVER;
    expect(driver.status).toBe(DRIVER);
    driver.status = ACKNOWLEDGE;
    expect(driver.status).toBe(DRIVER);
    driver.status = DRIVER | 0x30 | 0xffff_ff00;
    expect(driver.status).toBe(DRIVER);
    driver.status = DRIVER | NEEDS_RESET;
    expect(driver.status).toBe(DRIVER);
    expect(requests).toEqual([]);
  });

  test('G21: after FAILED only a reset is taken, and the device has stopped', () => {
    const { driver, requests } = rigOf();
    driver.start(1);
    driver.status = DRIVER_OK | FAILED;
    expect(driver.status).toBe(DRIVER_OK | FAILED);
    expect(requests).toEqual(['activate', 'reset']);
    driver.status = DRIVER_OK;
    driver.write('QueueNotify', 0);
    expect(driver.status).toBe(DRIVER_OK | FAILED);
    expect(requests).toEqual(['activate', 'reset']);
    driver.status = 0;
    expect(driver.status).toBe(0);
  });

  test('writing 0 resets the device whatever its state, and it can be used again', () => {
    const rig = rigOf();
    for (let round = 0; round < 3; round++) {
      const [queue] = rig.driver.start(1);
      const buffer = queue!.add(REQUEST);
      queue!.kick();
      rig.kick(0);
      expect(queue!.take()?.id).toBe(buffer.id);
      rig.driver.status = 0;
      expect(rig.driver.status).toBe(0);
    }
    expect(rig.messages).toEqual([]);
  });

  test('§4.2.2.1: a reset clears InterruptStatus, QueueReady, features and selectors; ConfigGeneration counts on', () => {
    const { driver, device } = rigOf({ strict: true, sharedMemory: [{ id: 0, base: 0, size: 4096 }] });
    driver.start(2);
    device.config.update((view) => view.setUint8(0, 99));
    const generation = driver.read('ConfigGeneration');
    driver.write('QueueSel', 1);
    driver.write('SHMSel', 5);
    driver.write('DeviceFeaturesSel', 1);
    expect(driver.read('InterruptStatus')).not.toBe(0);

    driver.status = 0;
    expect(driver.read('InterruptStatus')).toBe(0);
    expect(driver.read('QueueSizeMax')).toBe(64);
    expect(driver.read('QueueReady')).toBe(0);
    expect(driver.read('SHMLenLow')).toBe(4096);
    expect(driver.read('DeviceFeatures')).toBe(Number(BigInt.asUintN(32, driver.offered)));
    expect(driver.read('ConfigGeneration')).toBe(generation);
    driver.status = ACKNOWLEDGE;
    driver.status = DRIVER;
    driver.status = FEATURES_OK;
    expect(driver.status, 'no feature is accepted any more, VERSION_1 neither').toBe(DRIVER);
  });
});

describe('§2.2: feature negotiation', () => {
  test('FEATURES_OK stays when all accepted features were offered', () => {
    const { driver } = rigOf();
    expect(driver.negotiate()).toBe(FEATURES_OK);
    expect(driver.negotiate(features(VIRTIO_F_VERSION_1))).toBe(FEATURES_OK);
  });

  test.each([
    ['a feature that was not offered', features(VIRTIO_F_VERSION_1, 7)],
    ['VHOST_USER_F_PROTOCOL_FEATURES', features(VIRTIO_F_VERSION_1, 30)],
    ['no VIRTIO_F_VERSION_1', features(ECHO_FEATURE)],
    ['nothing', 0n],
  ])('G22: FEATURES_OK is not kept for a driver that accepts %s', (_, accepted) => {
    const { driver, messages } = rigOf();
    expect(driver.negotiate(accepted)).toBe(DRIVER);
    driver.status = DRIVER_OK;
    expect(driver.status).toBe(DRIVER);
    expect(messages).toHaveLength(1);
  });

  test('G22: nor when it writes bits to a word that does not exist', () => {
    const { driver } = rigOf();
    driver.status = ACKNOWLEDGE;
    driver.status = DRIVER;
    driver.accept(driver.offered);
    driver.write('DriverFeaturesSel', ALL_ONES);
    driver.write('DriverFeatures', 0);
    driver.write('DriverFeatures', 1);
    driver.status = FEATURES_OK;
    expect(driver.status).toBe(DRIVER);
  });

  test('G22: what is written after FEATURES_OK does not count', () => {
    const { driver, device } = rigOf();
    driver.negotiate(features(VIRTIO_F_VERSION_1));
    driver.accept(driver.offered);
    driver.status = DRIVER_OK;
    expect(device.negotiated).toBe(features(VIRTIO_F_VERSION_1));
  });
});

describe('§4.2.3.2: queues', () => {
  test('buffers go through a queue of the size and at the addresses that the driver wrote', () => {
    const rig = rigOf();
    const [first, second] = rig.driver.start(2, { size: 8 });
    for (const [index, queue] of [first!, second!].entries()) {
      queue.add(REQUEST);
      queue.kick();
      rig.kick(index);
      expect(queue.take()?.written()).toEqual(Uint8Array.of(1, 2, 3));
    }
    expect(rig.device.queues.map((queue) => queue?.size)).toEqual([8, 8]);
  });

  test('a queue that was not enabled is not given to the device', () => {
    const { driver, device } = rigOf();
    driver.start(1);
    expect(device.queues.map((queue) => queue?.index)).toEqual([0, undefined]);
  });

  test('G18 and G19: a queue that cannot be is refused at QueueReady, and the device needs a reset', () => {
    const good = (rig: ReturnType<typeof rigOf>): QueuePlaces => ({
      size: 16,
      desc: rig.ram.allocate(4096, 4096),
      driver: rig.ram.allocate(4096, 4096),
      device: rig.ram.allocate(4096, 4096),
    });
    const end = (rig: ReturnType<typeof rigOf>) => rig.ram.base + rig.ram.bytes.length;
    const mistakes: [string, (rig: ReturnType<typeof rigOf>) => Partial<QueuePlaces>][] = [
      ['size 0', () => ({ size: 0 })],
      ['size 3', () => ({ size: 3 })],
      ['size 128 of 64', () => ({ size: 128 })],
      ['size 2^31', () => ({ size: 2 ** 31 })],
      ['a misaligned descriptor table', (rig) => ({ desc: good(rig).desc + 8 })],
      ['a misaligned available ring', (rig) => ({ driver: good(rig).driver + 1 })],
      ['a misaligned used ring', (rig) => ({ device: good(rig).device + 2 })],
      ['a descriptor table over the end of RAM', (rig) => ({ desc: end(rig) - 64 })],
      ['an available ring over the end of RAM', (rig) => ({ driver: end(rig) - 4 })],
      ['a used ring behind RAM', (rig) => ({ device: end(rig) })],
      ['a descriptor table below RAM', () => ({ desc: 0 })],
      ['an address beyond 52 bits', () => ({ desc: 2 ** 53 })],
    ];
    for (const [what, mistake] of mistakes) {
      const rig = rigOf();
      rig.driver.negotiate(features(VIRTIO_F_VERSION_1));
      rig.driver.describeQueue(0, { ...good(rig), ...mistake(rig) });
      rig.driver.write('QueueReady', 1);
      expect(rig.driver.read('QueueReady'), what).toBe(0);
      expect(rig.driver.status, what).toBe(FEATURES_OK | NEEDS_RESET);
      expect(rig.messages, what).toHaveLength(1);
      rig.driver.status = FEATURES_OK | NEEDS_RESET | DRIVER_OK;
      expect(rig.requests, what).toEqual([]);
      rig.driver.start(1, { features: features(VIRTIO_F_VERSION_1) });
      expect(rig.driver.status, what).toBe(DRIVER_OK);
    }
  });

  test('G19: what describes a queue does not change while it is ready', () => {
    const rig = rigOf();
    const [queue] = rig.driver.start(1, { size: 8 });
    rig.driver.describeQueue(0, { size: 64, desc: 16, driver: 16, device: 16 });
    rig.driver.write('QueueReady', 1);
    queue!.add(REQUEST);
    queue!.kick();
    rig.kick(0);
    expect(queue!.take()?.written()).toEqual(Uint8Array.of(1, 2, 3));
    expect(rig.messages).toEqual([]);
  });

  test('QueueReady is ignored before FEATURES_OK and, without RING_RESET, after DRIVER_OK', () => {
    const rig = rigOf();
    rig.driver.status = ACKNOWLEDGE;
    rig.driver.setUpQueue(0);
    expect(rig.driver.read('QueueReady')).toBe(0);
    rig.driver.start(1);
    rig.driver.setUpQueue(1);
    expect(rig.driver.read('QueueReady')).toBe(0);
    expect(rig.device.queues[1]).toBeUndefined();
  });

  test('QueueReady 1 → 0: the device has stopped using the queue when the write returns', () => {
    const rig = rigOf();
    const [queue] = rig.driver.start(1);
    rig.driver.write('QueueSel', 0);
    rig.driver.write('QueueReady', 0);
    expect(rig.driver.read('QueueReady')).toBe(0);
    queue!.add(REQUEST);
    queue!.kick();
    rig.kick(0);
    expect(queue!.take()).toBeUndefined();
    expect(rig.requests).toEqual(['activate', 'stop-queue 0']);
  });

  test('§2.6.1: QueueReset resets one queue, which can be enabled again; the others go on', () => {
    const rig = rigOf({ ringReset: true });
    const [first, second] = rig.driver.start(2);
    rig.driver.write('QueueSel', 0);
    rig.driver.write('QueueReset', 1);
    expect(rig.driver.read('QueueReset')).toBe(0);
    expect(rig.driver.read('QueueReady')).toBe(0);
    first!.add(REQUEST);
    first!.kick();
    rig.kick(0);
    expect(first!.take()).toBeUndefined();
    second!.add(REQUEST);
    second!.kick();
    rig.kick(1);
    expect(second!.take()?.written()).toEqual(Uint8Array.of(1, 2, 3));

    const again = rig.driver.setUpQueue(0, 4);
    expect(rig.driver.read('QueueReady')).toBe(1);
    again.add(REQUEST);
    again.kick();
    rig.kick(0);
    expect(again.take()?.written()).toEqual(Uint8Array.of(1, 2, 3));
    expect(rig.requests.slice(1, 3)).toEqual(['stop-queue 0', 'notify 1']);
  });

  test('§2.6.1: QueueReset is nothing where VIRTIO_F_RING_RESET was not negotiated', () => {
    const rig = rigOf({ ringReset: true });
    rig.driver.start(1, { features: rig.driver.offered & ~features(VIRTIO_F_RING_RESET) });
    rig.driver.write('QueueReset', 1);
    expect(rig.driver.read('QueueReady')).toBe(1);
    expect(rig.requests).toEqual(['activate']);
  });
});

describe('§2.3 and §4.2.2: notifications', () => {
  test('direct: InterruptStatus reads "used buffers" from DRIVER_OK on, whatever is acknowledged', () => {
    const { driver } = rigOf();
    driver.negotiate();
    expect(driver.read('InterruptStatus')).toBe(0);
    driver.status = DRIVER_OK;
    expect(driver.read('InterruptStatus')).toBe(1);
    driver.write('InterruptACK', 1);
    expect(driver.read('InterruptStatus')).toBe(1);
  });

  test('strict: InterruptStatus says what has happened until it is acknowledged', () => {
    const rig = rigOf({ strict: true });
    const [queue] = rig.driver.start(1);
    expect(rig.driver.read('InterruptStatus')).toBe(0);
    queue!.add(REQUEST);
    queue!.kick();
    rig.kick(0);
    expect(rig.interrupts).toBe(1);
    rig.device.config.update(() => {});
    expect(rig.driver.read('InterruptStatus')).toBe(3);
    rig.driver.write('InterruptACK', 1);
    expect(rig.driver.read('InterruptStatus')).toBe(2);
    rig.driver.write('InterruptACK', ALL_ONES);
    expect(rig.driver.read('InterruptStatus')).toBe(0);
  });

  test.each([{ strict: true }, { strict: false }])(
    'a configuration change notifies the driver, %o: bit 1, a new ConfigGeneration, all of the change at once',
    ({ strict }) => {
      const rig = rigOf({ strict });
      rig.driver.start(1);
      const generation = rig.driver.read('ConfigGeneration');
      rig.device.config.update((view) => view.setBigUint64(0, 0x1122_3344_5566_7788n, true));
      expect(rig.interrupts).toBe(1);
      expect(rig.driver.read('InterruptStatus') & 2).toBe(2);
      expect(rig.driver.read('ConfigGeneration')).not.toBe(generation);
      expect(rig.driver.readAt(Reg.Config)).toBe(0x5566_7788);
      expect(rig.driver.readAt(Reg.Config + 4)).toBe(0x1122_3344);
      expect(rig.hiddenChanges).toBe(1);
      rig.driver.write('InterruptACK', 2);
      expect(rig.driver.read('InterruptStatus') & 2).toBe(0);
    },
  );

  test('before DRIVER_OK a configuration change is shown, and nobody is notified', () => {
    const rig = rigOf();
    rig.device.config.update((view) => view.setUint8(0, 77));
    expect(rig.driver.readAt(Reg.Config, 1)).toBe(77);
    expect(rig.interrupts).toBe(0);
    expect(rig.driver.read('InterruptStatus')).toBe(0);
  });

  test('G23: a kick is harmless before DRIVER_OK, on a queue that is not ready, and after a reset', () => {
    const rig = rigOf();
    rig.kick(0);
    rig.driver.negotiate();
    rig.driver.setUpQueue(0);
    rig.kick(0);
    expect(rig.device.notifications).toBe(0);
    rig.driver.status = DRIVER_OK;
    const { notifications } = rig.device;
    rig.kick(1);
    expect(rig.device.notifications).toBe(notifications);
    rig.driver.status = 0;
    rig.kick(0);
    expect(rig.device.notifications).toBe(notifications);
  });

  test('G23: a storm of kicks without buffers costs a bounded turn each', () => {
    const rig = rigOf();
    rig.driver.start(1);
    const before = rig.device.notifications;
    for (let kick = 0; kick < 1000; kick++) rig.driver.write('QueueNotify', 0);
    expect(rig.device.notifications - before).toBeLessThanOrEqual(1000);
    expect(rig.loop.settle()).toBeLessThanOrEqual(2);
  });

  test('G20: queues, selectors and regions that do not exist are nothing', () => {
    const rig = rigOf();
    rig.driver.start(2);
    for (const index of [2, 0xffff, 0x8000_0000, ALL_ONES]) {
      rig.driver.write('QueueNotify', index);
      rig.driver.write('QueueSel', index);
      for (const name of ['QueueSize', 'QueueReady', 'QueueReset', 'QueueDescLow', 'QueueDeviceHigh'] as const) {
        rig.driver.write(name, 1);
      }
      expect(rig.driver.read('QueueReady')).toBe(0);
      rig.driver.write('SHMSel', index);
      rig.driver.write('DriverFeaturesSel', index);
      rig.driver.write('DriverFeatures', ALL_ONES);
    }
    expect(rig.requests).toEqual(['activate']);
    expect(rig.driver.status).toBe(DRIVER_OK);
  });
});

describe('§2.1.2: DEVICE_NEEDS_RESET', () => {
  /** A descriptor that is no memory. */
  const malformed = [{ address: 0x10, length: 16, writable: true }];

  test('a fault of the driver stops the device, which says so; a reset helps', () => {
    const rig = rigOf({ strict: true });
    const [queue] = rig.driver.start(1);
    queue!.addSegments(malformed);
    queue!.kick();
    rig.kick(0);
    expect(rig.driver.status).toBe(DRIVER_OK | NEEDS_RESET);
    expect(rig.driver.read('InterruptStatus')).toBe(2);
    expect(rig.interrupts).toBe(1);
    expect(rig.messages).toEqual([expect.stringContaining('the device stops until its driver resets it')]);
    const { notifications } = rig.device;
    rig.kick(0);
    expect(rig.device.notifications).toBe(notifications);

    const [fresh] = rig.driver.start(1);
    fresh!.add(REQUEST);
    fresh!.kick();
    rig.kick(0);
    expect(fresh!.take()?.written()).toEqual(Uint8Array.of(1, 2, 3));
  });

  test('a driver that goes on like that does not fill the log', () => {
    const rig = rigOf();
    const mark = rig.ram.mark;
    for (let round = 0; round < 100; round++) {
      rig.ram.release(mark);
      const [queue] = rig.driver.start(1);
      queue!.addSegments(malformed);
      queue!.kick();
      rig.kick(0);
      expect(rig.driver.status).toBe(DRIVER_OK | NEEDS_RESET);
    }
    expect(rig.messages).toHaveLength(10);
    expect(rig.messages.at(-1)).toContain('the next time it is not said');
  });

  test('G24: chains in flight at a reset are never completed into the next generation', () => {
    const rig = rigOf();
    rig.device.holds = true;
    const [queue] = rig.driver.start(1);
    queue!.add(REQUEST);
    queue!.kick();
    rig.kick(0);
    rig.driver.status = 0;
    const [next] = rig.driver.start(1);
    next!.add(REQUEST);
    next!.kick();
    const before = rig.ram.bytes.slice();
    rig.device.held[0]!.complete();
    expect(Buffer.compare(rig.ram.bytes, before)).toBe(0);
    expect(queue!.take()).toBeUndefined();
    expect(next!.take()).toBeUndefined();
  });

  test('G24: 10,000 resets leave nothing behind', () => {
    const rig = rigOf();
    const mark = rig.ram.mark;
    for (let round = 0; round < 10_000; round++) {
      rig.ram.release(mark);
      rig.driver.start(1, { size: 2 });
    }
    expect(rig.loop.settle()).toBeLessThanOrEqual(1);
    expect(rig.driver.status).toBe(DRIVER_OK);
  });
});

describe('§2.5 and §4.2.2.2: the config space, and the width of accesses', () => {
  test('the config space is read at any width and place', () => {
    const { driver } = rigOf();
    expect(driver.readAt(Reg.Config, 1)).toBe(1);
    expect(driver.readAt(Reg.Config + 1, 2)).toBe(0x0302);
    expect(driver.readAt(Reg.Config + 4)).toBe(0x0807_0605);
  });

  test('G26: beyond the fields it reads 0, and a write reaches the device only inside them', () => {
    const { driver, requests } = rigOf();
    expect(driver.readAt(Reg.Config + ECHO_CONFIG_BYTES)).toBe(0);
    expect(driver.readAt(Reg.Config + ECHO_CONFIG_BYTES - 1)).toBe(ECHO_CONFIG_BYTES);
    expect(driver.readAt(REGISTER_BYTES - 4)).toBe(0);
    expect(driver.readAt(REGISTER_BYTES - 2)).toBe(0);
    driver.writeAt(Reg.Config + ECHO_CONFIG_BYTES, 1, 1);
    driver.writeAt(Reg.Config + ECHO_CONFIG_BYTES - 1, 1, 2);
    driver.writeAt(REGISTER_BYTES - 1, 1);
    expect(requests).toEqual([]);
  });

  test('the driver reads what the device made of its write', () => {
    const { driver } = rigOf();
    driver.writeAt(Reg.Config + WRITABLE, 0xab, 1);
    driver.writeAt(Reg.Config, 0xab, 1);
    expect(driver.readAt(Reg.Config + WRITABLE, 1)).toBe(0xab);
    expect(driver.readAt(Reg.Config, 1)).toBe(1);
  });

  test('G27: registers are 32 bits wide and aligned; any other access reads 0 and writes nothing', () => {
    const { driver, requests } = rigOf();
    expect(driver.readAt(Reg.MagicValue, 1)).toBe(0);
    expect(driver.readAt(Reg.MagicValue, 2)).toBe(0);
    expect(driver.readAt(Reg.Version - 2)).toBe(0);
    expect(driver.readAt(Reg.Config - 1, 2)).toBe(0);
    driver.status = ACKNOWLEDGE;
    driver.writeAt(Reg.Status, 0, 1);
    driver.writeAt(Reg.Status, 0, 2);
    driver.writeAt(Reg.Status - 1, 0);
    expect(driver.status).toBe(ACKNOWLEDGE);
    expect(requests).toEqual([]);
  });
});
