import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DirectoryWatch } from '../../../src/host/directory-watch.ts';
import { waitFor } from '../../../src/host/poll.ts';
import { TestFolder } from '../backends/streams.ts';

test('is readable once something appears in the folder, and not again until something else does', () => {
  using folder = new TestFolder();
  using watch = DirectoryWatch.on(folder.path);
  expect(waitFor(watch.number, 'readable', 0)).toBe(false);
  writeFileSync(folder.file('new'), '');
  expect(waitFor(watch.number, 'readable', 1_000)).toBe(true);
  watch.drain();
  expect(waitFor(watch.number, 'readable', 0)).toBe(false);
});

test('a folder that is not there is an error with its name', () => {
  expect(() => DirectoryWatch.on('/nonexistent')).toThrow('Cannot watch the folder /nonexistent: No such file');
});
