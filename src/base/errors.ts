/**
 * The three errors of orko-vmm, by whose fault it is. Anything else that is thrown is our own bug.
 * Messages: action first, sentence case, no full stop: what was being done, what went wrong, what to do.
 */

/** The user's fault: a key of the config, an option of the command line, or a file that one of them names. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  /** Dotted path of the key at fault (`devices.root.path`), empty when it is the whole file. */
  readonly keyPath: string;
  /** Where it stands: file and 1-based line, when known. */
  readonly file: string | undefined;
  readonly line: number | undefined;

  constructor(message: string, where: { keyPath?: string; file?: string | undefined; line?: number | undefined } = {}) {
    super(message);
    this.keyPath = where.keyPath ?? '';
    this.file = where.file;
    this.line = where.line;
  }
}

/** The host's fault: a system call that failed, a capability that is missing. Made by `host/errno.ts` in the main. */
export class HostError extends Error {
  override name = 'HostError';
  /** The errno (positive) behind it, 0 when there was none. */
  readonly errno: number;

  constructor(message: string, errno = 0) {
    super(message);
    this.errno = errno;
  }
}

/** The guest's fault: it broke a specification. Contained in the device that noticed; never ends the VMM. */
export class GuestFault extends Error {
  override name = 'GuestFault';
}
