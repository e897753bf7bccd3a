import { expect, test } from 'vitest';
import { Pl061, Reg } from '../../../src/devices/pl061.ts';
import { POWER_KEY_LINE, PowerKey } from '../../../src/devices/power-key.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeLine } from '../../support/fake-line.ts';

/** A guest that, as gpio-keys does, takes an interrupt on both edges of the pin. */
function setUp() {
  const clock = new FakeClock();
  const line = new FakeLine();
  const gpio = new Pl061(line);
  gpio.write(Reg.IBE, 4, 1 << POWER_KEY_LINE);
  gpio.write(Reg.IE, 4, 1 << POWER_KEY_LINE);
  const isDown = () => gpio.read(Reg.DATA + 4 * (1 << POWER_KEY_LINE), 4) !== 0;
  return { clock, line, gpio, isDown, key: new PowerKey(gpio, clock) };
}

test('PowerKey.press: down for a second, with an interrupt at either end', () => {
  const { clock, line, gpio, isDown, key } = setUp();
  key.press();
  expect([isDown(), line.level]).toEqual([true, true]);
  gpio.write(Reg.IC, 4, 1 << POWER_KEY_LINE);
  clock.advanceMs(999);
  expect([isDown(), line.level]).toEqual([true, false]);
  clock.advanceMs(1);
  expect([isDown(), line.level]).toEqual([false, true]);
});

test('PowerKey.press: again while down changes nothing, again afterwards is a second press', () => {
  const { clock, gpio, line, isDown, key } = setUp();
  key.press();
  clock.advanceMs(600);
  key.press();
  clock.advanceMs(400);
  expect(isDown()).toBe(false);
  gpio.write(Reg.IC, 4, 0xff);
  key.press();
  expect([isDown(), line.edges]).toEqual([true, 2]);
});

test('PowerKey.release: up at once, and no timer is left', () => {
  const { clock, isDown, key } = setUp();
  key.press();
  key.release();
  expect([isDown(), clock.pending]).toEqual([false, 0]);
});
