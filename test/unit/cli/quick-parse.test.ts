import { describe, expect, test } from 'vitest';
import { defineCommand } from '../../../src/cli/command.ts';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { quickParse } from '../../../src/cli/quick-parse.ts';
import { yargsParse } from '../../../src/cli/yargs-parse.ts';

const command = defineCommand({
  name: 'try',
  summary: '',
  description: '',
  positionals: { config: { describe: '' }, action: { describe: '', optional: true, choices: ['go', 'stop'] } },
  options: {
    set: { type: 'string', array: true, describe: '' },
    'dry-run': { type: 'boolean', alias: 'n', describe: '' },
    color: { type: 'string', choices: ['red', 'blue'], describe: '' },
  },
  examples: [],
  run: async () => 0,
});

const NOTHING = { verbose: false, quiet: false, set: [], dryRun: false, color: undefined, action: undefined };

describe('quickParse', () => {
  test.each([
    [['a.yaml'], { config: 'a.yaml' }],
    [['a.yaml', 'go'], { config: 'a.yaml', action: 'go' }],
    [
      ['a.yaml', '--set', 'x=1', '--set=y=a b=c', '-vn'],
      { config: 'a.yaml', set: ['x=1', 'y=a b=c'], verbose: true, dryRun: true },
    ],
    [['--quiet', '--color', 'red', '123'], { config: '123', quiet: true, color: 'red' }],
    [['--', '-a.yaml'], { config: '-a.yaml' }],
    [['a.yaml', '-q', '-q'], { config: 'a.yaml', quiet: true }],
  ])('reads %j', (words, args) => {
    expect(quickParse(command, words)).toEqual({ ...NOTHING, ...args });
  });

  test.each([
    [[]],
    [['a', 'go', 'b']],
    [['a', 'jump']],
    [['a', '--color', 'green']],
    [['a', '--color', 'red', '--color', 'blue']],
    [['a', '--set']],
    [['a', '--unknown']],
    [['a', '--help']],
    [['a', '--version']],
    [['a', '--quiet=yes']],
  ])('leaves %j to yargs', (words) => {
    expect(quickParse(command, words)).toBeUndefined();
  });
});

describe('yargsParse: reads what quickParse reads as the same', () => {
  test.each([
    [['a.yaml']],
    [['a.yaml', '--set', 'cpus=4', '--set=kernel.cmdline=a=b c', '-v']],
    [['--set', 'cpus=4', 'a.yaml', '--print-config', '--quiet', '-q']],
    [['007', '--set', 'name=1e3']],
  ])('run %j', async (words) => {
    const run = await COMMANDS['run']!();
    const args = quickParse(run, words);
    expect(args).toBeDefined();
    expect(await yargsParse(['run', ...words])).toEqual({ command: run, args });
  });
});
