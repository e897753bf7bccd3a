/** A command line → its command → an exit code. */
import { COMMANDS } from './commands.ts';
import { quickParse } from './quick-parse.ts';

/** Runs the command in `words` (what follows `orko-vmm`). Throws UsageError for a line that cannot be understood. */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  const [name = '', ...rest] = words;
  if (Object.hasOwn(COMMANDS, name)) {
    const command = await COMMANDS[name]!();
    const args = quickParse(command, rest);
    if (args) return command.run(args as never);
  }
  const { yargsParse } = await import('./yargs-parse.ts');
  const chosen = await yargsParse(words);
  return chosen ? chosen.command.run(chosen.args as never) : 0;
}
