/** A root file system for Linux guests: what the initramfs holds, as an ext4 image. mke2fs makes it without being root. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const INITRAMFS = join(import.meta.dirname, '../../out/guests/initramfs.cpio');
/** "newc" headers: a magic number and 13 fields of 8 hexadecimal digits; which of them (buffer-format.rst). */
const HEADER_BYTES = 110;
const Field = { MODE: 1, SIZE: 6, NAME_BYTES: 11 } as const;
/** Of st_mode (inode(7)). */
const Kind = { MASK: 0o170000, DIRECTORY: 0o040000, FILE: 0o100000, LINK: 0o120000 } as const;

export async function makeRootImage(path: string, mebibytes: number): Promise<void> {
  const tree = await mkdtemp(join(tmpdir(), 'orko-root-'));
  try {
    for (const { name, mode, data } of entriesOf(await readFile(INITRAMFS))) {
      const target = join(tree, name);
      const kind = mode & Kind.MASK;
      if (kind === Kind.DIRECTORY) await mkdir(target, { recursive: true });
      else if (kind === Kind.LINK) await symlink(data.toString(), target);
      else if (kind === Kind.FILE) await writeFile(target, data, { mode: mode & 0o777 });
    }
    await rm(path, { force: true });
    await run('mke2fs', ['-q', '-t', 'ext4', '-d', tree, path, `${mebibytes}M`]);
    // Only root may make device nodes, but anybody may write them into an image.
    const commands = join(tree, 'commands');
    await writeFile(commands, 'cd /dev\nmknod console c 5 1\n');
    await run('debugfs', ['-w', '-f', commands, path]);
  } finally {
    await rm(tree, { recursive: true });
  }
}

function* entriesOf(archive: Buffer): Generator<{ name: string; mode: number; data: Buffer }> {
  const aligned = (offset: number) => Math.ceil(offset / 4) * 4;
  for (let at = 0; ; ) {
    const field = (index: number) =>
      Number.parseInt(archive.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const start = aligned(at + HEADER_BYTES + field(Field.NAME_BYTES));
    const name = archive.toString('utf8', at + HEADER_BYTES, at + HEADER_BYTES + field(Field.NAME_BYTES) - 1);
    if (name === 'TRAILER!!!') return;
    yield { name, mode: field(Field.MODE), data: archive.subarray(start, start + field(Field.SIZE)) };
    at = aligned(start + field(Field.SIZE));
  }
}
