#!/usr/bin/env node
/** orko-vmm: runs the command line, turns an Error into a message and an exit code. The only `process.exit`. */
import { runCommandLine } from './cli/cli.ts';

const words = process.argv.slice(2);

// No top-level await: the installed form is CommonJS, which loads in half the time (docs/measurements.md).
process.on('uncaughtException', (error) => void fail(error).then(exit));
void runCommandLine(words).catch(fail).then(exit);

async function fail(error: unknown): Promise<number> {
  const [{ reportError }, { say }] = await Promise.all([import('./cli/report-error.ts'), import('./cli/output.ts')]);
  const verbose = words.includes('-v') || words.includes('--verbose');
  const { text, code } = reportError(error, { stack: verbose || process.env['ORKO_DEBUG'] === '1' });
  say(text);
  return code;
}

function exit(code: number): never {
  process.exit(code);
}
