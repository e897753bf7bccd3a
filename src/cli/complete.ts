/** What the shell offers after a word: config keys after `--set`, otherwise yargs's own words, then file names. */
import type { FallbackCompletionFunction } from 'yargs';
import type { Field } from '../config/kinds.ts';
import { CONFIG } from '../config/schema.ts';

/** Called by yargs when the completion script asks (`--get-yargs-completions`, then the words of the line). */
export const complete: FallbackCompletionFunction = (current, _args, completeWords, done) => {
  if (process.argv.at(-2) === '--set') done(setWords(current));
  else completeWords((_error, words) => done(words ?? []));
};

/** `cpus.count=`, … and the values of a choice once the key is there. */
export function setWords(current: string): string[] {
  const keys = keysBelow(CONFIG, '');
  const [key = '', value] = current.split('=', 2);
  if (value === undefined) return keys.map(([path]) => `${path}=`);
  const field = keys.find(([path]) => path === key)?.[1];
  if (field?.kind === 'choice') return field.choices.map((choice) => `${key}=${choice}`);
  if (field?.kind === 'flag') return [`${key}=true`, `${key}=false`];
  return [];
}

function keysBelow(field: Field, keyPath: string): [string, Field][] {
  if (field.kind === 'devices') return [];
  if (field.kind !== 'object') return [[keyPath, field]];
  return Object.entries(field.keys).flatMap(([key, below]) => keysBelow(below, keyPath ? `${keyPath}.${key}` : key));
}
