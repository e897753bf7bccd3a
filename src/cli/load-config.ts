/** The config file a command names, read, parsed with `--set`, and the files that it names looked for. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import { interpretConfig } from '../config/interpret.ts';
import { withPlace } from '../config/places.ts';
import type { VmConfig } from '../config/schema.ts';
import { SET_FILE, type Source } from '../config/source.ts';
import { checkPaths } from '../machine/check-paths.ts';
import type { Options, Positionals } from './command.ts';
import { recall, remember } from './config-cache.ts';
import { print } from './output.ts';
import { UsageError } from './usage-error.ts';

/** The positional and the options of every command that takes a config. */
export const CONFIG_POSITIONAL = {
  config: { describe: 'The config file of the VM (YAML)' },
} as const satisfies Positionals;
export const CONFIG_OPTIONS = {
  set: {
    type: 'string',
    array: true,
    placeholder: 'KEY=VALUE',
    describe: 'Set a key of the config, as though the file said it (may be repeated): --set cpus.count=4',
  },
} as const satisfies Options;
export const PRINT_CONFIG_OPTION = {
  'print-config': { type: 'boolean', describe: 'Print the effective config, every default written out, and exit' },
} as const satisfies Options;

/** A config is written by hand; what is larger is another file given by mistake. */
const CONFIG_BYTES_MAX = 1024 * 1024;

/** Reads and checks the config. Relative paths start at the file, those in `sets` at the working directory. */
export async function loadConfig(file: string, sets: readonly string[]): Promise<VmConfig> {
  const config = await parseConfigFile(file, sets);
  checkPaths(config);
  return config;
}

/** Does `work` with the config; a ConfigError that it throws about a key gets the file and line of that key. */
export async function withConfig<Result>(config: VmConfig, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ConfigError ? withPlace(error, config) : error;
  }
}

/** `--print-config`: the files that the config names need not be there. */
export async function printConfigFile(file: string, sets: readonly string[]): Promise<void> {
  const { printConfig } = await import('../config/print.ts');
  print(printConfig(await parseConfigFile(file, sets)));
}

/** Reads the config without looking for the files that it names. */
export async function parseConfigFile(file: string, sets: readonly string[]): Promise<VmConfig> {
  const directory = dirname(resolve(file));
  const assignments = sets.map(splitSet);
  return interpretConfig(await readTree(file), {
    file,
    directory,
    sets: await Promise.all(assignments.map(async ({ key, value }) => ({ key, value: await readValue(value) }))),
    resolvePath: (path, at) => (at.file === SET_FILE ? resolve(path) : resolve(directory, path)),
  });
}

async function readTree(file: string): Promise<Source> {
  const text = readConfig(file);
  const known = recall(file, text);
  if (known) return known;
  const { readYaml } = await import('../config/yaml.ts');
  const source = readYaml(text, file);
  remember(file, text, source);
  return source;
}

async function readValue(typed: string): Promise<Source> {
  const { readSet } = await import('../config/yaml.ts');
  return readSet(typed);
}

function readConfig(file: string): string {
  const bytes = readBytes(file);
  if (bytes.length > CONFIG_BYTES_MAX) {
    throw new ConfigError('Cannot read the config: it is larger than 1 MiB: name the YAML file of a VM', { file });
  }
  return bytes.toString('utf8');
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ConfigError(`Cannot read the config: ${readFailure(error as NodeJS.ErrnoException)}`, { file });
  }
}

function readFailure({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such file: name the YAML file of a VM';
  if (code === 'EISDIR') return 'it is a directory: name the YAML file of a VM';
  if (code === 'EACCES') return 'you may not read it: change its permissions';
  return message;
}

function splitSet(typed: string): { key: string; value: string } {
  const equals = typed.indexOf('=');
  if (equals <= 0) throw new UsageError(`--set ${typed} has no key and value: write --set KEY=VALUE`, 'run');
  return { key: typed.slice(0, equals), value: typed.slice(equals + 1) };
}
