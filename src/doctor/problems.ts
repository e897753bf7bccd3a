/** What keeps a config from running here, collected: each as the error that `run` would end with. */
import { ConfigError, HostError } from '../base/errors.ts';
import { withPlace } from '../config/places.ts';
import type { VmConfig } from '../config/schema.ts';

export interface Problem {
  /** An error keeps the VM from starting; a warning may hurt it later. */
  readonly severity: 'error' | 'warning';
  readonly error: ConfigError | HostError;
}

export class Problems {
  readonly #config: VmConfig;
  readonly #found: Problem[] = [];

  constructor(config: VmConfig) {
    this.#config = config;
  }

  get found(): readonly Problem[] {
    return this.#found;
  }

  /** Whether a key at or below `keyPath` has an error. */
  concern(keyPath: string): boolean {
    return this.#found.some(
      ({ severity, error }) =>
        severity === 'error' && error instanceof ConfigError && `${error.keyPath}.`.startsWith(`${keyPath}.`),
    );
  }

  /** Adds what is not known yet: two checks may find the same. */
  add(severity: Problem['severity'], error: ConfigError | HostError): void {
    if (this.#found.some((known) => known.error.message === error.message)) return;
    this.#found.push({ severity, error: error instanceof ConfigError ? withPlace(error, this.#config) : error });
  }

  warn(message: string, keyPath = ''): void {
    this.add('warning', new ConfigError(message, { keyPath }));
  }

  /** The result of `action`, or undefined after noting the error with which it ended. */
  async attempt<Result>(action: () => Result | Promise<Result>): Promise<Result | undefined> {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof HostError)) throw error;
      this.add('error', error);
      return undefined;
    }
  }
}
