/** src/nested/shares.ts: what L1 sees of this machine, and what it is not shown. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sharedFolders } from '../../../src/nested/shares.ts';

let directory: string;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'orko-shares-')));
});
afterEach(() => rmSync(directory, { recursive: true }));

const read = (path: string, keyPath = 'kernel.image') => ({ path, access: 'read', keyPath }) as const;

test('sharedFolders: each folder once, of files to read and of files to make', async () => {
  writeFileSync(join(directory, 'Image'), '');
  writeFileSync(join(directory, 'initrd'), '');

  const folders = await sharedFolders([
    read(join(directory, 'Image')),
    read(join(directory, 'initrd'), 'kernel.initrd'),
    { path: join(directory, 'log'), access: 'create', keyPath: 'console' },
  ]);

  expect(folders).toEqual([directory]);
});

test('sharedFolders: follows a symbolic link, and keeps the folder where it stands', async () => {
  for (const name of ['here', 'there']) mkdirSync(join(directory, name));
  writeFileSync(join(directory, 'there/Image'), '');
  symlinkSync('../there/Image', join(directory, 'here/Image'));

  const folders = await sharedFolders([read(join(directory, 'here/Image'))]);

  expect(folders.sort()).toEqual([join(directory, 'here'), join(directory, 'there')]);
});

describe('sharedFolders: refuses by name', () => {
  test.each(['/dev/vda', '/proc/config.gz', '/sys/firmware/fdt'])(
    '%s, which is the kernel of this machine',
    async (path) => {
      await expect(sharedFolders([read(path)])).rejects.toMatchObject({
        message: expect.stringContaining(`Cannot share ${path} with the nested machine`),
        keyPath: 'kernel.image',
      });
    },
  );

  test.each(['/vmlinuz', '/etc/kernel.img', '/usr/bin/Image'])('%s, which lies where L1 has its own', async (path) => {
    await expect(sharedFolders([read(path)])).rejects.toThrow('move the file to a folder of yours');
  });

  test('a socket that a process of this machine listens on', async () => {
    const path = join(directory, 'socket');
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      await expect(sharedFolders([read(path)])).rejects.toThrow('a process of this machine listens on it');
    } finally {
      server.close();
    }
  });
});
