/** The C compiler for arm64: the machine's own on arm64, Debian's cross compiler elsewhere. */
import { command } from '../src/nested/command.ts';

const IS_NATIVE = process.arch === 'arm64';
const PREFIX = IS_NATIVE ? '' : 'aarch64-linux-gnu-';
const REMEDY = IS_NATIVE
  ? 'install gcc, binutils and libc6-dev'
  : 'install gcc-aarch64-linux-gnu and libc6-dev-arm64-cross';

export interface Toolchain {
  /** What CROSS_COMPILE takes. */
  readonly prefix: string;
  /** First line of `gcc --version`: part of every key. */
  readonly version: string;
  compile(args: readonly string[], cwd: string): Promise<void>;
  objcopy(args: readonly string[], cwd: string): Promise<void>;
}

export async function findToolchain(): Promise<Toolchain> {
  const gcc = `${PREFIX}gcc`;
  const text = await command('compile for arm64', gcc, ['--version'], { remedy: REMEDY });
  return {
    prefix: PREFIX,
    version: text.split('\n')[0] ?? '',
    compile: async (args, cwd) => void (await command('compile a guest program', gcc, args, { cwd })),
    objcopy: async (args, cwd) => void (await command('convert a guest program', `${PREFIX}objcopy`, args, { cwd })),
  };
}
