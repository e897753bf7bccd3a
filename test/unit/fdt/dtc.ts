/** The real dtc and fdtoverlay, as judges of what src/fdt makes. Tests that need them skip with `dtcMissing` as the reason. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const dtcMissing: string | undefined =
  spawnSync('dtc', ['--version']).status === 0 && spawnSync('fdtoverlay', ['--version']).status === 0
    ? undefined
    : 'dtc or fdtoverlay is not installed (Debian package device-tree-compiler)';

interface Result {
  readonly output: Uint8Array;
  /** What was printed beside it: warnings, errors. */
  readonly messages: string;
}

/** Compiles .dts text. `flags` such as -@; warnings about the source's own style are left to the caller's taste (-q). */
export function compile(source: string, ...flags: string[]): Result {
  return run('dtc', ['-I', 'dts', '-O', 'dtb', ...flags], source);
}

/** A blob as .dts text, nodes and properties sorted with `-s` among the flags. */
export function decompile(blob: Uint8Array, ...flags: string[]): { text: string; messages: string } {
  const { output, messages } = run('dtc', ['-I', 'dtb', '-O', 'dts', ...flags], blob);
  return { text: new TextDecoder().decode(output), messages };
}

export function fdtoverlay(base: Uint8Array, ...overlays: readonly Uint8Array[]): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'orko-fdt-'));
  try {
    const files = [base, ...overlays].map((blob, index) => {
      const file = join(folder, `${index}.dtb`);
      writeFileSync(file, blob);
      return file;
    });
    const result = join(folder, 'result.dtb');
    run('fdtoverlay', ['-i', files[0]!, '-o', result, ...files.slice(1)], '');
    return readFileSync(result);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(program: string, args: readonly string[], input: string | Uint8Array): Result {
  const { status, stdout, stderr } = spawnSync(program, args, { input });
  const messages = stderr.toString();
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${messages}`);
  return { output: stdout, messages };
}
