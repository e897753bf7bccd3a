import { describe, expect, test } from 'vitest';
import { CR_EN, Pl031, Reg, RTCINTR } from '../../../src/devices/pl031.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeLine } from '../../support/fake-line.ts';

const NOW = 1_800_000_000;

function setUp(now = NOW) {
  const clock = new FakeClock(now);
  const line = new FakeLine();
  const rtc = new Pl031(clock, line);
  const read = (register: number) => rtc.read(register, 4);
  const write = (register: number, value: number) => rtc.write(register, 4, value);
  return { clock, line, rtc, read, write };
}

describe('Pl031', () => {
  test('§3.3.1 RTCDR: is the host time, moves with it, and cannot be written', () => {
    const { clock, read, write } = setUp();
    expect(read(Reg.DR)).toBe(NOW);
    clock.advanceMs(1999);
    expect(read(Reg.DR)).toBe(NOW + 1);
    write(Reg.DR, 5);
    expect(read(Reg.DR)).toBe(NOW + 1);
  });

  test('§3.3.1 RTCDR: wraps at 32 bits', () => {
    const { clock, read } = setUp(2 ** 32 - 1);
    expect(read(Reg.DR)).toBe(0xffff_ffff);
    clock.advanceMs(2000);
    expect(read(Reg.DR)).toBe(1);
  });

  test('§3.3.3 RTCLR: sets the time, which goes on from there', () => {
    const { clock, read, write } = setUp();
    for (const time of [1000, 0, NOW + 1, 0xffff_fff0]) {
      write(Reg.LR, time);
      expect(read(Reg.LR)).toBe(time);
      expect(read(Reg.DR)).toBe(time);
      clock.advanceMs(10_000);
      expect(read(Reg.DR)).toBe(time + 10);
    }
  });

  test('§3.3.4 RTCCR: runs, and cannot be stopped', () => {
    const { read, write } = setUp();
    write(Reg.CR, 0);
    expect(read(Reg.CR)).toBe(CR_EN);
  });

  test('§3.3.2 RTCMR: the interrupt comes when the time reaches the match register, not before', () => {
    const { clock, line, read, write } = setUp();
    write(Reg.IMSC, RTCINTR);
    write(Reg.MR, NOW + 5);
    expect(read(Reg.MR)).toBe(NOW + 5);
    clock.advanceMs(4999);
    expect([read(Reg.RIS), line.level]).toEqual([0, false]);
    clock.advanceMs(1);
    expect([read(Reg.RIS), read(Reg.MIS), line.level]).toEqual([RTCINTR, RTCINTR, true]);
    expect(clock.pending).toBe(0);
  });

  test('§3.3.2 RTCMR: equal now fires now', () => {
    const { line, write } = setUp();
    write(Reg.IMSC, RTCINTR);
    write(Reg.MR, NOW);
    expect(line.level).toBe(true);
  });

  test('§3.3.2 RTCMR: a time in the past waits for the wrap, and a new one replaces the old', () => {
    const { clock, read, write } = setUp();
    write(Reg.MR, NOW + 2);
    write(Reg.MR, NOW - 1);
    clock.advanceMs(1_000_000);
    expect(read(Reg.RIS)).toBe(0);
    expect(clock.pending).toBe(1);
  });

  test('§3.3.3 RTCLR: the match is against the time as set', () => {
    const { clock, read, write } = setUp();
    write(Reg.MR, 105);
    write(Reg.LR, 100);
    clock.advanceMs(4000);
    expect(read(Reg.RIS)).toBe(0);
    clock.advanceMs(1000);
    expect(read(Reg.RIS)).toBe(RTCINTR);
  });

  test('alarm: one that fires early, because the host clock was set back, waits on', () => {
    const { clock, read, write } = setUp();
    write(Reg.MR, NOW + 10);
    clock.setBackBeforeAlarm(100, 10_000);
    expect(read(Reg.RIS)).toBe(0);
    clock.advanceMs(100_000);
    expect(read(Reg.RIS)).toBe(RTCINTR);
  });

  test('§3.3.5–8 mask and clear: raw status is not masked, the line is, and clearing lowers it', () => {
    const { line, read, write } = setUp();
    write(Reg.MR, NOW);
    expect([read(Reg.RIS), read(Reg.MIS), line.level]).toEqual([RTCINTR, 0, false]);
    write(Reg.IMSC, 0xffff_ffff);
    expect([read(Reg.IMSC), read(Reg.MIS), line.level]).toEqual([RTCINTR, RTCINTR, true]);
    write(Reg.ICR, 0);
    expect(line.level).toBe(true);
    write(Reg.ICR, RTCINTR);
    expect([read(Reg.RIS), read(Reg.MIS), line.level]).toEqual([0, 0, false]);
    expect(read(Reg.ICR)).toBe(0);
  });

  test('reset: host time, no alarm, line low', () => {
    const { clock, line, rtc, read, write } = setUp();
    write(Reg.IMSC, RTCINTR);
    write(Reg.LR, 77);
    write(Reg.MR, 77);
    write(Reg.MR, 100);
    rtc.reset();
    expect(line.level).toBe(false);
    expect(clock.pending).toBe(0);
    expect([Reg.MR, Reg.LR, Reg.IMSC, Reg.RIS, Reg.MIS].map(read)).toEqual([0, 0, 0, 0, 0]);
    expect(read(Reg.DR)).toBe(NOW);
  });

  test('dispose: leaves no alarm behind', () => {
    const { clock, rtc, write } = setUp();
    write(Reg.MR, NOW + 1);
    rtc[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });
});
