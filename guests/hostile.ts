/** Builds guests/hostile: a vhost-user back-end for the Arm host of the tests, which is after memory that is not its own. */
import { join } from 'node:path';
import type { Recipe } from './artifact.ts';
import { checksumOf, GUESTS } from './sources.ts';
import { findToolchain } from './toolchain.ts';

const SOURCE = join(GUESTS, 'hostile/back-end.c');
const FLAGS = ['-O2', '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-static', '-Wl,--build-id=none'];

export const hostile: Recipe = {
  name: 'hostile',
  spaceBytes: 5e6,

  async inputs() {
    const { version } = await findToolchain();
    return { compiler: version, flags: FLAGS.join(' '), sources: await checksumOf([SOURCE]) };
  },

  async make(directory, scratch) {
    const toolchain = await findToolchain();
    await toolchain.compile([...FLAGS, SOURCE, '-o', join(directory, 'hostile-back-end')], scratch);
  },
};
