/** The quirks that hold on this machine: the built-in ones, and before them those in files of the system's and the user's (docs/device-memory.md). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import { type QuirkRow, readQuirkFile } from '../config/quirk-file.ts';
import { readYaml } from '../config/yaml.ts';
import { BAR_POLICY_NAMES, type BarPolicy } from '../pci/bar-policy.ts';
import { QUIRKS, type Quirk } from '../pci/quirks.ts';

/** Files that are read where they exist: the system's, the user's. */
const FILES = (env: NodeJS.ProcessEnv) => [
  '/etc/orko-vmm/quirks.yaml',
  join(env['XDG_CONFIG_HOME'] ?? join(env['HOME'] ?? '/', '.config'), 'orko-vmm/quirks.yaml'),
];

export interface LoadedQuirks {
  /** The first that fits holds. */
  readonly quirks: readonly Quirk[];
  /** Files that were read. */
  readonly files: readonly string[];
}

/** `file`: one more, which has to be there. */
export function loadQuirks(env: NodeJS.ProcessEnv, file?: string): LoadedQuirks {
  const files: string[] = [];
  const own = [...(file === undefined ? [] : [file]), ...FILES(env)].flatMap((path) => {
    const rows = readRows(path, path === file);
    if (rows !== undefined) files.push(path);
    return Object.entries(rows ?? {}).map(([id, row]) => toQuirk(id, row, path));
  });
  const names = new Set(own.map(({ id }) => id));
  return { quirks: [...own, ...QUIRKS.filter(({ id }) => !names.has(id))], files };
}

function readRows(path: string, isWanted: boolean): Readonly<Record<string, QuirkRow<BarPolicy>>> | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (!isWanted && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ConfigError(`Cannot read the quirks in ${path}: ${(error as Error).message}`, { file: path });
  }
  return readQuirkFile(readYaml(text, path), BAR_POLICY_NAMES);
}

function toQuirk(id: string, row: QuirkRow<BarPolicy>, path: string): Quirk {
  const { hardware, bridges, socIds, compatibles, problem, policy, guestBridge, guestDma, note } = row;
  return {
    id,
    hardware: hardware || id,
    match: { bridges, socIds, compatibles },
    problem,
    policy,
    choices: [],
    guest: { bridge: guestBridge, isIncoherent: guestDma === 'incoherent' },
    ...(note && { note }),
    source: path,
  };
}
