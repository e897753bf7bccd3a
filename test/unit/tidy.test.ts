/** The rules of the source tree that no other tool knows: who may import whom, and what every file looks like. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const LINES_MAX = 400;

/**
 * Which folders of src/ a folder may import from, itself apart; lowest first, and nothing points upwards. Where a folder
 * reaches further than its name suggests the reason stands beside it.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  abi: ['base'],
  arm: ['base'],
  fdt: ['base'],
  memory: ['base'],
  bus: ['base'],
  pci: ['base', 'abi', 'memory', 'bus'],
  // pci: a virtio device is a function of the bus, or is not.
  virtio: ['base', 'abi', 'memory', 'bus', 'pci'],
  devices: ['base', 'abi', 'memory', 'bus', 'fdt', 'virtio'],
  boot: ['base', 'memory', 'fdt'],
  // pci: the policies of BARs.
  config: ['base', 'pci'],
  host: ['base', 'abi'],
  kvm: ['base', 'abi', 'host'],
  vcpu: ['base', 'abi', 'arm', 'host', 'kvm'],
  // virtio: the loop and the iovecs that devices give their backends.
  // memory: the RAM that a balloon gives back.
  backends: ['base', 'abi', 'memory', 'virtio', 'devices', 'host'],
  // backends: the listening socket, as a console has one.
  'vhost-user': ['base', 'abi', 'memory', 'virtio', 'host', 'backends'],
  // memory, bus: the slots and the accesses of BARs.
  vfio: ['base', 'abi', 'memory', 'bus', 'pci', 'host', 'kvm'],
  // The protocol and its transport; what a request does is an interface that machine/ implements. abi: errno numbers.
  control: ['host', 'base', 'abi'],
  // I/O threads make their devices from the config, each on its backend.
  io: ['base', 'abi', 'memory', 'virtio', 'devices', 'config', 'host', 'backends', 'vhost-user'],
  // Back-ends without a guest: the types of the config, the profiles and the loop of the I/O thread. backends: the socket of a replay.
  probe: ['base', 'abi', 'virtio', 'config', 'host', 'backends', 'vhost-user', 'io'],
  machine: [
    ...['base', 'abi', 'fdt', 'memory', 'bus', 'virtio', 'devices', 'pci', 'boot', 'config'],
    ...['host', 'kvm', 'vcpu', 'backends', 'vhost-user', 'vfio', 'control', 'io'],
  ],
  // It asks every layer what it can do, and machine/ whether it would run: so it stands above them. pci: quirks.
  doctor: ['base', 'abi', 'pci', 'config', 'host', 'kvm', 'backends', 'vfio', 'control', 'machine'],
  // It starts orko-vmm in another machine and shares nothing with the one that runs guests but the config. No koffi in it.
  nested: ['base', 'config'],
  // fdt, host, kvm: `dtb` prints a tree, and asks KVM for what goes into it when it is there; lines for a raw terminal.
  // io: what a guest would be offered of a back-end that was probed, and `backend`, which runs a device without a machine.
  cli: [
    'base',
    'abi',
    'fdt',
    'config',
    'host',
    'kvm',
    'io',
    'control',
    'vhost-user',
    'probe',
    'machine',
    'doctor',
    'nested',
  ],
};

/** Bytes and numbers: no node:*, no package. Those of tsconfig.pure.json. */
const PURE = ['base', 'abi', 'arm', 'fdt', 'memory', 'bus', 'virtio', 'devices', 'pci', 'boot', 'config'];
/** Single files of that kind in folders that are not. */
const PURE_FILES = ['message', 'payload', 'peer-fault', 'protocol-features', 'requests'].map(
  (name) => `src/vhost-user/${name}.ts`,
);
/** config/source.ts: the YAML parser keeps line numbers, and is pure itself. */
const PURE_PACKAGES = ['yaml'];

/** Tests of a whole that no one file stands for. */
const WHOLES = [
  'cli/main',
  'cli/control',
  'config/devices',
  'docs/architecture',
  'docs/readme',
  'vhost-user/attacks',
  'virtio/ring-attacks',
  'virtio/fuzz',
];

const IMPORT = /^(?:import|export)\b[^;]*?\bfrom '([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/gm;

