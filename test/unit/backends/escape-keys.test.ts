import { expect, test } from 'vitest';
import { type EscapeKey, EscapeKeys } from '../../../src/backends/escape-keys.ts';

function type(...pieces: string[]): { passed: string; pressed: EscapeKey[] } {
  const pressed: EscapeKey[] = [];
  const keys = new EscapeKeys((key) => pressed.push(key));
  const passed = pieces.map((piece) => Buffer.from(keys.filter(Buffer.from(piece))).toString()).join('');
  return { passed, pressed };
}

test('filter: what is no escape passes', () => {
  expect(type('ls -l\r', '\x03\x1a\x02')).toEqual({ passed: 'ls -l\r\x03\x1a\x02', pressed: [] });
});

test('filter: Ctrl-A and a letter are for us, also when they come apart', () => {
  expect(type('one\x01xtwo')).toEqual({ passed: 'onetwo', pressed: ['quit'] });
  expect(type('\x01', 'p', 'z')).toEqual({ passed: 'z', pressed: ['powerkey'] });
  expect(type('\x01h\x01?\x01X')).toEqual({ passed: '', pressed: ['help', 'help', 'quit'] });
});

test('filter: Ctrl-A twice, or Ctrl-A a, is one Ctrl-A for the guest', () => {
  expect(type('\x01\x01x')).toEqual({ passed: '\x01x', pressed: [] });
  expect(type('\x01', 'a')).toEqual({ passed: '\x01', pressed: [] });
});

test('filter: Ctrl-A and another key go to the guest together', () => {
  expect(type('\x01', '\x1b[D')).toEqual({ passed: '\x01\x1b[D', pressed: [] });
});
