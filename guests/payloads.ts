/** Builds guests/bare-metal: every `NAME.c` there with the shared runtime becomes the raw binary `NAME.bin`. */
import { basename, join } from 'node:path';
import type { Recipe } from './artifact.ts';
import { checksumOf, GUESTS, sourcesBelow } from './sources.ts';
import { findToolchain } from './toolchain.ts';

/**
 * Integer registers only (floating point is off at reset), no library, no atomics by library call; a stack protector or
 * unwind tables would want symbols that are not there. Position-independent, so a moved RAM base does no harm.
 */
const FLAGS = [
  ...['-O2', '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-ffreestanding', '-fpie', '-mgeneral-regs-only'],
  ...['-mno-outline-atomics', '-fno-stack-protector', '-fno-asynchronous-unwind-tables', '-nostdlib', '-static'],
  // What a payload does not use of the shared runtime is left out of it.
  ...['-ffunction-sections', '-fdata-sections', '-Wl,--gc-sections'],
  '-Wl,--build-id=none,-z,max-page-size=4096',
];

export const payloads: Recipe = {
  name: 'payloads',
  spaceBytes: 20e6,

  async inputs() {
    const { version } = await findToolchain();
    return { compiler: version, flags: FLAGS.join(' '), sources: await checksumOf(await sourcesBelow('bare-metal')) };
  },

  async make(directory, scratch) {
    const toolchain = await findToolchain();
    const sources = await sourcesBelow('bare-metal');
    const runtime = join(GUESTS, 'bare-metal/runtime');
    const script = join(scratch, 'payload.ld');
    await toolchain.compile(
      ['-E', '-P', '-x', 'c', `-I${runtime}`, join(runtime, 'payload.ld.in'), '-o', script],
      scratch,
    );

    const isShared = (path: string) => path.startsWith(`${runtime}/`);
    const shared = sources.filter((path) => isShared(path) && /\.[cS]$/.test(path));
    for (const source of sources.filter((path) => !isShared(path) && path.endsWith('.c'))) {
      const name = basename(source, '.c');
      const elf = join(scratch, `${name}.elf`);
      const define = `-DPAYLOAD_NAME="${name}"`;
      await toolchain.compile([...FLAGS, define, `-Wl,-T,${script}`, ...shared, source, '-o', elf], scratch);
      await toolchain.objcopy(['-O', 'binary', elf, join(directory, `${name}.bin`)], scratch);
    }
  },
};
