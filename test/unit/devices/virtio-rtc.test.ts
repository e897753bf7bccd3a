/** The section names are those of virtio 1.4, RTC Device. */
import { describe, expect, test } from 'vitest';
import { VIRTIO_ID_CLOCK } from '../../../src/abi/virtio.ts';
import * as rtc from '../../../src/abi/virtio-rtc.ts';
import { GuestFault } from '../../../src/base/errors.ts';
import { pack, type Struct, unpack, type Values } from '../../../src/base/layout.ts';
import { type RtcClock, VirtioRtc } from '../../../src/devices/virtio-rtc.ts';
import { DeviceRig } from '../../support/device-rig.ts';
import { random } from '../../support/random.ts';

const [REQUEST, ALARM] = [0, 1] as const;
const [UTC, MONOTONIC, TAI] = [0, 1, 2] as const;
const NOW = 1_800_000_000_000_000_000n;
const { VIRTIO_RTC_COUNTER_ARM_VCT: ARM_VCT, VIRTIO_RTC_COUNTER_X86_TSC: X86_TSC } = rtc;
const {
  VIRTIO_RTC_S_OK: OK,
  VIRTIO_RTC_S_EINVAL: EINVAL,
  VIRTIO_RTC_S_ENODEV: ENODEV,
  VIRTIO_RTC_S_EOPNOTSUPP: EOPNOTSUPP,
} = rtc;

/** A clock that the test sets. */
class FakeClock implements RtcClock {
  readonly type: number;
  readonly watchers = new Map<() => void, bigint>();
  readonly cross?: () => { reading: bigint; cycles: bigint };
  readonly watch?: (at: bigint, reached: () => void) => () => void;
  #now = NOW;

