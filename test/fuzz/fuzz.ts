/**
 * `make fuzz`: runs every fuzz target (TARGET-target.ts beside this file), or those that are named, until each was executed
 * ORKO_FUZZ_RUNS times (10 million unless it says otherwise). What they found interesting is kept in out/fuzz and is where the
 * next run begins; an input that breaks a target is written there, and named at the end.
 *
 *   node test/fuzz/fuzz.ts [TARGET…]
 *   node test/fuzz/fuzz.ts TARGET FILE       runs one input once, without the fuzzer: with a debugger, for one
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { fuzzerCommand } from './fuzzer.ts';

const OUT = join(import.meta.dirname, '../../out/fuzz');
const RUNS_DEFAULT = 10_000_000;
/** Longer programs find nothing that two short ones do not, and take their time. */
const INPUT_BYTES_MAX = 512;
/** One input that takes longer is a finding: work has to be bounded. */
const INPUT_TIMEOUT_MS = 2_000;

const known = readdirSync(import.meta.dirname).flatMap((name) => /^(.+)-target\.ts$/.exec(name)?.[1] ?? []);
const [first = '', input = ''] = process.argv.slice(2);
if (known.includes(first) && input !== '' && !known.includes(input)) await replay(first, input);
else await fuzzAll(process.argv.length > 2 ? process.argv.slice(2) : known);

async function fuzzAll(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    process.stderr.write(`There is no fuzz target ${unknown}: there are ${known.join(', ')}\n`);
    process.exit(2);
  }
  const fuzzer = await fuzzerCommand();
  for (const name of names) {
    const status = await fuzz(name, fuzzer);
    if (status !== 0) process.exit(status);
  }
}

async function fuzz(name: string, [program, ...words]: readonly string[]): Promise<number> {
  const corpus = join(OUT, `corpus-${name}`);
  await mkdir(corpus, { recursive: true });
  const options = [
    `-runs=${process.env['ORKO_FUZZ_RUNS'] ?? RUNS_DEFAULT}`,
    `-max_len=${INPUT_BYTES_MAX}`,
    `-artifact_prefix=${join(OUT, `${name}-`)}`,
    '-print_final_stats=1',
  ];
  // The fuzzer's own detectors look for shell commands and paths, which no target has.
  const settings = ['--sync', '--timeout', String(INPUT_TIMEOUT_MS), '--disableBugDetectors', '.*'];
  const args = [...words, await bundle(name), corpus, ...settings, '--', ...options];
  const child = spawn(program!, args, { cwd: OUT, stdio: 'inherit' });
  // It does not end by the other signals; what a terminal sends reaches it by itself.
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => child.kill('SIGINT'));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

/** One CommonJS file: that is what the fuzzer instruments. */
async function bundle(name: string): Promise<string> {
  const outfile = join(OUT, `${name}.cjs`);
  const entry = join(import.meta.dirname, `${name}-target.ts`);
  await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'cjs', target: 'node24' });
  return outfile;
}

async function replay(name: string, file: string): Promise<void> {
  const target = (await import(`./${name}-target.ts`)) as { fuzz(data: Uint8Array): void };
  Error.stackTraceLimit = 50;
  target.fuzz(await readFile(file));
  process.stdout.write(`${name}: nothing wrong with ${file}\n`);
}
