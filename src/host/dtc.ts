/** The device tree compiler, where it is installed: the only thing of a `.dts` that we do not do ourselves. */
import { spawnSync } from 'node:child_process';
import { ConfigError } from '../base/errors.ts';

/** Compiles an overlay's source to a `.dtbo`; a ConfigError says what dtc said. */
export function compileDts(path: string, keyPath: string): Uint8Array {
  const dtc = spawnSync('dtc', ['-@', '-I', 'dts', '-O', 'dtb', '-o', '-', path], { maxBuffer: 64 * 1024 * 1024 });
  if ((dtc.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    throw new ConfigError(
      `Cannot compile ${path}: dtc is not installed here: install it (Debian: device-tree-compiler), or compile the file elsewhere with \`dtc -@ -O dtb\` and name the .dtbo`,
      { keyPath },
    );
  }
  if (dtc.error) throw new ConfigError(`Cannot compile ${path}: ${dtc.error.message}`, { keyPath });
  if (dtc.status !== 0) {
    const said = dtc.stderr.toString().trim().split('\n').slice(0, 3).join('; ');
    throw new ConfigError(`Cannot compile ${path}: dtc refuses it: ${said}`, { keyPath });
  }
  return dtc.stdout;
}

/** The version of dtc (`1.6.1`), undefined where it is not installed. */
export function dtcVersion(): string | undefined {
  const { status, stdout } = spawnSync('dtc', ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim().replace(/^Version: (DTC )?v?/, '') : undefined;
}
