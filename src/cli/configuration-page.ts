/** docs/configuration.md, printed from the table of keys. */
import { DEVICE_TYPES } from '../config/device-types.ts';
import { BACKEND } from '../config/devices/backend.ts';
import { COMMON_KEYS } from '../config/devices/common.ts';
import { endpointForms, writeSizeOf } from '../config/expectation.ts';
import type { Field, ObjectField } from '../config/kinds.ts';
import { CONFIG } from '../config/schema.ts';
import { SERVED_TYPES } from '../config/served-types.ts';
import { exitCodeRows } from './exit-codes.ts';

const INTRODUCTION = `<!-- Printed by \`make docs\` from src/config/schema.ts and src/cli/. Change it there. -->
# The config file

One YAML file describes one virtual machine. Only \`kernel\` has to be there:

\`\`\`yaml
name: bench-board
cpus: 2                      # or { count: 4, pin: 0-3, sve: off }
memory: 512M                 # or { size: 4G, hugepages: 2M, prefault: true, base: 0x80000000 }
kernel: { image: Image, initrd: initramfs.cpio.gz, cmdline: "console=ttyAMA0" }
console: stdio               # pty | file:PATH | unix:PATH | none
\`\`\`

- **Short and long forms**: \`cpus: 2\` is \`cpus: { count: 2 }\`. Where a key has a short form, its table says which key it stands for.
- **Sizes** are bytes, or a whole number with K, M, G or T (1024-based; \`KiB\`, \`MiB\`, … mean the same). Numbers may be written in hexadecimal, \`0x80000000\`.
- **Relative paths** start at the directory of the file.
- **\`--set KEY=VALUE\`** sets a key as though the file said it, \`--set cpus.count=4\`; keys below others are joined with dots, the value is
  YAML, and relative paths start at the working directory. A short value keeps the rest of a mapping: \`--set cpus=4\` changes the count alone.
- **\`--print-config\`** prints the config that results, with every default.
- **Completion in an editor**: save \`orko-vmm schema\` as \`orko-vmm.schema.json\` and begin the file with
  \`# yaml-language-server: $schema=orko-vmm.schema.json\`.
`;

const DEVICES_EXAMPLE = `

\`\`\`yaml
devices:
  root:   { type: blk, path: root.ext4 }
  random: { type: rng }
\`\`\``;

const SERVED_INTRODUCTION = `A device with a \`backend\` is served over vhost-user by another process, which maps guest memory and works on the queues itself.

\`\`\`yaml
devices:
  share:   { type: fs, backend: { command: [virtiofsd, --socket-path, "{socket}", --shared-dir, /srv] } }
  sensors: { type: i2c, backend: /run/i2c.sock0 }
\`\`\`

${BACKEND.help} Its keys:`;

export function configurationPage(): string {
  const scalars: [string, Field][] = [];
  const sections: string[] = [];
  for (const [key, field] of Object.entries(CONFIG.keys) as [string, Field][]) {
    if (field.kind === 'object') sections.push(sectionOf(key, field));
    else if (field.kind !== 'devices') scalars.push([key, field]);
  }
  const keys = `## Keys on top\n\n${tableOf(Object.fromEntries(scalars), '')}`;
  const devices = `## devices\n\n${CONFIG.keys.devices.help}${DEVICES_EXAMPLE}\n\nKeys of every device:\n\n${tableOf(COMMON_KEYS, '')}`;
  const types = Object.entries(DEVICE_TYPES).map(([type, field]) => deviceSection(type, field));
  const served = `## Devices that another process serves\n\n${SERVED_INTRODUCTION}\n\n${tableOf(BACKEND.keys, 'backend.')}`;
  const servedTypes = Object.entries(SERVED_TYPES).map(([type, field]) => deviceSection(type, field, ['backend']));
  const exits = `## Exit codes\n\n${markdownTable(
    ['code', 'meaning'],
    exitCodeRows().map(({ code, meaning }) => [String(code), meaning]),
  )}`;
  return `${[INTRODUCTION, ...sections, keys, devices, ...types, served, ...servedTypes, exits].map((part) => part.trimEnd()).join('\n\n')}\n`;
}

