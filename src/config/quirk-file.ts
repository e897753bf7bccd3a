/** A file of quirks of the user's own: rows like those of pci/quirks.ts, which hold before the built-in ones (docs/device-memory.md). */
import { choice, map, object, text, texts } from './kinds.ts';
import { read } from './read.ts';
import { errorAt } from './reading.ts';
import type { Source } from './source.ts';

const ROWS_MAX = 256;

/** The table of keys, for these policies. */
const quirkFile = (policies: readonly string[]) =>
  object({
    help: 'Quirks by name. One with the name of a built-in one takes its place.',
    keys: {
      quirks: map({
        help: 'Quirks by name.',
        required: true,
        examples: ['{ my-board: { bridges: ["1b36:0008"], problem: "…", policy: trap } }'],
        namePattern: /^[a-z0-9][a-z0-9-]{0,63}$/,
        namePatternHelp: 'up to 64 small letters, digits and dashes',
        countMax: ROWS_MAX,
        of: object({
          help: 'A machine, and what is done there. It needs at least one of bridges, soc-ids and compatibles.',
          keys: {
            hardware: text({ help: 'What the machine is called.', default: '' }),
            bridges: texts({
              help: 'Host bridges or root ports.',
              default: [],
              pattern: /^[0-9a-f*]{4}:[0-9a-f*]{4}$/,
              patternHelp: 'vendor:device, four small hexadecimal digits or * each, in quotes',
            }),
            'soc-ids': texts({
              help: 'As /sys/devices/soc0/soc_id says it.',
              default: [],
              pattern: /^\S+$/,
              patternHelp: 'a word like jep106:0a16:0001, in quotes',
            }),
            compatibles: texts({
              help: '`compatible` of the machine or of its PCI controller.',
              default: [],
              pattern: /^\S+$/,
              patternHelp: 'a word like rockchip,rk3588, in quotes',
            }),
            problem: text({ help: 'What is wrong.', required: true, examples: ['"writes are lost"'] }),
            policy: choice({ help: 'What is done.', required: true, choices: policies, examples: ['trap'] }),
            'guest-bridge': text({
              help: "The id that the guest's host bridge bears while a BAR is direct.",
              defaultHelp: 'one that no kernel has a quirk for',
              pattern: /^[0-9a-f]{4}:[0-9a-f]{4}$/,
              patternHelp: 'vendor:device, four small hexadecimal digits each, in quotes',
            }),
            'guest-dma': choice({
              help: 'What the device tree of the guest says of DMA: whether it sees the caches of the CPUs.',
              default: 'coherent',
              choices: ['coherent', 'incoherent'],
            }),
            note: text({ help: 'What else holds there.', default: '' }),
          },
        }),
      }),
    },
  });

export interface QuirkRow<Policy extends string> {
  readonly hardware: string;
  readonly bridges: readonly string[];
  readonly socIds: readonly string[];
  readonly compatibles: readonly string[];
  readonly problem: string;
  readonly policy: Policy;
  readonly guestBridge: string | undefined;
  readonly guestDma: 'coherent' | 'incoherent';
  readonly note: string;
}

/** The rows of a file that was read as YAML; a ConfigError says what is wrong with it, and where. */
export function readQuirkFile<Policy extends string>(
  source: Source,
  policies: readonly Policy[],
): Readonly<Record<string, QuirkRow<Policy>>> {
  const reading = { paths: [], resolvePath: (path: string) => path };
  const { quirks } = read(quirkFile(policies), source, '', reading) as { quirks: Record<string, QuirkRow<Policy>> };
  for (const [name, { bridges, socIds, compatibles }] of Object.entries(quirks)) {
    if (bridges.length + socIds.length + compatibles.length > 0) continue;
    const place = source.kind === 'mapping' ? (source.entries.get('quirks')?.at ?? source.at) : source.at;
    throw errorAt(place, `quirks.${name}`, 'This quirk fits no machine: name bridges, soc-ids or compatibles');
  }
  return quirks;
}
