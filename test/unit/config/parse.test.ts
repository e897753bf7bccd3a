import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { GiB, MiB } from '../../../src/base/units.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { placeOf, withPlace } from '../../../src/config/places.ts';

const parse = (text: string, sets: Record<string, string> = {}, file = 'vms/board.yaml') =>
  parseConfig(text, {
    file,
    directory: '/vms',
    sets: Object.entries(sets).map(([key, value]) => ({ key, value })),
    resolvePath: (path, at) => `/${at.file === '--set' ? 'cwd' : 'vms'}/${path}`,
  });

function mistakeIn(text: string, sets: Record<string, string> = {}): string {
  try {
    parse(text, sets);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${error.file}:${error.line ?? ''}:${error.keyPath}: ${error.message}`;
  }
  throw new Error('The config was accepted');
}

test('parseConfig: the shortest config has every default', () => {
  const config = parse('kernel: Image');

  expect(config).toMatchObject({
    name: 'board',
    cpus: { count: 1, pin: undefined, sve: 'auto', pauth: 'auto', pmu: 'auto', mte: 'off', stolenTime: 'auto' },
    memory: { size: 512 * MiB, base: GiB, hugepages: 0, prefault: false },
    kernel: { image: '/vms/Image', initrd: undefined, cmdline: '', format: 'auto' },
    console: { kind: 'stdio' },
    gic: 'auto',
    its: 'auto',
    registerPages: 'auto',
    overlays: [],
    onPanic: 'exit',
    onReboot: 'reboot',
    stopTimeoutS: 30,
    controlSocket: undefined,
    devices: {},
    file: 'vms/board.yaml',
    directory: '/vms',
  });
});

test('parseConfig: long forms, sizes, hexadecimal and CPU ranges', () => {
  const config = parse(`
name: bench-board
cpus: { count: 5, pin: [0-2, 7, 5], sve: off }
memory: { size: 4GiB, hugepages: 2M, prefault: true, base: 0x80000000 }
kernel: { image: Image, initrd: rd.gz, cmdline: "a=1 b", format: raw }
console: unix:run/c.sock
overlays: [b.dtbo, { /chosen: { a: [1, 2], b: true } }]
`);

  expect(config.name).toBe('bench-board');
  expect(config.cpus).toMatchObject({ count: 5, pin: [0, 1, 2, 7, 5], sve: 'off' });
  expect(config.memory).toEqual({ size: 4 * GiB, base: 0x80000000, hugepages: 2 * MiB, prefault: true });
  expect(config.kernel).toEqual({ image: '/vms/Image', initrd: '/vms/rd.gz', cmdline: 'a=1 b', format: 'raw' });
  expect(config.console).toEqual({ kind: 'unix', path: '/vms/run/c.sock' });
  expect(config.overlays).toEqual([
    { kind: 'file', path: '/vms/b.dtbo' },
    { kind: 'inline', tree: { '/chosen': { a: [1, 2], b: true } } },
  ]);
});

test('parseConfig: every path is noted with the key that names it', () => {
  const { paths } = parse('kernel: { image: Image, initrd: rd }\nconsole: file:log\noverlays: [a.dts]');

  expect(paths).toEqual([
    { path: '/vms/Image', access: 'read', keyPath: 'kernel.image' },
    { path: '/vms/rd', access: 'read', keyPath: 'kernel.initrd' },
    { path: '/vms/log', access: 'create', keyPath: 'console' },
    { path: '/vms/a.dts', access: 'read', keyPath: 'overlays.0' },
  ]);
});

test('parseConfig: anchors and aliases stand for their value', () => {
  expect(parse('kernel: &k Image\noverlays: [{ /a: &n { x: 1 }, /b: *n }]').overlays).toEqual([
    { kind: 'inline', tree: { '/a': { x: 1 }, '/b': { x: 1 } } },
  ]);
});

test.each([
  ['vms/bench board.v2.yaml', 'bench-board.v2'],
  ['/etc/.hidden', 'hidden'],
  ['...', 'vm'],
])('parseConfig: the file %s names the VM %s', (file, name) => {
  expect(parse('kernel: Image', {}, file).name).toBe(name);
});

describe('parseConfig: the sentence for', () => {
  test.each([
    ['an empty file', '', 'vms/board.yaml::: The config is empty: write at least kernel: PATH'],
    [
      'a list on top',
      '- kernel',
      'vms/board.yaml:1:: The config is not a mapping of keys: begin with, for example, kernel: Image',
    ],
    ['broken YAML', 'kernel: Image\ncpus: [1', 'vms/board.yaml:2:: This is not YAML: '],
    ['a key twice', 'kernel: a\nkernel: b', 'vms/board.yaml:2:: This key is given twice: remove one'],
    [
      'two documents',
      'kernel: a\n---\nkernel: b',
      'vms/board.yaml:2:: There are several YAML documents here: keep one VM per file',
    ],
    [
      'an alias without anchor',
      'kernel: *none',
      'vms/board.yaml:1:: There is no anchor &none: write one before this alias',
    ],
    [
      'an anchor in itself',
      'kernel: a\noverlays: [&a { b: *a }]',
      'vms/board.yaml:2:: Mappings and lists are nested deeper than 64 levels',
    ],
    [
      'a mapping as key',
      'kernel: a\n? { b: c }\n: d',
      'vms/board.yaml:2:: A key is a mapping or a list: write a plain word',
    ],
    ['a mistyped key', 'kernel: a\nmemroy: 1G', ':2:memroy: Unknown key "memroy": did you mean "memory"?'],
    [
      'an unknown key',
      'kernel: a\ncpus:\n  turbo: on',
      ':3:cpus.turbo: Unknown key "turbo": known here are count, pin, sve, pauth, pmu, mte, stolen-time',
    ],
    ['no kernel', 'cpus: 2', 'vms/board.yaml::kernel: This key is missing: write for example kernel: Image'],
    [
      'a kernel without image',
      'kernel: { initrd: a }',
      'vms/board.yaml:1:kernel.image: This key is missing: write for example image: Image',
    ],
    [
      'a word for a number',
      'kernel: a\ncpus: two',
      ':2:cpus: Expected a whole number from 1 to 512, got "two": write for example cpus: 4',
    ],
    [
      'no vCPU',
      'kernel: a\ncpus: { count: 0 }',
      ':2:cpus.count: Expected a whole number from 1 to 512, got the number 0: write for example count: 4',
    ],
    ['half a vCPU', 'kernel: a\ncpus: 1.5', 'got the number 1.5'],
    ['a list for a number', 'kernel: a\ncpus: [1]', 'got a list'],
    ['an empty value', 'kernel: a\ncpus:', 'got nothing'],
    [
      'memory without unit',
      'kernel: a\nmemory: 512',
      ':2:memory: Expected a size from 2M to 16T, a multiple of 2M, got the number 512: write memory: 512M',
    ],
    ['a small letter', 'kernel: a\nmemory: 512m', 'got "512m": write memory: 512M'],
    ['a decimal unit', 'kernel: a\nmemory: 2 GB', 'got "2 GB": write memory: 2G'],
    ['an odd size', 'kernel: a\nmemory: 3M', 'got "3M": write for example memory: 512M'],
    ['too much memory', 'kernel: a\nmemory: 17T', 'got "17T"'],
    [
      'an odd base',
      'kernel: a\nmemory: { base: 0x40000001 }',
      'Expected an address from 0x40000000 to 0x800000000000, a multiple of 2M, got the number 1073741825',
    ],
    [
      'a huge page size that no host has',
      'kernel: a\nmemory: { hugepages: 4M }',
      'Expected one of off, 64K, 2M, 32M, 512M, 1G, 16G, got "4M": write for example hugepages: 2M',
    ],
    ['hugepages: 0', 'kernel: a\nmemory: { hugepages: 0 }', 'got the number 0'],
    ['on for true', 'kernel: a\nmemory: { prefault: on }', 'Expected true or false, got "on": write prefault: true'],
    ['no for false', 'kernel: a\nmemory: { prefault: no }', 'write prefault: false'],
    [
      'true for on',
      'kernel: a\ncpus: { sve: true }',
      ':2:cpus.sve: Expected one of auto, on, off, got true: write sve: on',
    ],
    ['a mistyped choice', 'kernel: a\ngic: v33', 'Expected one of auto, v3, v2, got "v33": write gic: v3'],
    ['an unknown choice', 'kernel: a\non-panic: explode', 'write for example on-panic: reboot'],
    [
      'an unknown console',
      'kernel: a\nconsole: serial',
      ':2:console: Expected one of stdio, pty, none, file:PATH, unix:PATH, got "serial": write for example console: stdio',
    ],
    ['a console file without path', 'kernel: a\nconsole: "file:"', 'got "file:"'],
    [
      'a number as text',
      'kernel: { image: a, cmdline: 1 }',
      ':1:kernel.cmdline: Expected a text, got the number 1: put it in quotes, cmdline: "1"',
    ],
    ['a name with a slash', 'kernel: a\nname: a/b', 'Expected up to 64 letters, digits, dots, dashes and underscores'],
    ['an empty path', 'kernel: ""', 'Expected a path, got "": write for example kernel: Image'],
    [
      'a long command line',
      `kernel: { image: a, cmdline: ${'x'.repeat(2048)} }`,
      'This text has 2048 characters and at most 2047 fit: shorten it',
    ],
    ['a mapping for a choice', 'kernel: a\ngic: { version: 3 }', 'got a mapping'],
    [
      'a CPU that is a word',
      'kernel: a\ncpus: { pin: all }',
      'Expected host CPU numbers, got "all": write for example pin: 0-3',
    ],
    ['no CPUs', 'kernel: a\ncpus: { pin: [] }', 'got an empty list'],
    ['a range backwards', 'kernel: a\ncpus: { pin: 3-0 }', 'The range 3-0 ends before it begins: write 0-3'],
    ['a CPU beyond all', 'kernel: a\ncpus: { pin: 0-9999 }', 'Host CPU 9999 cannot exist: write numbers up to 4095'],
    [
      'a CPU twice',
      'kernel: a\ncpus: { pin: [0-2, 1] }',
      'Host CPU 1 is named twice: name another host CPU for each vCPU',
    ],
    [
      'pins that are too few',
      'kernel: a\ncpus:\n  count: 4\n  pin: 0-1',
      ':4:cpus.pin: This names 2 host CPUs for 4 vCPUs: name one host CPU for each vCPU',
    ],
    ['a pin too many', 'kernel: a\ncpus: { pin: 0-1 }', 'This names 2 host CPUs for 1 vCPU: name'],
    [
      'nine vCPUs on GICv2',
      'kernel: a\ngic: v2\ncpus: 9',
      ':3:cpus.count: GICv2 carries 8 vCPUs at most, not 9: write gic: v3',
    ],
    ['ITS on GICv2', 'kernel: a\ngic: v2\nits: on', ':3:its: GICv2 has no ITS: write its: auto, or gic: v3'],
    [
      'the terminal for two consoles',
      'kernel: a\ndevices:\n  con0: { type: console, console: stdio }',
      ':3:devices.con0.console: The terminal (stdio) is already that of console: write console: none on top',
    ],
    [
      'the terminal for two consoles of devices',
      'kernel: a\nconsole: none\ndevices:\n  a: { type: console, console: stdio }\n  b: { type: console, console: stdio }',
      ':5:devices.b.console: The terminal (stdio) is already that of devices.a.console: let one of them lead elsewhere',
    ],
    [
      'a device off PCI that comes and goes',
      'kernel: a\ndevices:\n  a: { type: rng, hotplug: true }',
      ':3:devices.a.hotplug: Only a device on PCI can come and go: write transport: pci',
    ],
    [
      'a device that comes and goes without messages',
      'kernel: a\nits: off\ndevices:\n  a: { type: rng, transport: pci, hotplug: true }',
      ':4:devices.a.hotplug: The guest is told by a message that a device comes or goes: write its: auto',
    ],
    [
      'a device with children that comes and goes',
      'kernel: a\ndevices:\n  a: { type: rng, transport: pci, hotplug: true, children: [{ b: {} }] }',
      ':3:devices.a.hotplug: A device with a pool or children cannot come and go: leave hotplug out',
    ],
    [
      'more devices that come and go than there are buses',
      `kernel: a\ndevices:\n${Array.from({ length: 16 }, (_, n) => `  r${n}: { type: rng, transport: pci, hotplug: true }\n`).join('')}`,
      ':18:devices.r15.hotplug: 16 devices can come and go here: there are buses for 15',
    ],
    [
      'a back-end that is not said how to reach',
      'kernel: a\ndevices:\n  a: { type: i2c, backend: {} }',
      ':3:devices.a.backend: This does not say how the back-end is reached: write one of socket, listen and command',
    ],
    [
      'a back-end in two ways',
      'kernel: a\ndevices: { a: { type: i2c, backend: { socket: /s, listen: /l } } }',
      'devices.a.backend: This says twice how the back-end is reached',
    ],
    [
      'a back-end that is not told where to listen',
      'kernel: a\ndevices: { a: { type: fs, backend: { command: [virtiofsd] } } }',
      'devices.a.backend.command: No argument says where the program has to listen: write {socket} for the path',
    ],
    [
      'an environment for a program of somebody else',
      'kernel: a\ndevices: { a: { type: i2c, backend: { socket: /s, env: { A: b } } } }',
      'devices.a.backend.env: This is for a program that is started here: leave env out, or write command',
    ],
    [
      'a back-end and memory with tags',
      'kernel: a\ncpus: { mte: auto }\ndevices: { a: { type: i2c, backend: /s } }',
      ':2:cpus.mte: Memory with tags cannot be shared with the back-end of a: write mte: off',
    ],
    [
      'a device that only another process serves',
      'kernel: a\ndevices: { a: { type: i2c } }',
      'Only another process serves devices of type i2c: write for example backend: /run/a.sock',
    ],
    [
      'a key of our own device beside a back-end',
      'kernel: a\ndevices: { a: { type: blk, path: x, backend: /s } }',
      'devices.a.path: Unknown key "path": known here are type, backend, queues',
    ],
    [
      'a device of any type without its id',
      'kernel: a\ndevices: { a: { type: vhost-user, queues: 1, backend: /s } }',
      'devices.a.id: This key is missing: write for example id: 34',
    ],
    [
      'a size that huge pages do not divide',
      'kernel: a\nmemory: { size: 1026M, hugepages: 1G }',
      ':2:memory.size: 1026M is not a whole number of 1G huge pages: write a multiple of 1G',
    ],
    [
      'overlays as a path',
      'kernel: a\noverlays: a.dtbo',
      'Expected a list of overlays, got "a.dtbo": write for example',
    ],
    [
      'an overlay of another kind',
      'kernel: a\noverlays:\n  - a.dtbo\n  - b.txt',
      ':4:overlays.1: Expected a path that ends in .dtbo or .dts, or a mapping with device-tree nodes',
    ],
    ['devices as a list', 'kernel: a\ndevices: [a]', 'Expected a mapping of device names, got a list'],
    [
      'a device name',
      'kernel: a\ndevices: { 1st: {} }',
      ':2:devices.1st: "1st" cannot be the name of a device: begin with a letter, then letters, digits, dashes and underscores, 32 at most',
    ],
    [
      'a device that is a word',
      'kernel: a\ndevices: { root: blk }',
      ':2:devices.root: Expected a mapping with a type: write for example { type: … }',
    ],
    [
      'a device without type',
      'kernel: a\ndevices: { root: {} }',
      ':2:devices.root: This device has no type: write one of',
    ],
    [
      'an unknown device type',
      'kernel: a\ndevices:\n  root: { type: teapot }',
      ':3:devices.root.type: Unknown device type "teapot": known here are',
    ],
  ])('%s', (_, text, sentence) => {
    expect(mistakeIn(text)).toContain(sentence);
  });
});

describe('parseConfig: --set', () => {
  test('sets a key below a short form and keeps it', () => {
    expect(parse('kernel: Image\ncpus: 4', { 'cpus.sve': 'off' }).cpus).toMatchObject({ count: 4, sve: 'off' });
  });

  test('sets the short key of a mapping and keeps the others', () => {
    expect(parse('kernel: { image: a, cmdline: x }', { kernel: 'b' }).kernel).toMatchObject({
      image: '/cwd/b',
      cmdline: 'x',
    });
  });

  test('replaces a mapping by a mapping', () => {
    const { cpus } = parse('kernel: a\ncpus: { count: 2, sve: off }', { cpus: '{ count: 3 }' });
    expect(cpus).toMatchObject({ count: 3, sve: 'auto' });
  });

  test('makes mappings that the file does not have, and later values win', () => {
    const sets = [
      { key: 'memory.prefault', value: 'false' },
      { key: 'memory.prefault', value: 'true' },
    ];
    const options = { file: 'a.yaml', directory: '/', sets, resolvePath: (path: string) => path };
    expect(parseConfig('kernel: a', options).memory.prefault).toBe(true);
  });

  test('takes texts as they stand', () => {
    const { kernel, name } = parse('kernel: a', { 'kernel.cmdline': 'a: b: [c # d', name: '007' });
    expect(kernel.cmdline).toBe('a: b: [c # d');
    expect(name).toBe('007');
    expect(parse('kernel: { image: a, cmdline: x }', { 'kernel.cmdline': '' }).kernel.cmdline).toBe('');
  });

  test('takes lists as YAML', () => {
    expect(parse('kernel: a\ncpus: 2', { 'cpus.pin': '[3, 1]' }).cpus.pin).toEqual([3, 1]);
    expect(parse('kernel: a\ncpus: 2', { 'cpus.pin': '2-3' }).cpus.pin).toEqual([2, 3]);
  });

  test.each([
    [{ 'cpus.cuont': '2' }, '--set::cpus.cuont: Unknown key "cuont": did you mean "count"?'],
    [{ 'memmory.size': '2G' }, '--set::memmory: Unknown key "memmory": did you mean "memory"?'],
    [{ 'console.path': 'a' }, '--set::console.path: There is no key below console: set console itself'],
    [{ cpus: 'many' }, '--set::cpus.count: Expected a whole number from 1 to 512, got "many"'],
    [{ 'devices.root': '{ type: teapot }' }, '--set::devices.root.type: Unknown device type "teapot"'],
    [{ 'devices.root.path': 'a' }, '--set::devices.root: This device has no type'],
  ])('%j is refused with its sentence', (sets, sentence) => {
    expect(mistakeIn('kernel: a\ncpus: { count: 2 }', sets)).toContain(sentence);
  });
});

describe('placeOf', () => {
  const config = parse('name: x\nkernel: Image\nmemory:\n  size: 2G\n', { gic: 'v3' });

  test.each([
    ['memory.size', { file: 'vms/board.yaml', line: 4 }],
    ['kernel.image', { file: 'vms/board.yaml', line: 2 }],
    ['gic', { file: '--set', line: undefined }],
    ['its', { file: 'vms/board.yaml', line: undefined }],
  ])('%s stands at %j', (keyPath, place) => {
    expect(placeOf(config, keyPath)).toEqual(place);
  });

  test('withPlace: adds file and line to an error that knows its key alone', () => {
    expect(withPlace(new ConfigError('Too large', { keyPath: 'memory.size' }), config)).toMatchObject({
      message: 'Too large',
      keyPath: 'memory.size',
      file: 'vms/board.yaml',
      line: 4,
    });
    const elsewhere = new ConfigError('Bad', { keyPath: 'gic', file: 'other' });
    expect(withPlace(elsewhere, config)).toBe(elsewhere);
  });
});

test('VmConfig: is plain data that a worker can be sent', () => {
  const config = parse('kernel: a\nconsole: file:b\noverlays: [{ /a: { b: 1 } }]');
  expect(structuredClone(config)).toEqual(config);
});
