/**
 * Debian's iperf3 with the libraries it needs, as an archive to be appended to the initramfs: `cat initramfs.cpio iperf3.cpio`
 * is an initramfs too (Documentation/driver-api/early-userspace/buffer-format.rst).
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CpioEntry, encodeCpio } from '../src/nested/cpio.ts';
import { AptRoot, extractDeb } from './apt.ts';
import type { Recipe } from './artifact.ts';
import { checksumOf, GUESTS } from './sources.ts';

const SUITE = 'trixie';
const LIBRARIES = 'usr/lib/aarch64-linux-gnu';
/** Each package, and what of it the program loads: what `readelf -d` says is needed, from the program on. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  iperf3: ['usr/bin/iperf3'],
  libiperf0: [`${LIBRARIES}/libiperf.so.0`],
  libssl3t64: [`${LIBRARIES}/libcrypto.so.3`],
  libsctp1: [`${LIBRARIES}/libsctp.so.1`],
  zlib1g: [`${LIBRARIES}/libz.so.1`],
  libzstd1: [`${LIBRARIES}/libzstd.so.1`],
  libc6: [`${LIBRARIES}/libc.so.6`, 'usr/lib/ld-linux-aarch64.so.1'],
};
/** The program's interpreter is below /lib, which the initramfs has not. */
const LINKS: readonly CpioEntry[] = [{ kind: 'symlink', path: 'lib', target: 'usr/lib' }];

export const iperf3: Recipe = {
  name: 'iperf3',
  spaceBytes: 60e6,

  async inputs() {
    const packages = await Promise.all(Object.keys(FILES).map(find));
    const generator = ['iperf3.ts', '../src/nested/cpio.ts'].map((file) => join(GUESTS, file));
    return {
      ...Object.fromEntries(packages.map(({ name, sha256 }) => [name, sha256])),
      generator: await checksumOf(generator),
    };
  },

  async make(directory, scratch) {
    const apt = await AptRoot.open();
    const unpacked = join(scratch, 'unpacked');
    for (const name of Object.keys(FILES)) await extractDeb(await apt.download(await find(name), scratch), unpacked);
    const directories = ['usr', 'usr/bin', 'usr/lib', LIBRARIES].map(
      (path): CpioEntry => ({ kind: 'directory', path }),
    );
    const files = Object.values(FILES)
      .flat()
      .map(async (path): Promise<CpioEntry> => {
        return { kind: 'file', path, data: await readFile(join(unpacked, path)), isExecutable: true };
      });
    const entries = [...directories, ...LINKS, ...(await Promise.all(files))];
    await writeFile(join(directory, 'iperf3.cpio'), encodeCpio(entries));
  },
};

async function find(name: string) {
  return (await AptRoot.open()).find(name, SUITE);
}
