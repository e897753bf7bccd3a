/** What quirks a machine has, this one or one of which the sysfs was copied: `orko-vmm quirks` (docs/device-memory.md). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, HostError } from '../base/errors.ts';
import { type QuirkRow, readQuirkFile } from '../config/quirk-file.ts';
import { readYaml } from '../config/yaml.ts';
import { HostFiles } from '../host/host-files.ts';
import { BAR_POLICIES, BAR_POLICY_NAMES, type BarPolicy, type PolicyMeaning } from '../pci/bar-policy.ts';
import { type Decision, decide } from '../pci/decide.ts';
import type { Platform } from '../pci/platform.ts';
import { QUIRKS, type Quirk } from '../pci/quirks.ts';
import { readPlatform } from './pci-platform.ts';

/** Files that are read where they exist: the system's, the user's. */
const FILES = (env: NodeJS.ProcessEnv) => [
  '/etc/orko-vmm/quirks.yaml',
  join(env['XDG_CONFIG_HOME'] ?? join(env['HOME'] ?? '/', '.config'), 'orko-vmm/quirks.yaml'),
];

export interface QuirkReport {
  readonly platform: Platform;
  readonly decisions: readonly Decision[];
  /** The policies of these decisions, and those that could be chosen. */
  readonly policies: Readonly<Partial<Record<BarPolicy, PolicyMeaning>>>;
  /** Files of quirks that were read. */
  readonly files: readonly string[];
}

export interface QuirkOptions {
  /** Where the tree of sysfs lies. */
  readonly sysfs: string;
  /** A file of quirks beside those that are always read. */
  readonly file?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

export function examineQuirks({ sysfs, file, env }: QuirkOptions): QuirkReport {
  const platform = readPlatform(new HostFiles(sysfs));
  if (platform === undefined) {
    throw new HostError(
      `Cannot find PCI devices in ${sysfs}: there is no bus/pci/devices: name a copy of a whole /sys`,
    );
  }
  const files: string[] = [];
  const own = [...(file === undefined ? [] : [file]), ...FILES(env)].flatMap((path) => {
    const rows = readRows(path, path === file);
    if (rows !== undefined) files.push(path);
    return Object.entries(rows ?? {}).map(([id, row]) => toQuirk(id, row, path));
  });
  const names = new Set(own.map(({ id }) => id));
  const decisions = decide(platform, [...own, ...QUIRKS.filter(({ id }) => !names.has(id))]);
  const used = decisions.flatMap(({ policy, quirk }) => [policy, ...(quirk?.choices ?? [])]);
  const policies = Object.fromEntries(
    BAR_POLICY_NAMES.filter((name) => used.includes(name)).map((name) => [name, BAR_POLICIES[name]]),
  );
  return { platform, decisions, policies, files };
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
  const { hardware, bridges, socIds, compatibles, problem, policy, note } = row;
  return {
    id,
    hardware: hardware || id,
    match: { bridges, socIds, compatibles },
    problem,
    policy,
    choices: [],
    ...(note && { note }),
    source: path,
  };
}
