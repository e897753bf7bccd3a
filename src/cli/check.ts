/** `orko-vmm check CONFIG`: would it run here, and if not, why. */
import { ConfigError } from '../base/errors.ts';
import type { Problem } from '../doctor/problems.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { CONFIG_OPTIONS, CONFIG_POSITIONAL, parseConfigFile } from './load-config.ts';
import { print, say } from './output.ts';
import { placeOf } from './report-error.ts';

const SEVERITIES: Readonly<Record<Problem['severity'], string>> = { error: '', warning: 'Warning: ' };

export const checkCommand = defineCommand({
  name: 'check',
  summary: 'Say whether a config would run here',
  description: [
    'Checks a config and this host against each other: the files it names, the kernel and whether everything fits into memory, the overlays, and on an Arm host what KVM can do: interrupt controller, CPU features, vCPUs, address bits, huge pages, pinning, sockets in use.',
    'Everything that is wrong is said, one line each (of YAML mistakes the first). The exit code is 0 when it would run, 65 when the config has to be changed, and 69 when only the host is in the way. Warnings do not count.',
  ].join(' '),
  positionals: CONFIG_POSITIONAL,
  options: {
    ...CONFIG_OPTIONS,
    'explain-sharing': {
      type: 'boolean',
      describe: 'Say too which back-end will see which bytes of guest memory, and as whom it will run',
    },
    json: {
      type: 'boolean',
      describe: 'Print JSON: an array of what is wrong; with --explain-sharing an object of `problems` and `sharing`',
    },
  },
  examples: [
    { line: 'orko-vmm check board.yaml', what: 'See whether it would run here' },
    { line: 'orko-vmm check board.yaml --explain-sharing', what: 'Which back-end will see what of the guest' },
    { line: 'orko-vmm check board.yaml --set gic=v2', what: 'The same with another interrupt controller' },
  ],
  async run({ config, set, explainSharing: isExplained, json, quiet }) {
    const vm = await parseConfigFile(config, set);
    const { checkConfig } = await import('../doctor/check.ts');
    const problems = await checkConfig(vm);
    const sharing = isExplained ? (await import('../machine/sharing.ts')).explainSharing(vm) : undefined;
    if (json) {
      const found = problems.map(plain);
      print(`${JSON.stringify(sharing ? { problems: found, sharing } : found, undefined, 2)}\n`);
    } else {
      if (sharing) print((await import('./sharing-lines.ts')).sharingLines(sharing));
      for (const { severity, error } of problems) print(`${SEVERITIES[severity]}${lineOf(error)}\n`);
    }
    const errors = problems.filter(({ severity }) => severity === 'error');
    if (!quiet && !json) say(errors.length === 0 ? `${config} would run here` : `${config} would not run here`);
    if (errors.length === 0) return EXIT.OK;
    return errors.some(({ error }) => error instanceof ConfigError) ? EXIT.CONFIG : EXIT.HOST;
  },
});

function lineOf(error: Problem['error']): string {
  return error instanceof ConfigError ? `${placeOf(error)}${error.message}` : error.message;
}

function plain({ severity, error }: Problem) {
  const { message } = error;
  if (!(error instanceof ConfigError)) return { severity, fault: 'host', message };
  const { keyPath, file, line } = error;
  return { severity, fault: 'config', keyPath, file, line, message };
}
