/**
 * The independent proof of src/abi: every constant, size, offset, width and sign that the running code would use is
 * written down as a _Static_assert, and the C compiler judges it against the kernel's headers. Shares no code with the
 * generator but the list of headers and the place where they are found.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cachedHeaders, findCompiler, type Headers } from '../../native-headers/headers.ts';
import type { Field, Struct } from '../../src/base/layout.ts';

const root = join(import.meta.dirname, '../..');
const compiler = findCompiler();
/** No folders: those that the compiler finds by itself. */
const headers = compiler ? (cachedHeaders() ?? { origin: "the compiler's own headers", folders: [] }) : undefined;
const version = headers ? versionOf(headers) : undefined;
const missing = !compiler
  ? 'no arm64 C compiler: install gcc-aarch64-linux-gnu and libc6-dev-arm64-cross (gcc and libc6-dev on arm64)'
  : 'no kernel headers: run `make abi`, or install linux-libc-dev-arm64-cross (linux-libc-dev on arm64)';

const manifest = JSON.parse(readFileSync(join(root, 'native-headers/manifest.json'), 'utf8')) as Record<
  string,
  { probes: { headers: string[] }[] }
>;
const files = readdirSync(join(root, 'src/abi'));
type Module = Record<string, number | bigint | Struct | Record<number, readonly string[]>>;

/** One line of C and what it claims, in our words. */
interface Claim {
  readonly what: string;
  readonly condition: string;
}

test('src/abi holds what the manifest lists and nothing else', () => {
  expect(files.map((file) => basename(file, '.ts')).sort()).toEqual(Object.keys(manifest).sort());
});

describe.skipIf(!version)(
  version ? `The C compiler agrees, with ${headers?.origin}, Linux ${version}` : missing,
  () => {
    test.each(files)('%s', async (file) => {
      const claims = claimsOf((await import(join(root, 'src/abi', file))) as Module);
      expect(claims.length).toBeGreaterThan(0);
      const { wrong, unknown } = judge(manifest[basename(file, '.ts')]!.probes, claims, headers!);
      if (generatedFor(file) === version) {
        expect({ wrong, unknown }).toEqual({ wrong: [], unknown: [] });
      } else {
        // Between two kernels structs grow at their end and counts (`…_MAX`) move; 6.1 and 7.3 disagree in 0.7 % at most.
        expect(wrong.length, wrong.join(', ')).toBeLessThanOrEqual(Math.max(1, claims.length / 100));
      }
    });

    test('an offset, a width, a sign, a size and a constant that are wrong are called by their names', () => {
      const field = (offset: number, size: number, kind: Field['kind']): Field => ({ offset, size, kind });
      const planted: Module = {
        KVM_EXIT_MMIO: 7,
        KVM_REG_ARM64: 0x4000000000000000n,
        kvm_run: { size: 2352, fields: { 'mmio.phys_addr': field(36, 8, 'u64'), exit_reason: field(8, 4, 'u32') } },
        kvm_ioeventfd: { size: 72, fields: { fd: field(20, 4, 'u32'), len: field(16, 2, 'u16') } },
      };
      const { wrong, unknown } = judge([{ headers: ['linux/kvm.h'] }], claimsOf(planted), headers!);
      expect(wrong).toEqual([
        'KVM_EXIT_MMIO is 7',
        'KVM_REG_ARM64 is 4611686018427387904',
        'kvm_run.mmio.phys_addr is at 36',
        'kvm_ioeventfd has 72 bytes',
        'kvm_ioeventfd.fd is u32',
        'kvm_ioeventfd.len has 2 bytes',
      ]);
      expect(unknown).toEqual([]);
    });

    test('a name that no header has does not pass for proved', () => {
      const { wrong, unknown } = judge([{ headers: ['linux/kvm.h'] }], claimsOf({ KVM_NO_SUCH_THING: 1 }), headers!);
      expect({ wrong, unknown }).toEqual({ wrong: [], unknown: ['KVM_NO_SUCH_THING is 1'] });
    });
  },
);

describe('Tables of names', () => {
  test.each(files)('%s: each name stands under its own value, and under no other', async (file) => {
    const module = (await import(join(root, 'src/abi', file))) as Module;
    const tables = Object.values(module).filter(isTable);
    for (const table of tables) {
      const entries = Object.entries(table).flatMap(([value, names]) => names.map((name) => [name, Number(value)]));
      expect(entries).toEqual(entries.map(([name]) => [name, module[name as string]]));
    }
  });
});

function claimsOf(module: Module): Claim[] {
  return Object.entries(module).flatMap(([name, value]) => {
    if (typeof value === 'number' || typeof value === 'bigint') return [constantClaim(name, value)];
    return isTable(value) ? [] : structClaims(name, value as Struct);
  });
}

function isTable(value: Module[string]): value is Record<number, readonly string[]> {
  return typeof value === 'object' && !('fields' in value);
}

function constantClaim(name: string, value: number | bigint): Claim {
  const sign = `((${name}) < 0) == ${value < 0 ? 1 : 0}`;
  const bits = `(unsigned long long)(${name}) == ${BigInt.asUintN(64, BigInt(value))}ULL`;
  return { what: `${name} is ${value}`, condition: `${sign} && ${bits}` };
}