  constructor(type: number, { cross = false, alarm = false } = {}) {
    this.type = type;
    if (cross) this.cross = () => ({ reading: this.#now, cycles: 77n });
    if (alarm) {
      this.watch = (at, reached) => {
        this.watchers.set(reached, at);
        return () => void this.watchers.delete(reached);
      };
    }
  }

  now = (): bigint => this.#now;

  set(now: bigint): void {
    const before = this.#now;
    this.#now = now;
    for (const [reached, at] of this.watchers) if (before < at && now >= at) reached();
  }
}

function setUp({ features }: { features?: bigint } = {}) {
  const utc = new FakeClock(rtc.VIRTIO_RTC_CLOCK_UTC_SMEARED, { cross: true, alarm: true });
  const monotonic = new FakeClock(rtc.VIRTIO_RTC_CLOCK_MONOTONIC, { alarm: true });
  const tai = new FakeClock(rtc.VIRTIO_RTC_CLOCK_TAI);
  const rig = new DeviceRig(() => new VirtioRtc([utc, monotonic, tai], 16));
  rig.activate(features === undefined ? {} : { features });
  /** Sends a request and returns the response's fields; only its status when that is not OK. */
  const ask = <Request extends Struct, Response extends Struct>(
    msg_type: number,
    [request, values]: [Request, Values<Request>],
    response: Response,
  ) => {
    const bytes = pack(request, values);
    new DataView(bytes.buffer).setUint16(0, msg_type, true);
    const written = rig.send(REQUEST, { readable: [bytes], writable: [response.size] })!;
    const { status } = unpack(rtc.virtio_rtc_resp_head, written);
    if (status !== OK) return { status, length: written.length };
    return { ...unpack(response, written), status, length: written.length };
  };
  const read = (clock_id: number) =>
    ask(rtc.VIRTIO_RTC_REQ_READ, [rtc.virtio_rtc_req_read, { clock_id }], rtc.virtio_rtc_resp_read);
  const capabilities = (clock_id: number) =>
    ask(rtc.VIRTIO_RTC_REQ_CLOCK_CAP, [rtc.virtio_rtc_req_clock_cap, { clock_id }], rtc.virtio_rtc_resp_clock_cap);
  const crossCap = (clock_id: number, hw_counter: number) =>
    ask(
      rtc.VIRTIO_RTC_REQ_CROSS_CAP,
      [rtc.virtio_rtc_req_cross_cap, { clock_id, hw_counter }],
      rtc.virtio_rtc_resp_cross_cap,
    );
  const cross = (clock_id: number, hw_counter: number) =>
    ask(
      rtc.VIRTIO_RTC_REQ_READ_CROSS,
      [rtc.virtio_rtc_req_read_cross, { clock_id, hw_counter }],
      rtc.virtio_rtc_resp_read_cross,
    );
  const readAlarm = (clock_id: number) =>
    ask(rtc.VIRTIO_RTC_REQ_READ_ALARM, [rtc.virtio_rtc_req_read_alarm, { clock_id }], rtc.virtio_rtc_resp_read_alarm);
  const setAlarm = (clock_id: number, alarm_time: bigint, flags = 1) =>
    ask(
      rtc.VIRTIO_RTC_REQ_SET_ALARM,
      [rtc.virtio_rtc_req_set_alarm, { clock_id, alarm_time, flags }],
      rtc.virtio_rtc_resp_set_alarm,
    );
  const enable = (clock_id: number, flags: number) =>
    ask(
      rtc.VIRTIO_RTC_REQ_SET_ALARM_ENABLED,
      [rtc.virtio_rtc_req_set_alarm_enabled, { clock_id, flags }],
      rtc.virtio_rtc_resp_set_alarm_enabled,
    );
  /** Leaves buffers for notifications. */
  const listen = (count = 1, size = 16) => {
    for (let buffer = 0; buffer < count; buffer++) rig.drivers[ALARM]!.add({ writable: [size] });
    rig.drivers[ALARM]!.kick();
    rig.notify(ALARM);
  };
  /** Clocks whose alarms have rung since the last call. */
  const rung = () => {
    const clocks: number[] = [];
    for (let used = rig.drivers[ALARM]!.take(); used; used = rig.drivers[ALARM]!.take()) {
      const { 'head.msg_type': type, clock_id } = unpack(rtc.virtio_rtc_notif_alarm, used.written());
      expect([type, used.usedLength]).toEqual([rtc.VIRTIO_RTC_NOTIF_ALARM, 16]);
      clocks.push(clock_id);
    }
    return clocks;
  };
  const alarms = { readAlarm, setAlarm, enable, listen, rung };
  return { utc, monotonic, tai, rig, device: rig.device, ask, read, capabilities, crossCap, cross, ...alarms };
}

describe('VirtioRtc', () => {
  test('"Feature bits", "Virtqueues": an alarm queue where a clock has an alarm', () => {
    const { device } = setUp();
    expect([device.id, device.features, device.queueSizes]).toEqual([VIRTIO_ID_CLOCK, 1n, [16, 16]]);
    const without = new VirtioRtc([new FakeClock(rtc.VIRTIO_RTC_CLOCK_TAI)], 16);
    expect([without.features, without.queueSizes]).toEqual([0n, [16]]);
  });

  test('"Control Requests" CFG: how many clocks', () => {
    const { ask } = setUp();
    expect(ask(rtc.VIRTIO_RTC_REQ_CFG, [rtc.virtio_rtc_req_cfg, {}], rtc.virtio_rtc_resp_cfg)).toMatchObject({
      num_clocks: 3,
      length: 16,
    });
  });

  test('"Control Requests" CLOCK_CAP: type, no smearing variant, alarm', () => {
    const { capabilities } = setUp();
    const smeared = { type: rtc.VIRTIO_RTC_CLOCK_UTC_SMEARED, leap_second_smearing: 0, flags: 1 };
    expect(capabilities(UTC)).toMatchObject(smeared);
    expect(capabilities(MONOTONIC)).toMatchObject({ type: rtc.VIRTIO_RTC_CLOCK_MONOTONIC, flags: 1 });
    expect(capabilities(TAI)).toMatchObject({ type: rtc.VIRTIO_RTC_CLOCK_TAI, flags: 0 });
    expect(capabilities(3).status).toBe(ENODEV);
  });

  test('"Device Operation": no flags of features that were not negotiated', () => {
    const { capabilities, readAlarm, setAlarm } = setUp({ features: 0n });
    expect(capabilities(UTC)).toMatchObject({ flags: 0 });
    expect(readAlarm(UTC).status).toBe(EOPNOTSUPP);
    expect(setAlarm(UTC, 1n).status).toBe(EOPNOTSUPP);
  });

  test('"Read Requests" READ: the time of each clock, in nanoseconds', () => {
    const { read, utc, tai } = setUp();
    utc.set(NOW + 5n);
    tai.set(2n ** 63n);
    expect(read(UTC)).toMatchObject({ clock_reading: NOW + 5n, length: 16 });
    expect(read(TAI)).toMatchObject({ clock_reading: 2n ** 63n });
    expect(read(3)).toEqual({ status: ENODEV, length: 8 });
    expect(read(0xffff).status).toBe(ENODEV);
  });

  test('"Control Requests" CROSS_CAP and "Read Requests" READ_CROSS: where the host can tell', () => {
    const { crossCap, cross } = setUp();
    expect(crossCap(UTC, ARM_VCT)).toMatchObject({ flags: 1 });
    expect(cross(UTC, ARM_VCT)).toMatchObject({ clock_reading: NOW, counter_cycles: 77n, length: 24 });
    expect(crossCap(MONOTONIC, ARM_VCT)).toMatchObject({ flags: 0 });
    expect(cross(MONOTONIC, ARM_VCT).status).toBe(EOPNOTSUPP);
    expect(crossCap(UTC, X86_TSC)).toMatchObject({ flags: 0 });
    expect(cross(UTC, X86_TSC).status).toBe(EOPNOTSUPP);
    expect(crossCap(9, ARM_VCT).status).toBe(ENODEV);
    expect(cross(9, ARM_VCT).status).toBe(ENODEV);
  });

  test.each([2, 0xef, 0xf0, 0xff])('"Device Operation": counter %i is unknown', (counter) => {
    const { crossCap, cross } = setUp();
    expect(crossCap(UTC, counter).status).toBe(EOPNOTSUPP);
    expect(cross(UTC, counter).status).toBe(EOPNOTSUPP);
  });

  describe('"Alarm Operation"', () => {
    test('initially the time is 0 and the alarm disabled', () => {
      expect(setUp().readAlarm(UTC)).toMatchObject({ alarm_time: 0n, flags: 0, length: 24 });
    });

    test('expires when the clock comes to its time, and again when it comes there again', () => {
      const { utc, setAlarm, readAlarm, listen, rung, rig } = setUp();
      listen(4);
      expect(setAlarm(UTC, NOW + 100n)).toMatchObject({ status: OK, length: 8 });
      expect(readAlarm(UTC)).toMatchObject({ alarm_time: NOW + 100n, flags: 1 });
      utc.set(NOW + 99n);
      expect(rung()).toEqual([]);
      const interrupts = rig.interrupts;
      utc.set(NOW + 100n);
      expect(rung()).toEqual([UTC]);
      expect(rig.interrupts).toBe(interrupts + 1);
      utc.set(NOW + 200n);
      expect(rung()).toEqual([]);
      utc.set(NOW);
      utc.set(NOW + 1000n);
      expect(rung()).toEqual([UTC]);
      expect(readAlarm(UTC)).toMatchObject({ alarm_time: NOW + 100n, flags: 1 });
    });

    test('expires at once when its time is not in the future, by SET_ALARM and by SET_ALARM_ENABLED', () => {
      const { setAlarm, enable, listen, rung } = setUp();
      listen(4);
      setAlarm(UTC, NOW);
      expect(rung()).toEqual([UTC]);
      setAlarm(UTC, NOW - 1n, 0);
      expect(rung()).toEqual([]);
      enable(UTC, 1);
      expect(rung()).toEqual([UTC]);
    });

    test('SET_ALARM_ENABLED keeps the time', () => {
      const { utc, setAlarm, enable, readAlarm, listen, rung } = setUp();
      listen(2);
      setAlarm(UTC, NOW + 5n, 0);
      utc.set(NOW + 4n);
      expect(enable(UTC, 1)).toMatchObject({ status: OK, length: 8 });
      expect(readAlarm(UTC)).toMatchObject({ alarm_time: NOW + 5n, flags: 1 });
      enable(UTC, 0);
      utc.set(NOW + 6n);
      expect(rung()).toEqual([]);
      expect(utc.watchers.size).toBe(0);
    });

    test('one alarm per clock', () => {
      const { utc, monotonic, setAlarm, listen, rung } = setUp();
      listen(4);
      setAlarm(UTC, NOW + 5n);
      setAlarm(MONOTONIC, NOW + 7n);
      setAlarm(UTC, NOW + 9n);
      utc.set(NOW + 8n);
      monotonic.set(NOW + 8n);
      expect(rung()).toEqual([MONOTONIC]);
      utc.set(NOW + 9n);
      expect(rung()).toEqual([UTC]);
      expect(setAlarm(TAI, NOW + 1n).status).toBe(EOPNOTSUPP);
      expect(setAlarm(3, NOW + 1n).status).toBe(ENODEV);
    });

    test('G31 without a buffer it is told as soon as there is one, once; not when it was disabled or set meanwhile', () => {
      const { utc, setAlarm, enable, listen, rung } = setUp();
      setAlarm(UTC, NOW + 1n);
      utc.set(NOW + 1n);
      utc.set(NOW);
      utc.set(NOW + 2n);
      listen(2);
      expect(rung()).toEqual([UTC]);
      // One buffer is left: it is used up, and then there is none.
      setAlarm(UTC, NOW);
      expect(rung()).toEqual([UTC]);
      setAlarm(UTC, NOW);
      enable(UTC, 0);
      setAlarm(MONOTONIC, NOW);
      setAlarm(MONOTONIC, NOW + 50n);
      listen(2);
      expect(rung()).toEqual([]);
    });

    test('a reset forgets alarms and what they had to tell', () => {
      const { utc, setAlarm, readAlarm, listen, rung, rig } = setUp();
      setAlarm(UTC, NOW);
      rig.reset();
      expect(utc.watchers.size).toBe(0);
      rig.activate();
      listen();
      expect(rung()).toEqual([]);
      expect(readAlarm(UTC)).toMatchObject({ alarm_time: 0n, flags: 0 });
    });

    test('all times are supported', () => {
      const { setAlarm, readAlarm } = setUp();
      for (const time of [0n, 1n, 2n ** 63n, 2n ** 64n - 1n]) {
        expect(setAlarm(UTC, time).status).toBe(OK);
        expect(readAlarm(UTC)).toMatchObject({ alarm_time: time });
      }
    });

    test.each([2, 3, 0x80, 0xff])('flags %i are not allowed', (flags) => {
      const { setAlarm, enable, readAlarm } = setUp();
      expect(setAlarm(UTC, 1n, flags).status).toBe(EINVAL);
      expect(enable(UTC, flags).status).toBe(EINVAL);
      expect(readAlarm(UTC)).toMatchObject({ alarm_time: 0n, flags: 0 });
    });

    test('G32: a buffer too short for a notification is a fault of the guest', () => {
      const { setAlarm, listen } = setUp();
      listen(1, 15);
      expect(() => setAlarm(UTC, NOW)).toThrow(GuestFault);
    });
  });

  describe('"Device Operation", device requirements', () => {
    const head = (type: number, ...more: number[]) => Uint8Array.of(type & 0xff, type >> 8, 0, 0, 0, 0, 0, 0, ...more);
    const READ = head(rtc.VIRTIO_RTC_REQ_READ, 0, 0, 0, 0, 0, 0, 0, 0);
    const refused = (status: number) => Uint8Array.of(status, 0, 0, 0, 0, 0, 0, 0);

    test.each([0, 3, 0xfff, 0x1006, 0x2000, 0xffff])('message type %i is unknown', (type) => {
      const { rig } = setUp();
      expect(rig.send(REQUEST, { readable: [head(type)], writable: [64] })).toEqual(refused(EOPNOTSUPP));
    });

    test('G32: a request that is cut short, without a head, or missing, is invalid', () => {
      const { rig } = setUp();
      for (const length of [15, 9, 8, 7, 1]) {
        expect(rig.send(REQUEST, { readable: [READ.subarray(0, length)], writable: [16] })).toEqual(refused(EINVAL));
      }
      expect(rig.send(REQUEST, { writable: [16] })).toEqual(refused(EINVAL));
    });

    test('G32: a response that does not fit is EINVAL, as much of it as fits', () => {
      const { rig } = setUp();
      expect(rig.send(REQUEST, { readable: [READ], writable: [15] })).toEqual(refused(EINVAL));
      expect(rig.send(REQUEST, { readable: [READ], writable: [3] })).toEqual(refused(EINVAL).subarray(0, 3));
      expect(rig.send(REQUEST, { readable: [READ] })).toHaveLength(0);
    });

    test('more room and more bytes than needed are ignored', () => {
      const { rig } = setUp();
      const written = rig.send(REQUEST, { readable: [READ, new Uint8Array(500).fill(9)], writable: [500] });
      expect(written).toHaveLength(16);
      expect(unpack(rtc.virtio_rtc_resp_read, written!)).toMatchObject({ 'head.status': OK, clock_reading: NOW });
    });

    test('reserved fields that are not zero mean something that this device does not know', () => {
      const { rig } = setUp();
      for (const at of [2, 7, 10, 15]) {
        const bytes = READ.slice();
        bytes[at] = 1;
        expect(rig.send(REQUEST, { readable: [bytes], writable: [16] })).toEqual(refused(EINVAL));
      }
    });

    test('requests are answered in their order', () => {
      const { rig, utc } = setUp();
      const driver = rig.drivers[REQUEST]!;
      const ids = [1, 2, 3].map(() => driver.add({ readable: [READ], writable: [16] }).id);
      utc.set(NOW + 9n);
      driver.kick();
      rig.notify(REQUEST);
      expect(ids.map(() => driver.take()?.id)).toEqual(ids);
    });

    test('G32: random requests are all answered', () => {
      const { below, seed } = random();
      const { rig, listen } = setUp();
      listen(8);
      for (let round = 0; round < 3000; round++) {
        const mark = rig.ram.mark;
        const type = [0x0001, 0x0002, 0x1000, 0x1001, 0x1002, 0x1003, 0x1004, 0x1005, below(0x10000)][below(9)]!;
        const bytes = head(type, ...Array.from({ length: below(20) }, () => below(3) * below(256)));
        const room = below(30);
        const written = rig.send(REQUEST, { readable: [bytes], writable: [room] });
        expect(written?.length, `seed ${seed}`).toBeLessThanOrEqual(room);
        // Buffers for alarms that rang go back, as a driver does it.
        if (rig.drivers[ALARM]!.take()) listen();
        else rig.ram.release(mark);
      }
    });
  });
});

describe('a state that is saved', () => {
  const elsewhere = (from: ReturnType<typeof setUp>, now = NOW) => {
    const state = from.device.saveState();
    const to = setUp();
    to.utc.set(now);
    to.device.reset();
    to.device.loadState(state);
    to.rig.activate();
    return to;
  };

  test('alarms are the same elsewhere: what is ahead rings when it is time', () => {
    const here = setUp();
    here.setAlarm(UTC, NOW + 10n);
    here.setAlarm(MONOTONIC, NOW + 20n, 0);
    const there = elsewhere(here);
    expect(there.readAlarm(UTC)).toMatchObject({ alarm_time: NOW + 10n, flags: 1 });
    expect(there.readAlarm(MONOTONIC)).toMatchObject({ alarm_time: NOW + 20n, flags: 0 });
    there.listen(2);
    expect(there.rung()).toEqual([]);
    there.utc.set(NOW + 10n);
    expect(there.rung()).toEqual([UTC]);
  });

  test('what came to its time meanwhile rings, and what the driver was not told of', () => {
    const late = setUp();
    late.setAlarm(UTC, NOW + 10n);
    const there = elsewhere(late, NOW + 50n);
    there.listen();
    expect(there.rung()).toEqual([UTC]);
    const untold = setUp();
    untold.setAlarm(UTC, NOW);
    const next = elsewhere(untold);
    next.listen();
    expect(next.rung()).toEqual([UTC]);
  });

  test('what has rung does not ring again', () => {
    const here = setUp();
    here.listen();
    here.setAlarm(UTC, NOW);
    expect(here.rung()).toEqual([UTC]);
    const there = elsewhere(here);
    there.listen();
    expect(there.rung()).toEqual([]);
    expect(there.readAlarm(UTC)).toMatchObject({ alarm_time: NOW, flags: 1 });
  });

  test.each([0, 15, 31, 33])('%i bytes are none of its', (size) => {
    const { device } = setUp();
    device.reset();
    expect(() => device.loadState(new Uint8Array(size))).toThrow('the state of 2 alarms has 32 bytes');
  });
});
