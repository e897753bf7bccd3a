import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS, loadCommands } from '../../../src/cli/commands.ts';
import { EXIT, exitCodeRows } from '../../../src/cli/exit-codes.ts';
import { quickParse } from '../../../src/cli/quick-parse.ts';
import { references } from '../../../src/cli/reference.ts';

test('the committed documents are what `make docs` prints', async () => {
  for (const [path, text] of Object.entries(await references())) {
    expect(readFileSync(resolve(import.meta.dirname, '../../..', path), 'utf8'), `${path}: run make docs`).toBe(text);
  }
});

test('every command bears the name it is found by', async () => {
  expect((await loadCommands()).map(({ name }) => name)).toEqual(Object.keys(COMMANDS));
});

test('every example is a command line that the command takes', async () => {
  for (const command of await loadCommands()) {
    expect(command.examples.length, command.name).toBeGreaterThan(0);
    for (const { line } of command.examples) {
      const [program, name, ...words] = shellWords(line);
      expect([program, name], line).toEqual(['orko-vmm', command.name]);
      expect(quickParse(command, words), line).toBeDefined();
    }
  }
});

test('exit codes are distinct and each has its meaning', () => {
  const rows = exitCodeRows();
  expect(new Set(rows.map(({ code }) => code)).size).toBe(Object.keys(EXIT).length);
  for (const { code, meaning } of rows) expect(meaning, String(code)).not.toBe('');
});

/** The words of an example up to a pipe or redirection, quotes taken off. */
function shellWords(line: string): string[] {
  const [command = ''] = line.split(/\s[|>]\s/);
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3]!);
}
