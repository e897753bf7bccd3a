import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { setWords } from '../../../src/cli/complete.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
/** The Node that development runs with, whichever runs the tests. */
const NODE = resolve(ROOT, 'node_modules/.bin/node');

const directory = mkdtempSync(join(tmpdir(), 'orko-main-'));
const BOARD = join(directory, 'board.yaml');
writeFileSync(BOARD, 'kernel: none\n');
afterAll(() => rmSync(directory, { recursive: true }));

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

  test('check --explain-sharing: says who will see what, whatever else is wrong', () => {
    const backend = '{ command: [server, "{socket}"], user: "4711" }';
    const words = ['--explain-sharing', '--set', `devices.a={ type: rng, memory: pool, backend: ${backend} }`];
    const { stdout } = orko('check', BOARD, ...words);
    expect(stdout).toContain(
      'a (rng): server, uid 4711\n  sees 0x6000_0000–0x63ff_ffff (64 MiB): pool a, by memfd:pool-a\n  isolation: real: ',
    );
    const { problems, sharing } = JSON.parse(orko('check', BOARD, ...words, '--json').stdout);
    expect(problems[0]).toMatchObject({ keyPath: 'kernel' });
    expect(sharing[0]).toMatchObject({ name: 'a', isolation: 'real' });
  });

  test.each([
    [[], 'orko-vmm: Name a command\nRun `orko-vmm --help` for the ways to write it\n'],
    [['schem'], 'orko-vmm: Unknown command "schem": did you mean "schema"?\n'],
    [['frobnicate'], 'orko-vmm: Unknown command "frobnicate": known are '],
    [['schema', '--foo'], 'orko-vmm: Unknown argument: foo\nRun `orko-vmm schema --help` for the ways to write it\n'],
    [['run'], 'orko-vmm: Some words are missing: write orko-vmm run <config>\nRun `orko-vmm run --help`'],
    [['run', 'a.yaml', '--set', 'cpus'], 'orko-vmm: --set cpus has no key and value: write --set KEY=VALUE\n'],
    [['schema', 'x'], 'orko-vmm: Unknown argument: x\n'],
  ])('%j: is a usage error with its sentence', (words, sentence) => {
    const { status, stdout, stderr } = orko(...words);
    expect([status, stdout]).toEqual([64, '']);
    expect(stderr).toContain(sentence);
  });

  test('run --print-config: prints the effective config, files need not be there', () => {
    const { status, stdout, stderr } = orko('run', BOARD, '--print-config', '--set', 'cpus=3');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('name: board\ncpus:\n  count: 3\n');
    expect(stdout).toContain(`image: ${join(directory, 'none')}\n`);
  });

  test('run: a mistake in the config names file, line and key, and ends with 65', () => {
    expect(orko('run', BOARD)).toEqual({
      status: 65,
      stdout: '',
      stderr: `orko-vmm: ${BOARD}:1: kernel: Cannot open ${join(directory, 'none')}: there is no such file: check the path\n`,
    });
    expect(orko('run', BOARD, '--set', 'gic=v9').stderr).toBe(
      'orko-vmm: --set gic: Expected one of auto, v3, v2, got "v9": write gic: v3\n',
    );
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
