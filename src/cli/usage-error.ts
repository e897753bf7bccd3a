/** A command line that cannot be understood. Not a ConfigError: it has its own exit code and names the help to read. */
export class UsageError extends Error {
  override name = 'UsageError';
  /** The command whose `--help` answers it, empty for the list of commands. */
  readonly command: string;

  constructor(message: string, command = '') {
    super(message);
    this.command = command;
  }
}
