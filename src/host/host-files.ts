/** The kernel's small text files under /proc and /sys, and those of /etc: read whole, absent ones are an answer. */
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';

export class HostFiles {
  readonly #root: string;

  /** `root`: where /proc, /sys and /etc are looked for. */
  constructor(root = '/') {
    this.#root = root;
  }

  /** The same for what lies below `path`. */
  below(path: string): HostFiles {
    return new HostFiles(join(this.#root, path));
  }

  /** The text without the newline at its end; undefined when the file is not there or may not be read. */
  text(path: string): string | undefined {
    try {
      return readFileSync(join(this.#root, path), 'utf8').trimEnd();
    } catch {
      return undefined;
    }
  }

  number(path: string): number | undefined {
    const text = this.text(path);
    return text === undefined || Number.isNaN(Number(text)) ? undefined : Number(text);
  }

  /** The word in brackets of a file that lists its choices: `always [madvise] never`. */
  choice(path: string): string | undefined {
    return /\[(\w+)\]/.exec(this.text(path) ?? '')?.[1];
  }

  /** Where its links lead, as a path below the root; undefined when there is nothing. */
  resolved(path: string): string | undefined {
    try {
      return relative(realpathSync(this.#root), realpathSync(join(this.#root, path)));
    } catch {
      return undefined;
    }
  }

  /** The names in a directory, none when there is no such directory. */
  names(path: string): readonly string[] {
    try {
      return readdirSync(join(this.#root, path));
    } catch {
      return [];
    }
  }
}
