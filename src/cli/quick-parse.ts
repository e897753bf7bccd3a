/**
 * The short way through the command line: a line with nothing odd in it is read with Node's own `parseArgs`. Loading and
 * running yargs takes longer than everything else before the first vCPU runs (docs/measurements.md), so it gets the
 * lines that need words: help, mistakes, completion.
 */
import { parseArgs } from 'node:util';
import { type AnyCommand, collectArgs, GLOBAL_OPTIONS, spellOut } from './command.ts';

/** The arguments of `command` in `words` (what follows its name), or undefined: then yargs shall look at the line. */
export function quickParse(command: AnyCommand, words: readonly string[]): Record<string, unknown> | undefined {
  const options = { ...GLOBAL_OPTIONS, ...command.options };
  const parsed = tryParse(spellOut(command, words), options);
  if (!parsed) return undefined;

  const names = Object.keys(command.positionals);
  const needed = names.filter((name) => !command.positionals[name]!.optional);
  if (parsed.positionals.length < needed.length || parsed.positionals.length > names.length) return undefined;

  const values: Record<string, unknown> = { ...parsed.values };
  names.forEach((name, index) => {
    values[name] = parsed.positionals[index];
  });
  for (const [name, { choices }] of Object.entries({ ...options, ...command.positionals } as AnyCommand['options'])) {
    if (
      choices &&
      values[name] !== undefined &&
      ![values[name]].flat().every((word) => choices.includes(word as string))
    )
      return undefined;
  }
  return collectArgs(command, values);
}

function tryParse(words: readonly string[], options: AnyCommand['options']) {
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { type, array, alias }]) => [
      name,
      { type, multiple: array ?? false, ...(alias && { short: alias }) },
    ]),
  );
  try {
    const parsed = parseArgs({ args: [...words], options: config, allowPositionals: true, strict: true, tokens: true });
    const single = parsed.tokens.flatMap((token) =>
      token.kind === 'option' && config[token.name]?.type === 'string' && !config[token.name]?.multiple
        ? token.name
        : [],
    );
    return new Set(single).size === single.length ? parsed : undefined;
  } catch {
    return undefined;
  }
}
