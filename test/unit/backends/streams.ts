/** Real pipes, and bytes whose order shows, for the tests of this folder. */
import { execFileSync } from 'node:child_process';
import { constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fd } from '../../../src/host/fd.ts';

/** A folder that is gone afterwards. */
export class TestFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'orko-backends-'));

  file(name: string): string {
    return join(this.path, name);
  }

  /** Both ends of a new named pipe: `writeEnd` blocks unless asked otherwise, `readEnd` never does. */
  pipe(name: string, flags = 0): { readEnd: Fd; writeEnd: Fd } {
    execFileSync('mkfifo', [this.file(name)]);
    const readEnd = new Fd(openSync(this.file(name), constants.O_RDONLY | constants.O_NONBLOCK));
    return { readEnd, writeEnd: new Fd(openSync(this.file(name), constants.O_WRONLY | flags)) };
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** `length` bytes in which no piece is like its neighbours. */
export function pattern(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff));
}

/** What can be read from `fd` now, at most `countMax` bytes; empty for nothing, or the end. */
export function readNow(fd: number, countMax = 65_536): Buffer {
  const buffer = Buffer.alloc(countMax);
  try {
    return buffer.subarray(0, readSync(fd, buffer));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return buffer.subarray(0, 0);
    throw error;
  }
}

/** A guest that takes `atOnce` bytes, then has to be asked again. */
export class SlowGuest {
  readonly #taken: number[] = [];
  readonly #atOnce: number;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  readonly receive = (bytes: Uint8Array): number => {
    const taken = bytes.subarray(0, this.#atOnce);
    this.#taken.push(...taken);
    return taken.length;
  };

  get received(): Buffer {
    return Buffer.from(this.#taken);
  }

  get count(): number {
    return this.#taken.length;
  }
}
