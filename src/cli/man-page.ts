/** docs/orko-vmm.1, printed from the commands, the table of keys and the exit codes (man(7) macros). */
import { DEVICE_TYPES } from '../config/device-types.ts';
import { BACKEND } from '../config/devices/backend.ts';
import { COMMON_KEYS } from '../config/devices/common.ts';
import type { Field } from '../config/kinds.ts';
import { CONFIG } from '../config/schema.ts';
import { SERVED_TYPES } from '../config/served-types.ts';
import { type AnyCommand, GLOBAL_OPTIONS, type Option, usageOf } from './command.ts';
import { defaultOf, meaningsOf, ownKeys, valuesOf } from './configuration-page.ts';
import { exitCodeRows } from './exit-codes.ts';

export function manPage(commands: readonly AnyCommand[], version: string): string {
  const lines = [
    '.\\" Printed by `make docs` from src/cli/ and src/config/schema.ts. Change it there.',
    `.TH ORKO-VMM 1 "" "orko-vmm ${version}" "User Commands"`,
    '.SH NAME',
    'orko-vmm \\- boot virtual machines on Arm64 KVM, each from one config file',
    '.SH SYNOPSIS',
    ...commands.flatMap((command) => [`.B orko-vmm ${roff(usageOf(command))}`, '[\\fIOPTION\\fR]...', '.br']),
    '.SH COMMANDS',
    ...commands.flatMap(commandLines),
    '.SS completion',
    'Print the completion script for the shell in $SHELL (bash or zsh).',
    '.SH OPTIONS OF EVERY COMMAND',
    ...optionLines(GLOBAL_OPTIONS),
    '.TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nShow the options, examples and exit codes of a command.',
    '.TP\n\\fB\\-\\-version\\fR\nPrint the version.',
    '.SH CONFIG FILE',
    'A YAML file; relative paths in it start at its directory.',
    ...keyLines(CONFIG, ''),
    '.SH EXIT STATUS',
    ...exitCodeRows().flatMap(({ code, meaning }) => ['.TP', `.B ${code}`, roff(meaning)]),
    '.SH ENVIRONMENT',
    '.TP\n.B ORKO_DEBUG\nWhen 1, a bug in orko-vmm is reported with the place where it happened.',
  ];
  return `${lines.join('\n')}\n`;
}

function commandLines(command: AnyCommand): string[] {
  const { description, positionals, options, examples } = command;
  return [
    `.SS ${roff(usageOf(command))}`,
    roff(description),
    ...Object.entries(positionals).flatMap(([name, { describe, choices }]) => [
      '.TP',
      `\\fI${roff(name)}\\fR`,
      roff(choices ? `${describe}: ${choices.join(', ')}.` : `${describe}.`),
    ]),
    ...optionLines(options),
    ...examples.flatMap(({ line, what }) => ['.PP', `${roff(what)}:`, '.PP', '.RS', `.B ${roff(line)}`, '.RE']),
  ];
}

function optionLines(options: Readonly<Record<string, Option>>): string[] {
  return Object.entries(options).flatMap(([name, { alias, describe, placeholder, type, choices, implied }]) => {
    const short = alias ? `\\fB\\-${alias}\\fR, ` : '';
    const word = `\\fI${roff(placeholder ?? choices?.join('|') ?? 'VALUE')}\\fR`;
    const value = type !== 'string' ? '' : implied === undefined ? ` ${word}` : `[=${word}]`;
    return ['.TP', `${short}\\fB\\-\\-${roff(name)}\\fR${value}`, `${roff(describe)}.`];
  });
}

function keyLines(field: Field, keyPath: string): string[] {
  if (field.kind === 'object') {
    const below = Object.entries(field.keys).map(([key, inner]) =>
      keyLines(inner, keyPath ? `${keyPath}.${key}` : key),
    );
    return [...(keyPath ? head(keyPath, `${field.help}${shortForm(field.short)}`) : []), ...below.flat()];
  }
  if (field.kind === 'devices') return [...head(keyPath, field.help), ...deviceLines(keyPath)];
  const values = `${valuesOf(field)}; default: ${defaultOf(field)}.`;
  return [
    '.TP',
    `.B ${roff(keyPath)}`,
    roff([field.help, meaningsOf(field)].filter((part) => part).join(' ')),
    '.br',
    roff(values),
  ];
}

function head(keyPath: string, help: string): string[] {
  return ['.TP', `.B ${roff(keyPath)}`, roff(help)];
}

/** The keys of every device, then those of each type. */
function deviceLines(keyPath: string): string[] {
  const common = Object.entries(COMMON_KEYS).flatMap(([key, field]) => keyLines(field, `${keyPath}.NAME.${key}`));
  const types = Object.entries(DEVICE_TYPES).flatMap(([type, { help, keys }]) => [
    ...head(`${keyPath}.NAME.type: ${type}`, help),
    ...Object.entries(ownKeys(keys)).flatMap(([key, field]) => keyLines(field, `${keyPath}.NAME.${key}`)),
  ]);
  const backend = Object.entries(BACKEND.keys).flatMap(([key, field]) =>
    keyLines(field, `${keyPath}.NAME.backend.${key}`),
  );
  const served = Object.entries(SERVED_TYPES).flatMap(([type, { help, keys }]) => [
    ...head(`${keyPath}.NAME.type: ${type} (with a backend)`, help),
    ...Object.entries(ownKeys(keys, ['backend'])).flatMap(([key, field]) => keyLines(field, `${keyPath}.NAME.${key}`)),
  ]);
  return [...common, ...types, ...head(`${keyPath}.NAME.backend`, BACKEND.help), ...backend, ...served];
}

function shortForm(short: string | undefined): string {
  return short === undefined ? '' : ` Short form: the value of \`${short}\`.`;
}

/** Text → roff: no line begins with a control character, `code` is bold. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/`([^`]*)`/g, '\\fB$1\\fR')
    .replace(/^([.'])/gm, '\\&$1')
    .replaceAll('–', '\\(en')
    .replaceAll('…', '...');
}
