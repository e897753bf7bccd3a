/**
 * What a command is: one value that says its arguments, options, examples and work. The command line is parsed by it
 * (quick-parse.ts, yargs-parse.ts) and the manual is printed from it (reference.ts).
 */

export interface Option {
  readonly type: 'string' | 'boolean';
  readonly describe: string;
  /** May be given several times; each takes one value. */
  readonly array?: true;
  /** One letter. */
  readonly alias?: string;
  readonly choices?: readonly string[];
  /** The value that the option alone, without `=VALUE`, stands for. A value is then part of the same word. */
  readonly implied?: string;
  /** What the manual calls the value. */
  readonly placeholder?: string;
}

export interface Positional {
  readonly describe: string;
  readonly optional?: true;
  readonly choices?: readonly string[];
}

export type Options = Readonly<Record<string, Option>>;
export type Positionals = Readonly<Record<string, Positional>>;

type Camel<Key> = Key extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : Key;
type Word<About> = About extends { choices: readonly (infer Choice)[] } ? Choice : string;
type OptionValue<About> = About extends { type: 'boolean' }
  ? boolean
  : About extends { array: true }
    ? readonly Word<About>[]
    : Word<About> | undefined;
type PositionalValue<About> = About extends { optional: true } ? Word<About> | undefined : Word<About>;

/** What `run` gets: camel-cased names; booleans are false and lists empty when not given. */
export type Args<O, P> = { readonly [Name in keyof O as Camel<Name>]: OptionValue<O[Name]> } & {
  readonly [Name in keyof P as Camel<Name>]: PositionalValue<P[Name]>;
} & GlobalArgs;

export type GlobalArgs = {
  readonly [Name in keyof typeof GLOBAL_OPTIONS]: OptionValue<(typeof GLOBAL_OPTIONS)[Name]>;
};

/** Options that every command takes. */
export const GLOBAL_OPTIONS = {
  verbose: { type: 'boolean', alias: 'v', describe: 'Say more: what is done, and where our own errors come from' },
  quiet: { type: 'boolean', alias: 'q', describe: 'Say nothing but errors' },
} as const satisfies Options;

export interface Command<O = Options, P = Positionals> {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** Paragraphs, for the manual. */
  readonly description: string;
  readonly positionals: P;
  readonly options: O;
  readonly examples: readonly { readonly line: string; readonly what: string }[];
  /** Does the work and returns the exit code. Heavy modules are imported in here. */
  run(args: Args<O, P>): Promise<number>;
}

/** A command in a table, its argument types forgotten: the parsers have checked them against the same value. */
export type AnyCommand = Omit<Command, 'run'> & { run(args: never): Promise<number> };

export function defineCommand<const O extends Options, const P extends Positionals>(
  command: Command<O, P>,
): Command<O, P> {
  return command;
}

/** `run <config>`: the name and its positionals, as yargs and the manual write them. */
export function usageOf({ name, positionals }: Pick<AnyCommand, 'name' | 'positionals'>): string {
  const words = Object.entries(positionals).map(([word, { optional }]) => (optional ? `[${word}]` : `<${word}>`));
  return [name, ...words].join(' ');
}

/** `words` with every option that may stand alone spelled out: `--stats` becomes `--stats=0`. */
export function spellOut(command: AnyCommand, words: readonly string[]): readonly string[] {
  const end = words.indexOf('--');
  return words.map((word, index) => {
    if (!word.startsWith('--') || (end >= 0 && index >= end)) return word;
    const implied = command.options[word.slice(2)]?.implied;
    return implied === undefined ? word : `${word}=${implied}`;
  });
}

/** Raw parser output → `Args`: one name for each option, every boolean and list present. */
export function collectArgs(command: AnyCommand, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const options = Object.entries({ ...GLOBAL_OPTIONS, ...command.options }).map(([name, option]) => {
    const absent = option.type === 'boolean' ? false : 'array' in option && option.array ? [] : undefined;
    return [camel(name), values[name] ?? absent];
  });
  const positionals = Object.keys(command.positionals).map((name) => [camel(name), values[name]]);
  return Object.fromEntries([...options, ...positionals]);
}

function camel(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
