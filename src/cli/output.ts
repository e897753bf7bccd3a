/**
 * Text and bytes to standard output and standard error, at once and in order. `process.stdout` would be loaded for it
 * (a few ms, and many under emulation), and what it still holds is lost when the process exits.
 */
import { writeSync } from 'node:fs';
import { isAnyTerminalRaw } from '../host/raw-terminals.ts';

const STDOUT = 1;
const STDERR = 2;
/** A terminal or pipe that another process made non-blocking is asked again after this long. */
const RETRY_MS = 2;

/** To standard output: what the command was asked for. */
export function print(what: string | Uint8Array): void {
  writeAll(STDOUT, what);
}

/** A line, or several, to standard error: what the user should know beside it. While a terminal is raw, nothing else moves the cursor back to the first column. */
export function say(text: string): void {
  const lines = `${text}\n`;
  writeAll(STDERR, isAnyTerminalRaw() ? lines.replaceAll('\n', '\r\n') : lines);
}

function writeAll(fd: number, what: string | Uint8Array): void {
  const bytes = typeof what === 'string' ? new TextEncoder().encode(what) : what;
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // `orko-vmm schema | head`: nobody reads on, so there is nobody to tell.
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
