import { expect, test } from 'vitest';
import { editDistance, nearest } from '../../../src/config/suggest.ts';

test.each([
  ['', '', 0],
  ['', 'abc', 3],
  ['memory', 'memory', 0],
  ['memroy', 'memory', 1],
  ['memry', 'memory', 1],
  ['kitten', 'sitting', 3],
])('editDistance: %j and %j differ by %i', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});

test('nearest: takes the nearest word, and none when all are far', () => {
  expect(nearest('Memroy', ['name', 'memory', 'kernel'])).toBe('memory');
  expect(nearest('pn', ['pin', 'pmu'])).toBe('pin');
  expect(nearest('turbo', ['count', 'pin'])).toBeUndefined();
  expect(nearest('x', [])).toBeUndefined();
});
