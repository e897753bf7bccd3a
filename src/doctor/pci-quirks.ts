/** What quirks a machine has, this one or one of which the sysfs was copied: `orko-vmm quirks` (docs/device-memory.md). */
import { HostError } from '../base/errors.ts';
import { HostFiles } from '../host/host-files.ts';
import { loadQuirks } from '../machine/quirk-files.ts';
import { BAR_POLICIES, BAR_POLICY_NAMES, type BarPolicy, type PolicyMeaning } from '../pci/bar-policy.ts';
import { type Decision, decide } from '../pci/decide.ts';
import type { Platform } from '../pci/platform.ts';
import { readPlatform } from '../vfio/host-platform.ts';

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
  const { quirks, files } = loadQuirks(env, file);
  const decisions = decide(platform, quirks);
  const used = decisions.flatMap(({ policy, quirk }) => [policy, ...(quirk?.choices ?? [])]);
  const policies = Object.fromEntries(
    BAR_POLICY_NAMES.filter((name) => used.includes(name)).map((name) => [name, BAR_POLICIES[name]]),
  );
  return { platform, decisions, policies, files };
}
