/** The long way through the command line, with yargs: help, version, completion, and a sentence for every mistake. */
import yargs, { type Argv } from 'yargs';
import manifest from '../../package.json' with { type: 'json' };
import { nearest } from '../config/suggest.ts';
import {
  type AnyCommand,
  collectArgs,
  GLOBAL_OPTIONS,
  type Option,
  type Positional,
  spellOut,
  usageOf,
} from './command.ts';
import { COMMANDS, loadCommands } from './commands.ts';
import { complete } from './complete.ts';
import { exitCodeRows } from './exit-codes.ts';
import { print } from './output.ts';
import { UsageError } from './usage-error.ts';

export interface Chosen {
  readonly command: AnyCommand;
  readonly args: Readonly<Record<string, unknown>>;
}

/** Wider lines are hard to read; narrower terminals get their own width. */
const HELP_COLUMNS_MAX = 100;

const EXIT_CODES = `Exit codes:\n${exitCodeRows()
  .map(({ code, meaning }) => `${String(code).padStart(5)}  ${meaning}`)
  .join('\n')}`;

/** The command and its arguments, or undefined when yargs has answered by itself (help, version, completion). */
export async function yargsParse(words: readonly string[]): Promise<Chosen | undefined> {
  let chosen: Chosen | undefined;
  const commands = await loadCommands();
  const parser = globalParser();
  for (const command of commands) {
    parser.command(
      usageOf(command),
      command.summary,
      (own) => describeCommand(own, command),
      // Nothing async happens inside yargs: it would format the whole help text before every such handler.
      (values) => {
        chosen = { command, args: collectArgs(command, onceEach(command, values)) };
      },
    );
  }
  const named = words.find((word) => Object.hasOwn(COMMANDS, word)) ?? '';
  const unknown = words[0] !== undefined && !words[0].startsWith('-') && !named && words[0] !== 'completion';
  if (unknown) throw new UsageError(unknownCommand(words[0]!));
  parser.fail((message, error) => {
    throw (
      error ??
      new UsageError(
        sentence(
          message,
          commands.find(({ name }) => name === named),
        ),
        named,
      )
    );
  });
  if (words.length === 0) throw new UsageError('Name a command');
  const command = commands.find(({ name }) => name === named);
  await parser.parseAsync(command ? [...spellOut(command, words)] : [...words], {}, (_error, _values, output) => {
    if (output) print(`${output}\n`);
  });
  return chosen;
}

function globalParser(): Argv {
  return yargs()
    .scriptName('orko-vmm')
    .usage('$0 COMMAND\n\nBoots virtual machines on Arm64 KVM, each from one config file.')
    .locale('en')
    .parserConfiguration({ 'boolean-negation': false, 'dot-notation': false, 'parse-positional-numbers': false })
    .options(yargsOptions(GLOBAL_OPTIONS))
    .completion('completion', 'Print the completion script for the shell in $SHELL (bash or zsh)', complete)
    .demandCommand(1, 'Name a command')
    .strict()
    .exitProcess(false)
    .version(manifest.version)
    .help()
    .alias('help', 'h')
    .wrap(Math.min(HELP_COLUMNS_MAX, process.stdout.columns ?? HELP_COLUMNS_MAX))
    .epilogue(EXIT_CODES);
}

function describeCommand(parser: Argv, command: AnyCommand): Argv {
  for (const [name, positional] of Object.entries(command.positionals)) {
    parser.positional(name, yargsPositional(positional));
  }
  parser
    .usage(`$0 ${usageOf(command)}\n\n${command.description}`)
    .options(yargsOptions(command.options))
    .epilogue(EXIT_CODES);
  for (const { line, what } of command.examples) parser.example(line, what);
  return parser;
}

function yargsOptions(options: Readonly<Record<string, Option>>) {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, describe, array, alias, choices }]) => [
      name,
      {
        type,
        describe,
        ...(array && { array }),
        ...(alias && { alias }),
        ...(choices && { choices }),
        ...(type === 'string' && { nargs: 1 }),
      },
    ]),
  );
}

function yargsPositional({ describe, choices }: Positional) {
  return { type: 'string' as const, describe, ...(choices && { choices }) };
}

/** yargs makes a list of an option that is given twice; only those that say so take several values. */
function onceEach(command: AnyCommand, values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  for (const [name, option] of Object.entries({ ...GLOBAL_OPTIONS, ...command.options } as AnyCommand['options'])) {
    if (Array.isArray(values[name]) && !option.array) {
      throw new UsageError(`--${name} is given twice: give it once`, command.name);
    }
  }
  return values;
}

function unknownCommand(word: string): string {
  const near = nearest(word, Object.keys(COMMANDS));
  return near
    ? `Unknown command "${word}": did you mean "${near}"?`
    : `Unknown command "${word}": known are ${Object.keys(COMMANDS).join(', ')}`;
}

/** yargs writes several lines, some with a full stop; our messages are one sentence without. */
function sentence(message: string, command: AnyCommand | undefined): string {
  if (command && message.startsWith('Not enough non-option arguments')) {
    return `Some words are missing: write orko-vmm ${usageOf(command)}`;
  }
  return message
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '')
    .trim();
}
