/** `orko-vmm backend TYPE`: serves a device from a process of its own, to any VMM that speaks vhost-user. */
import { resolve } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import {
  EXPORTED_TYPES,
  type ExportedKeys,
  type ExportedTypeName,
  exportedKeys,
  readExported,
} from '../config/exported-types.ts';
import { camel } from '../config/kinds.ts';
import type { Source } from '../config/source.ts';
import { defineCommand, type Option } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { print, say } from './output.ts';
import { UsageError } from './usage-error.ts';

const TYPES = Object.keys(EXPORTED_TYPES) as ExportedTypeName[];
/** Other names of keys, for who starts any back-end of this kind ("Backend program conventions"). */
const OTHER_NAMES: Readonly<Record<string, string>> = { 'blk-file': 'path', 'read-only': 'readonly' };
const FD_MAX = 2 ** 20;

export const backendCommand = defineCommand({
  name: 'backend',
  summary: 'Serve a device to another process over vhost-user',
  description: [
    'Serves a device as a vhost-user back-end: to orko-vmm (`backend: { command: [orko-vmm, backend, TYPE, --socket-path, "{socket}"] }` in a config), to QEMU, to any front-end. One at a time is served, the next one when it has gone.',
    'The options are the keys that the device has in a config, written in the same way; relative paths start at the working directory. SIGTERM ends it. SIGHUP makes a disk take over the size that its file has now.',
  ].join(' '),
  positionals: { type: { describe: 'What it is, as in a config', choices: TYPES } },
  options: {
    'socket-path': {
      type: 'string',
      placeholder: 'PATH',
      describe: 'The Unix socket to make, at which front-ends connect',
    },
    fd: {
      type: 'string',
      placeholder: 'NUMBER',
      describe:
        'Instead of that, a socket that whoever starts it has opened: one that listens, or one that a front-end is connected to',
    },
    'print-capabilities': {
      type: 'boolean',
      describe: 'Print as JSON what it can do, for whoever starts back-ends, and exit',
    },
    name: {
      type: 'string',
      describe: 'The name of the device, for messages and what goes by it; the type if left out',
    },
    'blk-file': { type: 'string', placeholder: 'PATH', describe: 'The same as --path, for a blk' },
    'read-only': { type: 'boolean', describe: 'The same as --readonly, for a blk' },
    ...keyOptions(),
  },
  examples: [
    { line: 'orko-vmm backend blk --socket-path /run/disk.sock --path root.ext4', what: 'Serve a disk' },
    {
      line: 'orko-vmm backend rng --socket-path /run/rng.sock --rate-limit "{ bytes-per-second: 4K }"',
      what: 'Serve entropy, not too much of it',
    },
    {
      line: 'orko-vmm backend net --socket-path /run/net0.sock --network tap:tap3',
      what: 'Serve a network card on a tap',
    },
  ],
  async run({ type, socketPath, fd, printCapabilities, name = type, quiet, verbose, ...rest }) {
    if (printCapabilities) {
      const { capability, features = [] } = EXPORTED_TYPES[type];
      print(`${JSON.stringify({ type: capability, features }, undefined, 2)}\n`);
      return EXIT.OK;
    }
    const at = placeOf(socketPath, fd);
    return withOptions(name, async () => {
      const keys = await readKeys(type, name, rest);
      const [{ DeviceServer }, { Fd }] = await Promise.all([import('../io/device-server.ts'), import('../host/fd.ts')]);
      const server = await DeviceServer.create({
        ...{ name, keys, at: 'path' in at ? at : { fd: new Fd(at.number) } },
        say(message, isDetail) {
          if (isDetail ? verbose : !quiet) say(`orko-vmm: ${name}: ${message}`);
        },
      });
      using _ = server;
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => server.stop());
      if (type === 'blk') process.on('SIGHUP', () => server.act('resize'));
      await server.run();
      return EXIT.OK;
    });
  },
});

function placeOf(socketPath: string | undefined, fd: string | undefined): { path: string } | { number: number } {
  if ((socketPath === undefined) === (fd === undefined)) {
    const many = socketPath === undefined ? 'Nothing says' : 'This says twice';
    throw new UsageError(`${many} where the front-end comes from: write --socket-path PATH or --fd NUMBER`, 'backend');
  }
  if (socketPath !== undefined) return { path: resolve(socketPath) };
  const number = Number(fd);
  if (!Number.isInteger(number) || number < 0 || number > FD_MAX) {
    throw new UsageError(`--fd takes the number of a file descriptor, not "${fd}"`, 'backend');
  }
  return { number };
}

/** One option for each key that one of the types has. */
function keyOptions(): Readonly<Record<string, Option>> {
  const types = new Map<string, ExportedTypeName[]>();
  const options: Record<string, Option> = {};
  for (const type of TYPES) {
    for (const [key, field] of Object.entries(exportedKeys(type))) {
      types.set(key, [...(types.get(key) ?? []), type]);
      const owners = types.get(key)!.join(', ');
      options[key] = {
        type: 'string',
        describe: `The key \`${key}\` of a device in a config (${owners})`,
        ...(field.kind === 'flag' && { implied: 'true' }),
      };
    }
  }
  return options;
}

/** The options that were given, read as the config would be. */
async function readKeys(
  type: ExportedTypeName,
  name: string,
  options: Readonly<Record<string, unknown>>,
): Promise<ExportedKeys> {
  const { readSet } = await import('../config/yaml.ts');
  const values = new Map<string, Source>();
  for (const option of [...Object.keys(keyOptions()), ...Object.keys(OTHER_NAMES)]) {
    const given = options[camel(option)];
    if (given === undefined || given === false) continue;
    values.set(OTHER_NAMES[option] ?? option, readSet(String(given)));
  }
  return readExported(type, name, values, (path) => resolve(path));
}

/** What is wrong with a key is told of the option that gave it. */
async function withOptions(name: string, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ConfigError) || !error.keyPath) throw error;
    const prefix = `devices.${name}.`;
    const key = error.keyPath.startsWith(prefix) ? error.keyPath.slice(prefix.length) : error.keyPath;
    throw Object.assign(new ConfigError(error.message, { keyPath: `--${key}` }), { stack: error.stack });
  }
}