interface Source {
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const sources = below(join(ROOT, 'src')).map(read);
const ours = [
  ...sources,
  ...['test', 'guests', 'native-headers', '.ci'].flatMap((name) => below(join(ROOT, name)).map(read)),
];
/** Generated files are as long as the headers make them. */
const written = ours.filter(({ path }) => !path.startsWith('src/abi/'));

describe('imports', () => {
  test('every folder of src/ has its arrows', () => {
    const folders = new Set(sources.map(({ folder }) => folder));
    expect([...folders].filter((folder) => folder !== '' && !(folder in ARROWS))).toEqual([]);
  });

  test('the arrows have no circle', () => {
    const names = Object.keys(ARROWS);
    const upwards = names.flatMap((from) => ARROWS[from]!.filter((to) => names.indexOf(to) >= names.indexOf(from)));
    expect(upwards).toEqual([]);
  });

  test('go only along the arrows', () => {
    const wrong = sources.flatMap(({ path, folder, imports }) =>
      imports
        .filter((name) => name.startsWith('.'))
        .map((name) => folderOf(relative(ROOT, resolve(ROOT, path, '..', name))))
        .filter((to) => folder !== '' && to !== '' && to !== folder && !ARROWS[folder]?.includes(to))
        .map((to) => `${path} → ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  test('koffi is imported in src/host alone', () => {
    expect(sources.filter(({ imports, folder }) => imports.includes('koffi') && folder !== 'host')).toEqual([]);
  });

  test('pure folders import no Node and no package', () => {
    const wrong = sources
      .filter(({ folder, path }) => PURE.includes(folder) || PURE_FILES.includes(path))
      .flatMap(({ path, imports }) => imports.filter((name) => !name.startsWith('.')).map((name) => ({ path, name })))
      .filter(({ name }) => !PURE_PACKAGES.includes(name));
    expect(wrong).toEqual([]);
  });

  test('the pure folders are those that compile without Node', () => {
    const { include } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.pure.json'), 'utf8')) as { include: string[] };
    const present = PURE.filter((folder) => existsSync(join(ROOT, 'src', folder))).map((folder) => `src/${folder}`);
    expect(include.sort()).toEqual([...present, ...PURE_FILES].sort());
  });

  test('only main.ts ends the process', () => {
    // nested/shell.ts is a program of its own; `make nested-shell` starts it.
    const allowed = ['src/main.ts', 'src/nested/shell.ts'];
    const wrong = sources.filter(({ path, text }) => /process\.exit\(/.test(code(text)) && !allowed.includes(path));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test('no file is left that nobody imports', () => {
    const entries = ['src/main.ts', 'src/io/worker.ts', 'src/nested/shell.ts', 'src/cli/reference.ts'];
    const imported = new Set(
      ours.flatMap(({ path, imports }) => imports.map((name) => relative(ROOT, resolve(ROOT, path, '..', name)))),
    );
    const dead = sources.map(({ path }) => path).filter((path) => !imported.has(path) && !entries.includes(path));
    // The tables of headers that later issues need are generated in one go.
    expect(dead.filter((path) => !path.startsWith('src/abi/'))).toEqual([]);
  });
});

describe('files', () => {
  test('begin with a sentence that says where the reader is', () => {
    const needed = written.filter(({ path }) => !path.startsWith('test/unit/'));
    const wrong = needed.filter(({ text }) => !/^(#!.*\n)?\/\*\*[\s*]+\S/.test(text));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test(`have at most ${LINES_MAX} lines`, () => {
    const long = written.filter(({ path }) => !path.startsWith('test/unit/'));
    expect(long.filter(({ text }) => text.split('\n').length > LINES_MAX).map(({ path }) => path)).toEqual([]);
  });

  test('have no default export, no barrel, no note to self', () => {
    const defaults = written.filter(({ text }) => /^export default /m.test(text));
    const barrels = written.filter(({ path }) => /(^|\/)(index|utils)\.ts$/.test(path));
    // In pieces, or this file would be one of those.
    const note = new RegExp(['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].map((word) => `\b${word}\b`).join('|'));
    const notes = written.filter(({ text }) => note.test(text));
    expect([...defaults, ...barrels, ...notes].map(({ path }) => path)).toEqual([]);
  });

  test('unit tests mirror the source tree', () => {
    const homes = ['src', 'guests', 'native-headers'].flatMap((name) =>
      below(join(ROOT, name)).map((file) => relative(ROOT, file)),
    );
    const tests = ours.map(({ path }) => path).filter((path) => /^test\/unit\/.+\/.+\.test\.ts$/.test(path));
    const homeless = tests.filter((path) => {
      const name = path.slice('test/unit/'.length).replace('.test.ts', '.ts');
      return !homes.includes(`src/${name}`) && !homes.includes(name) && !WHOLES.includes(name.slice(0, -'.ts'.length));
    });
    expect(homeless).toEqual([]);
  });
});

describe('documents', () => {
  test('name only source files that exist', () => {
    const documents = ['README.md', 'CHANGELOG.md', ...markdownBelow('docs'), ...markdownBelow('test')];
    const missing = documents
      .filter((path) => existsSync(join(ROOT, path)))
      .flatMap((path) =>
        [...readFileSync(join(ROOT, path), 'utf8').matchAll(/\b((?:src|test|guests)\/[\w./-]*\w\.\w+)/g)]
          .map((match) => match[1]!)
          .filter((file) => !existsSync(join(ROOT, file)))
          .map((file) => `${path}: ${file}`),
      );
    expect(missing).toEqual([]);
  });
});

function below(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name));
}

function markdownBelow(directory: string): string[] {
  if (!existsSync(join(ROOT, directory))) return [];
  const names = readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.md')).map((name) => join(directory, name));
}

function read(file: string): Source {
  const text = readFileSync(file, 'utf8');
  const path = relative(ROOT, file);
  const imports = [...text.matchAll(IMPORT)].map(([, from, dynamic, bare]) => (from ?? dynamic ?? bare)!);
  return { path, folder: folderOf(path), text, imports };
}

/** `kvm` for src/kvm/vm.ts, nothing for src/main.ts. */
function folderOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? '';
}

function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
}
