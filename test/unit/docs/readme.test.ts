import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { ESCAPE_HELP } from '../../../src/backends/escape-keys.ts';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { EXIT } from '../../../src/cli/exit-codes.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { REQUEST_KINDS } from '../../../src/control/protocol.ts';
import { codeOf, tablesOf } from './markdown.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const README = read('README.md');
const DOCUMENTS = ['README.md', 'CHANGELOG.md', 'test/nested/README.md', ...markdownIn('docs')];

function markdownIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}

test('README: two commands stand at the top, and the Makefile has every target that is named', () => {
  const [first, second, ...others] = codeOf(README.split('\n## ')[0]!, 'sh');
  expect([first, second].map((line) => line?.split(/ +#/)[0])).toEqual(['make run', 'make test']);
  expect(others).toEqual([]);
  const targets = new Set([...read('Makefile').matchAll(/^([a-z-]+):/gm)].map(([, target]) => target));
  for (const document of DOCUMENTS) {
    for (const [, named] of read(document).matchAll(/(?:`|^)make ([a-z-]+)/gm))
      expect(targets, document).toContain(named);
  }
});

test('README: the commands are those of the command line, all of them', () => {
  const rows = tablesOf(README)
    .find(([head]) => head?.[0] === 'command')!
    .slice(1);
  const named = rows.map(([cell]) => /^`orko-vmm (\w+)/.exec(cell!)?.[1]);
  expect(new Set(named)).toEqual(new Set([...Object.keys(COMMANDS), 'completion']));
  const requests = rows.find(([cell]) => cell!.includes('ctl'))![1]!.matchAll(/`([\w-]+)`/g);
  expect([...requests].map(([, request]) => request)).toEqual(REQUEST_KINDS);
});

test('README: the keys are those of the console', () => {
  const rows = tablesOf(README)
    .find(([head]) => head?.[0] === 'keys')!
    .slice(1);
  const named = rows.map(([keys]) => keys).filter((keys) => keys!.startsWith('Ctrl-A'));
  expect(new Set(named)).toEqual(new Set(ESCAPE_HELP.map((line) => line.split(/ {2,}/)[0])));
});

test('exit codes: what documents call one is one, and means that', () => {
  const table = tablesOf(read('docs/configuration.md'))
    .find(([head]) => head?.[0] === 'code')!
    .slice(1);
  expect(table.map(([code]) => Number(code))).toEqual(Object.values(EXIT));
  for (const document of DOCUMENTS) {
    for (const [, code] of read(document).matchAll(/exit code (\d+)/g)) {
      expect(Object.values(EXIT), `${document}: exit code ${code}`).toContain(Number(code));
    }
  }
  expect(README).toContain(`which ends with exit code ${EXIT.GUEST_PANIC} (\`on-panic: exit\`)`);
  expect(README).toContain(`\`orko-vmm ctl NAME stop\` ends it with exit code ${EXIT.STOPPED}`);
  expect(README).toContain(`with \`on-reboot: exit\` ends with exit code ${EXIT.GUEST_RESET}`);
});

test.each(DOCUMENTS)('%s: the files that it names and links to are there', (document) => {
  const text = read(document);
  const named = [...text.matchAll(/`((?:src|test|docs|guests|native-headers|\.ci)\/[^`\s*]+)`/g)].map(
    ([, path]) => path!,
  );
  const linked = [...text.matchAll(/\]\(([^)#:]+)(?:#[\w-]+)?\)/g)].map(([, path]) => join(dirname(document), path!));
  expect([...named, ...linked].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test.each(DOCUMENTS)('%s: the files that it names and links to are there', (document) => {
  const text = read(document);
  const named = [...text.matchAll(/`((?:src|test|docs|guests|native-headers|\.ci)\/[^`\s*]+)`/g)].map(
    ([, path]) => path!,
  );
  const linked = [...text.matchAll(/\]\(([^)#:]+)(?:#[\w-]+)?\)/g)].map(([, path]) => join(dirname(document), path!));
  expect([...named, ...linked].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test.each(readdirSync(join(ROOT, 'docs/examples')))('docs/examples/%s: is a config', (name) => {
  const directory = join(ROOT, 'docs/examples');
  const text = read(join('docs/examples', name));
  const config = parseConfig(text, {
    ...{ file: name, directory, sets: [] },
    resolvePath: (path) => resolve(directory, path),
  });
  expect(config.name).toBe(name.replace('.yaml', ''));
  expect(config.kernel.image).toMatch(/\/out\/guests\/[\w-]+$/);
});

test('documents: code that names the file it is from stands in that file', () => {
  for (const document of DOCUMENTS) {
    for (const [, path, code] of read(document).matchAll(/^```ts\n\/\/ (\S+\.ts)\n([\s\S]*?)```$/gm)) {
      expect(read(path!), `${document}: ${path}`).toContain(code);
    }
  }
});