function structClaims(name: string, { size, fields }: Struct): Claim[] {
  const type = name.endsWith('_t') ? name : `struct ${name}`;
  const claims = Object.entries(fields).flatMap(([path, field]) => {
    const what = `${name}.${path}`;
    const member = `((${type} *)0)->${path}`;
    const list = [
      { what: `${what} is at ${field.offset}`, condition: `__builtin_offsetof(${type}, ${path}) == ${field.offset}` },
    ];
    const isFlexibleArray = field.size === 0;
    if (!isFlexibleArray) {
      list.push({ what: `${what} has ${field.size} bytes`, condition: `sizeof(${member}) == ${field.size}` });
    }
    if (field.kind !== 'bytes') {
      const POINTER_CLASS = 5;
      const isNegative = `((__typeof__(${member}))-1 < 1) == ${field.kind.startsWith('s') ? 1 : 0}`;
      const isPointer = `__builtin_classify_type(${member}) == ${POINTER_CLASS}`;
      const condition = `__builtin_choose_expr(${isPointer}, ${field.kind === 'u64' ? 1 : 0}, ${isNegative})`;
      list.push({ what: `${what} is ${field.kind}`, condition });
    }
    return list;
  });
  return [{ what: `${name} has ${size} bytes`, condition: `sizeof(${type}) == ${size}` }, ...claims];
}

/**
 * Asks the compiler about each set of headers. A claim holds when one of them proves it (the C library's sigset_t is not
 * the kernel's), is wrong when one denies it, else unknown.
 */
function judge(probes: { headers: string[] }[], claims: readonly Claim[], { folders }: Headers) {
  const denied = new Set<Claim>();
  const proved = new Set<Claim>();
  for (const probe of probes) {
    let known = claims;
    // In rounds, until nothing is dropped: the compiler complains only once about an identifier it does not know.
    for (let before = Number.POSITIVE_INFINITY; known.length < before; ) {
      before = known.length;
      const refused = refusals(probe.headers, known, folders);
      for (const claim of known) if (refused.get(claim) === 'denied') denied.add(claim);
      known = known.filter((claim) => !refused.has(claim) || denied.has(claim));
    }
    for (const claim of known) if (!denied.has(claim)) proved.add(claim);
  }
  const open = claims.filter((claim) => !proved.has(claim));
  const what = (list: Claim[]) => list.map((claim) => claim.what);
  return {
    wrong: what(open.filter((claim) => denied.has(claim))),
    unknown: what(open.filter((claim) => !denied.has(claim))),
  };
}

type Refusals = Map<Claim, 'denied' | 'unknown'>;

/** The claims that the compiler does not accept: denied, or about things it does not know (it may say both of one line). */
function refusals(wanted: readonly string[], claims: readonly Claim[], folders: readonly string[]): Refusals {
  const includes = wanted.map((header) => `#include <${header}>`);
  const asserts = claims.map(({ what, condition }) => `_Static_assert(${condition}, "${what}");`);
  const { stderr } = ask(folders, ['-fsyntax-only'], [...includes, ...asserts].join('\n'));
  const refused: Refusals = new Map();
  for (const [text, line, message] of stderr.matchAll(/^<stdin>:(\d+):\d+: (?:fatal )?error: (.*)$/gm)) {
    const claim = claims[Number(line) - 1 - includes.length];
    const isHeaderMissing = !claim && /^<stdin>.*: No such file/.test(text);
    if (isHeaderMissing) return new Map(claims.map((each) => [each, 'unknown']));
    if (!claim) throw new Error(`The headers do not compile: ${text}`);
    const isDenial = message!.startsWith('static assertion failed') && refused.get(claim) !== 'unknown';
    refused.set(claim, isDenial ? 'denied' : 'unknown');
  }
  return refused;
}

function ask(folders: readonly string[], mode: string[], input: string) {
  const flags = [
    '-D_GNU_SOURCE',
    '-w',
    '-ftrack-macro-expansion=0',
    ...folders.flatMap((folder) => ['-isystem', folder]),
  ];
  const env = { ...process.env, LC_ALL: 'C' };
  return spawnSync(compiler!, [...flags, ...mode, '-x', 'c', '-'], {
    input,
    encoding: 'utf8',
    env,
    maxBuffer: 2 ** 26,
  });
}

/** "7.3" of Linux 7.3.4; undefined where there are no kernel headers at all. */
function versionOf({ folders }: Headers): string | undefined {
  const source =
    '#include <linux/kvm.h>\n#include <linux/version.h>\nversion LINUX_VERSION_MAJOR LINUX_VERSION_PATCHLEVEL\n';
  const { status, stdout } = ask(folders, ['-E', '-P'], source);
  return status === 0 ? /^version (\d+) (\d+)$/m.exec(stdout)?.slice(1).join('.') : undefined;
}

/** "7.3" of the headers that a file of src/abi says it comes from. */
function generatedFor(file: string): string | undefined {
  const source = readFileSync(join(root, 'src/abi', file), 'utf8');
  return /GENERATED .* from \D*(\d+\.\d+)/.exec(source)?.[1];
}
