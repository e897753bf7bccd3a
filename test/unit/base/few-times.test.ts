import { expect, test } from 'vitest';
import { FewTimes } from '../../../src/base/few-times.ts';

test('FewTimes: says so many, and with the last that it is the last', () => {
  const said: string[] = [];
  const few = new FewTimes(2, (message) => void said.push(message), '; and no more');
  for (const message of ['one', 'two', 'three']) few.say(message);
  expect(said).toEqual(['one', 'two; and no more']);
});