/** The keys that only devices of this type have, those of mappings too, without `known` ones. */
function deviceSection(type: string, { help, keys }: ObjectField, known: readonly string[] = []): string {
  const own = Object.entries(ownKeys(keys, known));
  const table = own.length > 0 ? `\n\n${tableOf(Object.fromEntries(own), '')}` : '';
  return `### ${type}\n\n${help}${table}`;
}

/** `keys` without those of every device; a mapping's keys stand below its name: `rate-limit.bytes-per-second`. */
export function ownKeys(keys: Readonly<Record<string, Field>>, known: readonly string[] = []): Record<string, Field> {
  const own = Object.entries(keys).filter(([key]) => !Object.hasOwn(COMMON_KEYS, key) && !known.includes(key));
  return Object.fromEntries(
    own.flatMap(([key, field]): [string, Field][] => {
      if (field.kind !== 'object') return [[key, field]];
      return Object.entries(field.keys).map(([below, inner]) => [`${key}.${below}`, inner]);
    }),
  );
}

function sectionOf(key: string, field: ObjectField): string {
  const short = field.short === undefined ? '' : ` Short form: the value of \`${field.short}\`.`;
  return `## ${key}\n\n${field.help}${short}${examplesOf(key, field)}\n\n${tableOf(field.keys, `${key}.`)}`;
}

function examplesOf(key: string, { examples = [] }: Field): string {
  return examples.length ? `\n\n\`\`\`yaml\n${examples.map((example) => `${key}: ${example}`).join('\n')}\n\`\`\`` : '';
}

function tableOf(keys: Readonly<Record<string, Field>>, prefix: string): string {
  const rows = Object.entries(keys).map(([key, field]) => [
    `\`${prefix}${key}\``,
    valuesOf(field),
    defaultOf(field),
    [field.help, meaningsOf(field), exampleOf(key.slice(key.lastIndexOf('.') + 1), field)]
      .filter((part) => part)
      .join(' '),
  ]);
  return markdownTable(['key', 'value', 'default', 'what it does'], rows);
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** What may be written, briefly. */
export function valuesOf(field: Field): string {
  const unit = field.unit ? `, ${field.unit}` : '';
  switch (field.kind) {
    case 'integer':
      return field.only ? words(field.only.map(String)) : `${field.min}–${field.max}${unit}`;
    case 'size':
      return field.only
        ? words(field.only.map((bytes) => writeSizeOf(field, bytes)))
        : `${writeSizeOf(field, field.min)}–${writeSizeOf(field, field.max)}${unit}`;
    case 'flag':
      return words(['true', 'false']);
    case 'choice':
      return words(field.choices);
    case 'endpoint':
      return words(endpointForms(field));
    case 'cpu-list':
      return 'host CPU numbers';
    case 'devices':
      return 'mapping of devices';
    case 'texts':
      return 'list of texts';
    case 'map':
      return `mapping of names to ${valuesOf(field.of)}`;
    case 'overlays':
      return 'list of paths and mappings';
    default:
      return field.kind;
  }
}

export function defaultOf(field: Field): string {
  if (field.defaultHelp !== undefined) return field.defaultHelp;
  if (field.required) return '(needed)';
  if (field.default === undefined) return 'none';
  return `\`${field.kind === 'size' ? writeSizeOf(field, field.default as number) : field.default}\``;
}

/** The meaning of each word that a choice or an endpoint knows, as one sentence each. */
export function meaningsOf(field: Field): string {
  const meanings =
    field.kind === 'endpoint'
      ? { ...field.words, ...prefixed(field.schemes) }
      : field.kind === 'choice'
        ? (field.meanings ?? {})
        : {};
  return Object.entries(meanings)
    .map(([word, meaning]) => `\`${word}\`: ${meaning}.`)
    .join(' ');
}

function exampleOf(key: string, field: Field): string {
  const written = (field.examples ?? []).map((example) => `\`${key}: ${example}\``);
  return field.kind === 'endpoint' || field.kind === 'choice' || written.length === 0
    ? ''
    : `Example: ${written.join(', ')}.`;
}

function words(list: readonly string[]): string {
  return list.map((word) => `\`${word}\``).join(' ');
}

function prefixed(schemes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(schemes).map(([scheme, meaning]) => [`${scheme}:PATH`, meaning]));
}
