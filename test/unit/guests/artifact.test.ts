import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { linkInto, obtain, type Recipe } from '../../../guests/artifact.ts';

let root: string;
let made: number;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'orko-artifact-'));
  vi.stubEnv('XDG_CACHE_HOME', root);
  made = 0;
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

function recipe(inputs: Record<string, string>, make?: Recipe['make']): Recipe {
  return {
    name: 'thing',
    spaceBytes: 0,
    inputs: async () => inputs,
    make:
      make ??
      (async (directory) => {
        made++;
        await writeFile(join(directory, 'file'), JSON.stringify(inputs));
      }),
  };
}

test('obtain: builds once for equal inputs and again for different ones', async () => {
  const first = await obtain(recipe({ version: '1' }));
  const second = await obtain(recipe({ version: '1' }));
  const other = await obtain(recipe({ version: '2' }));
  expect([first.isNew, second.isNew, other.isNew]).toEqual([true, false, true]);
  expect(second.directory).toBe(first.directory);
  expect(other.directory).not.toBe(first.directory);
  expect(made).toBe(2);
});

test('obtain: builds again what was damaged or lost', async () => {
  const { directory } = await obtain(recipe({ version: '1' }));
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await writeFile(join(directory, 'file'), 'cut o');
  expect((await obtain(recipe({ version: '1' }))).isNew).toBe(true);
  await rm(join(directory, 'file'));
  expect((await obtain(recipe({ version: '1' }))).isNew).toBe(true);
  stderr.mockRestore();
  expect(await readFile(join(directory, 'file'), 'utf8')).toBe('{"version":"1"}');
});

test('obtain: a build that fails leaves nothing behind', async () => {
  const failing = recipe({ version: '1' }, async (directory) => {
    await writeFile(join(directory, 'file'), 'half');
    throw new Error('cut off');
  });
  await expect(obtain(failing)).rejects.toThrow('cut off');
  expect(await readdir(join(root, 'orko-vmm/guests'))).toEqual([]);
});

test('obtain: what a killed build left is removed, what a running one works in is not', async () => {
  const parent = join(root, 'orko-vmm/guests');
  // Linux gives no process a number above 2^22 (proc_sys_kernel(5), pid_max).
  await mkdir(join(parent, '.4194305-abandoned'), { recursive: true });
  await mkdir(join(parent, `.${process.pid}-running`));
  await obtain(recipe({ version: '1' }));
  const left = (await readdir(parent)).filter((name) => name.startsWith('.'));
  expect(left).toEqual([`.${process.pid}-running`]);
});

test('obtain: a full disk is one sentence with what to do', async () => {
  const failing = recipe({ version: '1' }, async () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  });
  await expect(obtain(failing)).rejects.toThrow(
    /^Cannot build thing: no space is left in .*: free some, or set XDG_CACHE_HOME$/,
  );
});

test('obtain: too little room is told before anything is made', async () => {
  const huge = { ...recipe({ version: '1' }), spaceBytes: 1e18 };
  await expect(obtain(huge)).rejects.toThrow(
    /^Cannot build thing: it needs .* are free: free some, or set XDG_CACHE_HOME$/,
  );
  expect(made).toBe(0);
});

test('linkInto: the target is the cached file, and follows it to another version', async () => {
  const target = join(root, 'out/file');
  const first = await obtain(recipe({ version: '1' }));
  const second = await obtain(recipe({ version: '2' }));
  await linkInto(first.directory, 'file', target);
  await linkInto(second.directory, 'file', target);
  expect((await stat(target)).ino).toBe((await stat(join(second.directory, 'file'))).ino);
  expect(await readdir(join(root, 'out'))).toEqual(['file']);
});
