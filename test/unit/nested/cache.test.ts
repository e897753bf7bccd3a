/** src/nested/cache.ts: an entry is whole or not there. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cacheDirectory, cached } from '../../../src/nested/cache.ts';

let home: string;
let builds: number;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'orko-cache-'));
  vi.stubEnv('XDG_CACHE_HOME', home);
  builds = 0;
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const build = async (directory: string) => {
  builds++;
  writeFileSync(join(directory, 'file'), `build ${builds}`);
};

test('cached: builds once for the same inputs, again for others', async () => {
  const first = await cached('thing', ['a'], build);
  const second = await cached('thing', ['a'], build);
  const other = await cached('thing', ['b'], build);

  expect(second).toBe(first);
  expect(other).not.toBe(first);
  expect(builds).toBe(2);
});

test('cached: a build that fails leaves nothing', async () => {
  const failing = cached('thing', [], async (directory) => {
    await build(directory);
    throw new Error('cut off');
  });

  await expect(failing).rejects.toThrow('cut off');
  expect(readdirSync(cacheDirectory())).toEqual([]);
});

test('cached: an entry whose file was cut short is built again', async () => {
  const entry = await cached('thing', [], build);
  truncateSync(join(entry, 'file'), 3);

  await cached('thing', [], build);

  expect(readFileSync(join(entry, 'file'), 'utf8')).toBe('build 2');
});

test('cached: an entry that does not work is built again', async () => {
  const entry = await cached('thing', [], build);
  const works = async (directory: string) => readFileSync(join(directory, 'file'), 'utf8') !== 'build 1';

  expect(await cached('thing', [], build, works)).toBe(entry);
  await cached('thing', [], build, works);

  expect(builds).toBe(2);
});

test('cached: two builders at once build one', async () => {
  const slowly = async (directory: string) => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    await build(directory);
  };

  const [first, second] = await Promise.all([cached('thing', [], slowly), cached('thing', [], slowly)]);

  expect(first).toBe(second);
  expect(builds).toBe(1);
});

test('cached: the lock of a builder that is gone is taken over', async () => {
  const entry = await cached('thing', [], build);
  rmSync(entry, { recursive: true });
  const pidOfNobody = 2 ** 22 + 1;
  writeFileSync(`${entry}.lock`, `${pidOfNobody}`);

  await cached('thing', [], build);

  expect(builds).toBe(2);
});

test('cached: a full disk is a sentence that names the cache', async () => {
  const full = cached('thing', [], async () => {
    throw Object.assign(new Error('write'), { code: 'ENOSPC' });
  });

  await expect(full).rejects.toThrow(
    `Cannot make thing: the disk of ${home}/orko-vmm is full: free some space or set XDG_CACHE_HOME`,
  );
});
