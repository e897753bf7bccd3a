/** The text of a config file and of `--set` → a `VmConfig`, in one step. */
import { type InterpretOptions, interpretConfig } from './interpret.ts';
import type { VmConfig } from './schema.ts';
import { readSet, readYaml } from './yaml.ts';

export interface ParseOptions extends Omit<InterpretOptions, 'sets'> {
  /** `KEY=VALUE` of the command line, in order. */
  readonly sets?: readonly { readonly key: string; readonly value: string }[];
}

export function parseConfig(text: string, { sets = [], ...options }: ParseOptions): VmConfig {
  const assignments = sets.map(({ key, value }) => ({ key, value: readSet(value) }));
  return interpretConfig(readYaml(text, options.file), { ...options, sets: assignments });
}
