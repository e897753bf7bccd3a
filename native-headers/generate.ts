/**
 * Writes src/abi/*.ts from manifest.json: the C compiler reads the kernel's headers and answers what every wanted name
 * is worth and where every field lies. Run by `make abi`; add `--cached` to stay off the network.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cachedHeaders, fetchHeaders, findCompiler, type Headers } from './headers.ts';
import { type CField, readSection, Types } from './object-file.ts';

/** manifest.json: file of src/abi → what it holds. `*` in a name stands for anything. */
type Manifest = Record<string, { about: string; probes: Probe[]; tables?: Record<string, Selection> }>;
interface Selection {
  constants: string[];
  except?: string[];
}
/** One translation unit: headers that can be included together. */
interface Probe extends Partial<Selection> {
  headers: string[];
  /** Constants that work with 64-bit ones and so are `bigint` whatever their value. */
  bigint?: string[];
  /** C structs, unions and typedefs → the wanted fields, `*` for all; `mmio` stands for all of `mmio.…`. */
  structs?: Record<string, string[] | '*'>;
}

interface Constant {
  readonly name: string;
  readonly value: bigint;
  /** As the header writes it, where that is a plain number. */
  readonly decimal: boolean;
  readonly big: boolean;
}
interface Layout {
  readonly name: string;
  readonly size: number;
  readonly fields: readonly CField[];
}

const here = import.meta.dirname;
const outputFolder = join(here, '../src/abi');
const manifestFile = join(here, 'manifest.json');
const compiler = findCompiler();
if (!compiler)
  throw new Error('Cannot generate src/abi: no arm64 C compiler: install gcc-aarch64-linux-gnu (gcc on arm64)');
const headers = process.argv.includes('--cached') ? (cachedHeaders() ?? fetchHeaders()) : fetchHeaders();
const scratch = mkdtempSync(join(tmpdir(), 'orko-vmm-abi-'));
try {
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as Manifest;
  for (const [file, entry] of Object.entries(manifest)) {
    const answers = entry.probes.map((probe) => ask(probe));
    const constants = unique(answers.flatMap((answer) => answer.constants));
    const layouts = answers.flatMap((answer) => answer.layouts);
    writeFileSync(
      join(outputFolder, `${file}.ts`),
      render(entry.about, headers, constants, layouts, entry.tables ?? {}),
    );
    console.log(`src/abi/${file}.ts: ${constants.length} constants, ${layouts.length} structs`);
  }
} finally {
  rmSync(scratch, { recursive: true });
}

/** Everything one probe wants to know. */
function ask(probe: Probe): { constants: Constant[]; layouts: Layout[] } {
  const includes = probe.headers.map((header) => `#include <${header}>\n`).join('');
  const types = new Types(readSection(compile(includes), '.BTF'));
  const macros = definedMacros(includes);
  const names = choose([...macros.keys(), ...types.enumerators()], probe, includes);
  const isBig = matcher(probe.bigint ?? []);
  const answers = names.map((name) => `(unsigned long long)(${name}), (${name}) < 0,\n`).join('');
  const section = `__attribute__((section("answers"), used)) const unsigned long long answer[] = {\n${answers}};\n`;
  const numbers = names.length > 0 ? readSection(compile(includes + section), 'answers') : undefined;
  return {
    constants: names.map((name, index) => {
      const negative = numbers!.getBigUint64(index * 16 + 8, true) !== 0n;
      const value = negative ? numbers!.getBigInt64(index * 16, true) : numbers!.getBigUint64(index * 16, true);
      const big = isBig(name) || value > BigInt(Number.MAX_SAFE_INTEGER);
      return { name, value, big, decimal: isDecimal(name, value, macros) };
    }),
    layouts: Object.entries(probe.structs ?? {}).flatMap(([pattern, fields]) => {
      const names = pattern.includes('*') ? types.structs().filter(matcher([pattern])) : [pattern];
      const isLeftOut = matcher(probe.except ?? []);
      return names.filter((name) => !isLeftOut(name)).map((name) => select(name, types.layoutOf(name), fields));
    }),
  };
}

/** Whether the header writes a plain decimal number, if need be behind other names; small enumeration constants count as such. */
function isDecimal(name: string, value: bigint, macros: ReadonlyMap<string, string>): boolean {
  const text = macros.get(name);
  if (text === undefined || text === name) return value < 256n;
  return /^\(?-?([1-9]\d*|0)[uUlL]*\)?$/.test(text) || (macros.has(text) && isDecimal(text, value, macros));
}

/** Names that the probe's patterns match, in the order of the headers; without macros that are no integers. */
function choose(
  known: readonly string[],
  { constants = [], except = [] }: Partial<Selection>,
  includes: string,
): string[] {
  const exact = constants.filter((name) => !name.includes('*'));
  const isWanted = matcher(constants);
  const isLeftOut = matcher(except);
  const matched = [...new Set(known)].filter((name) => isWanted(name) && !isLeftOut(name));
  for (const pattern of constants) {
    if (!matched.some(matcher([pattern]))) throw new Error(`${manifestFile}: no header defines ${pattern}`);
  }
  return integersAmong(matched, new Set(exact), includes);
}

