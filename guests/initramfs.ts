/** Builds the guests' initramfs: guests/linux/agent as /init, Debian's static busybox, and a console to open first. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CpioEntry, encodeCpio } from '../src/nested/cpio.ts';
import { AptRoot, extractDeb } from './apt.ts';
import type { Recipe } from './artifact.ts';
import { checksumOf, GUESTS, sourcesBelow } from './sources.ts';
import { findToolchain } from './toolchain.ts';

const FLAGS = ['-static', '-Os', '-s', '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-pthread'];
const DIRECTORIES = ['bin', 'dev', 'etc', 'mnt', 'proc', 'root', 'sys', 'tmp'];

export const initramfs: Recipe = {
  name: 'initramfs',
  spaceBytes: 30e6,

  async inputs() {
    const [toolchain, busybox] = await Promise.all([findToolchain(), findBusybox()]);
    const generator = ['initramfs.ts', '../src/nested/cpio.ts'].map((file) => join(GUESTS, file));
    return {
      compiler: toolchain.version,
      busybox: busybox.sha256,
      sources: await checksumOf([...(await sourcesBelow('linux/agent')), ...generator]),
    };
  },

  async make(directory, scratch) {
    const toolchain = await findToolchain();
    const agent = join(scratch, 'agent');
    const sources = (await sourcesBelow('linux/agent')).filter((path) => path.endsWith('.c'));
    await toolchain.compile([...FLAGS, ...sources, '-o', agent], scratch);

    const apt = await AptRoot.open();
    const unpacked = join(scratch, 'unpacked');
    await extractDeb(await apt.download(await findBusybox(), scratch), unpacked);

    const entries: CpioEntry[] = [
      ...DIRECTORIES.map((path): CpioEntry => ({ kind: 'directory', path })),
      // Linux opens it for init before any devtmpfs is mounted (init/main.c, console_on_rootfs).
      { kind: 'character-device', path: 'dev/console', major: 5, minor: 1 },
      { kind: 'file', path: 'init', data: await readFile(agent), isExecutable: true },
      {
        kind: 'file',
        path: 'bin/busybox',
        data: await readFile(join(unpacked, 'usr/bin/busybox')),
        isExecutable: true,
      },
      { kind: 'symlink', path: 'bin/sh', target: 'busybox' },
    ];
    await writeFile(join(directory, 'initramfs.cpio'), encodeCpio(entries));
  },
};

async function findBusybox() {
  return (await AptRoot.open()).find('busybox-static', 'trixie');
}
