/** `orko-vmm check`: whether one config would run on this host, everything asked that can be asked without running it. */
import { HostError } from '../base/errors.ts';
import type { VmConfig } from '../config/schema.ts';
import { assumedFacts } from '../machine/assumed-facts.ts';
import { pathProblems } from '../machine/check-paths.ts';
import { guestTree } from '../machine/guest-tree.ts';
import { prepareImages } from '../machine/images.ts';
import type { Finding } from './finding.ts';
import { type Problem, Problems } from './problems.ts';
import { runtimeFindings } from './software-findings.ts';

/** Everything that is wrong, not only the first thing; nothing when `run` would boot it. */
export async function checkConfig(config: VmConfig): Promise<readonly Problem[]> {
  const problems = new Problems(config);
  for (const error of pathProblems(config)) problems.add('error', error);
  if (!problems.concern('kernel')) await problems.attempt(() => prepareImages(config, config.memory));
  const missing = (await runtimeFindings()).filter(({ severity }) => severity === 'error');
  for (const finding of missing) problems.add('error', hostErrorOf(finding));
  // Without koffi the host cannot be asked.
  const facts =
    missing.length > 0 ? assumedFacts(config) : await (await import('./check-host.ts')).checkHost(config, problems);
  if (!problems.concern('overlays')) await problems.attempt(() => guestTree(config, facts));
  return problems.found;
}

function hostErrorOf({ title, value, consequence, remedy }: Finding): HostError {
  return new HostError(`Cannot run a guest here: ${title} is ${value}, and ${consequence}: ${remedy}`);
}