/** Drops macros that are strings, types or nothing. In rounds: the compiler reports each unknown identifier only once. */
function integersAmong(names: readonly string[], required: ReadonlySet<string>, includes: string): string[] {
  const lines = names.map((name, index) => {
    const isString = `__builtin_types_compatible_p(__typeof__(${name}), char[sizeof(${name})])`;
    return `enum { probe_${index} = __builtin_choose_expr(${isString}, (void)0, (int)((unsigned long long)(${name}) * 0)) };`;
  });
  const first = includes.split('\n').length;
  const { stderr } = spawnSync(compiler!, [...flags(), '-ftrack-macro-expansion=0', '-fsyntax-only', '-x', 'c', '-'], {
    input: includes + lines.join('\n'),
    encoding: 'utf8',
  });
  const refused = new Set([...stderr.matchAll(/^<stdin>:(\d+):\d+: error/gm)].map(([, line]) => Number(line) - first));
  const mistaken = names.find((name, index) => refused.has(index) && required.has(name));
  if (mistaken) throw new Error(`${manifestFile}: ${mistaken} is no integer constant`);
  const kept = names.filter((_, index) => !refused.has(index));
  return kept.length < names.length ? integersAmong(kept, required, includes) : kept;
}

/** `*` stands for anything, anywhere. */
function matcher(patterns: readonly string[]): (name: string) => boolean {
  const expression = new RegExp(`^(?:${patterns.map((pattern) => pattern.replaceAll('*', '.*')).join('|')})$`);
  return (name) => patterns.length > 0 && expression.test(name);
}

/** Object-like macros and their text, in the order of definition. */
function definedMacros(includes: string): Map<string, string> {
  const source = execFileSync(compiler!, [...flags(), '-E', '-dD', '-x', 'c', '-'], {
    input: includes,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return new Map([...source.matchAll(/^#define (\w+) (.*)$/gm)].map(([, name, text]) => [name!, text!]));
}

function compile(source: string): Uint8Array {
  const output = join(scratch, 'probe.o');
  execFileSync(compiler!, [...flags(), '-gbtf', '-c', '-x', 'c', '-', '-o', output], {
    input: source,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  return readFileSync(output);
}

function flags(): string[] {
  return [
    '-D_GNU_SOURCE',
    '-fno-eliminate-unused-debug-types',
    ...headers.folders.flatMap((folder) => ['-isystem', folder]),
  ];
}

function select(name: string, layout: { size: number; fields: CField[] }, wanted: string[] | '*'): Layout {
  if (wanted === '*') return { name, ...layout };
  for (const field of wanted) {
    if (!layout.fields.some((candidate) => isPartOf(candidate, field))) {
      throw new Error(`${manifestFile}: ${name} has no field ${field}`);
    }
  }
  const fields = layout.fields.filter((candidate) => wanted.some((field) => isPartOf(candidate, field)));
  return { name, size: layout.size, fields };
}

function isPartOf({ name }: CField, wanted: string): boolean {
  return name === wanted || name.startsWith(`${wanted}.`);
}

/** The first of each name: two probes may both see a header. */
function unique(constants: readonly Constant[]): Constant[] {
  return [...new Map(constants.toReversed().map((constant) => [constant.name, constant])).values()].reverse();
}

function render(
  about: string,
  { origin }: Headers,
  constants: readonly Constant[],
  layouts: readonly Layout[],
  tables: Record<string, Selection>,
): string {
  const kinds = [...new Set(layouts.flatMap(({ fields }) => fields.map(({ kind }) => kind)))].sort();
  const imports =
    layouts.length > 0 ? `import { ${[...kinds, 'struct'].join(', ')} } from '../base/layout.ts';\n\n` : '';
  const header = `/**\n * ${about}\n * GENERATED for arm64 by native-headers/generate.ts from ${origin}: change native-headers/manifest.json.\n */\n`;
  const values = constants.map((constant) => `export const ${constant.name} = ${literal(constant)};\n`).join('');
  const structs = layouts.map((layout) => `\nexport const ${layout.name} = ${renderLayout(layout)};\n`).join('');
  const named = Object.entries(tables).map(([name, selection]) => renderTable(name, selection, constants));
  return header + imports + values + structs + named.join('');
}

function renderLayout({ size, fields }: Layout): string {
  const lines = fields.map(({ name, kind, offset, size: bytes }) => {
    const key = /^\w+$/.test(name) ? name : `'${name}'`;
    return `  ${key}: ${kind}(${kind === 'bytes' ? `${offset}, ${bytes}` : offset}),\n`;
  });
  return lines.length > 0 ? `struct(${size}, {\n${lines.join('')}})` : `struct(${size}, {})`;
}

/** A value back to its names, for messages. */
function renderTable(
  table: string,
  { constants: patterns, except = [] }: Selection,
  constants: readonly Constant[],
): string {
  const isWanted = matcher(patterns);
  const isLeftOut = matcher(except);
  const chosen = constants.filter(({ name }) => isWanted(name) && !isLeftOut(name));
  const groups = Map.groupBy(chosen, ({ value }) => value);
  const lines = [...groups]
    .sort(([a], [b]) => Number(a - b))
    .map(([value, group]) => `  ${value}: [${group.map(({ name }) => `'${name}'`).join(', ')}],\n`);
  return `\nexport const ${table}: Readonly<Record<number, readonly string[]>> = {\n${lines.join('')}};\n`;
}

/** Decimal where the header is, else hexadecimal; a bigint where a double would round. */
function literal({ value, decimal, big }: Constant): string {
  const digits = decimal || value < 10n ? `${value}` : `0x${value.toString(16)}`;
  return big ? `${digits}n` : digits;
}
