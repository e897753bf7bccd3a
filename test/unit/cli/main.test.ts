import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { setWords } from '../../../src/cli/complete.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
/** The Node that development runs with, whichever runs the tests. */
const NODE = resolve(ROOT, 'node_modules/.bin/node');

function orko(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(NODE, [resolve(ROOT, 'src/main.ts'), ...words], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('orko-vmm', () => {
  test('schema: prints JSON and ends with 0', () => {
    const { status, stdout, stderr } = orko('schema');
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout).title).toContain('orko-vmm');
  });

  test('--version: prints the version of the package', () => {
    expect(orko('--version')).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  test('--help: lists the commands and the exit codes', () => {
    const { status, stdout } = orko('--help');
    expect(status).toBe(0);
    expect(stdout).toMatch(/orko-vmm schema +Print the JSON Schema/);
    expect(stdout).toMatch(/ 65 {2}the config is wrong/);
  });

  test('COMMAND --help: has examples and exit codes', () => {
    const { status, stdout } = orko('schema', '--help');
    expect(status).toBe(0);
    expect(stdout).toContain('orko-vmm schema > orko-vmm.schema.json');
    expect(stdout).toMatch(/ 65 {2}the config is wrong/);
  });

  test.each([
    [[], 'orko-vmm: Name a command\nRun `orko-vmm --help` for the ways to write it\n'],
    [['schem'], 'orko-vmm: Unknown command "schem": did you mean "schema"?\n'],
    [['frobnicate'], 'orko-vmm: Unknown command "frobnicate": known are '],
    [['schema', '--foo'], 'orko-vmm: Unknown argument: foo\nRun `orko-vmm schema --help` for the ways to write it\n'],
    [['schema', 'x'], 'orko-vmm: Unknown argument: x\n'],
    [['schema', '-q', '-q'], 'orko-vmm: --quiet is given twice: give it once\n'],
  ])('%j: is a usage error with its sentence', (words, sentence) => {
    const { status, stdout, stderr } = orko(...words);
    expect([status, stdout]).toEqual([64, '']);
    expect(stderr).toContain(sentence);
  });

  test('completion: prints a script, and completes commands and config keys', () => {
    expect(orko('completion').stdout).toContain('###-begin-orko-vmm-completions-###');
    expect(orko('--get-yargs-completions', 'orko-vmm', 'sch').stdout).toMatch(/^schema/m);
    expect(orko('--get-yargs-completions', 'orko-vmm', 'run', '--set', 'cpus').stdout).toContain('cpus.count=');
  });
});

test('setWords: offers keys, then the values of a choice or a flag', () => {
  expect(setWords('')).toContain('memory.size=');
  expect(setWords('gic=')).toEqual(['gic=auto', 'gic=v3', 'gic=v2']);
  expect(setWords('memory.prefault=')).toEqual(['memory.prefault=true', 'memory.prefault=false']);
  expect(setWords('name=')).toEqual([]);
});
