/**
 * The short form of `make fuzz`: every target on random bytes, without a fuzzer's guidance, and on what fuzzers found before
 * (test/fuzz/found/TARGET-*).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { random } from '../../support/random.ts';

const FUZZ = join(import.meta.dirname, '../../fuzz');
const FOUND = join(FUZZ, 'found');
/** About a second each; the machine may be busy with something else. */
const RUNS: Readonly<Record<string, number>> = { ring: 4_000, device: 800 };
const TIMEOUT_MS = 60_000;
const INPUT_BYTES_MAX = 400;

const targets = readdirSync(FUZZ).flatMap((name) => /^(.+)-target\.ts$/.exec(name)?.[1] ?? []);
const found = existsSync(FOUND) ? readdirSync(FOUND) : [];

describe.each(targets)('fuzz target %s', (target) => {
  test('random inputs', { timeout: TIMEOUT_MS }, async () => {
    const fuzz = await load(target);
    const dice = random();
    for (let run = 0; run < RUNS[target]!; run++) {
      const input = Uint8Array.from({ length: 1 + dice.below(INPUT_BYTES_MAX) }, () => dice.below(256));
      attempt(fuzz, input, `seed ${dice.seed}, run ${run}`);
    }
  });

  test('what was found before', async () => {
    const fuzz = await load(target);
    for (const name of found.filter((file) => file.startsWith(`${target}-`))) {
      attempt(fuzz, readFileSync(join(FOUND, name)), name);
    }
  });
});

async function load(target: string): Promise<(data: Uint8Array) => void> {
  const module = (await import(join(FUZZ, `${target}-target.ts`))) as { fuzz(data: Uint8Array): void };
  Error.stackTraceLimit = 10;
  return module.fuzz;
}

function attempt(fuzz: (data: Uint8Array) => void, input: Uint8Array, which: string): void {
  try {
    fuzz(input);
  } catch (error) {
    expect.fail(`${which}: ${(error as Error).stack}`);
  }
}
