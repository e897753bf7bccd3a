/** Our terminal, raw, on its way to a program behind ssh: every key goes there, but one sequence always comes back. */
import type { Writable } from 'node:stream';

const ESCAPE_KEY = 0x1d; // Ctrl-]
const ESCAPE_PRESSES = 3;
/** Presses further apart than this are meant for the guest. */
const ESCAPE_WINDOW_MS = 2_000;

/** Relays until disposed, which gives the terminal back as it was. `onEscape` is called for Ctrl-] three times. */
export function relayKeys(to: Writable, onEscape: () => void): Disposable {
  const presses: number[] = [];
  const onData = (keys: Buffer) => {
    for (const key of keys) {
      if (key !== ESCAPE_KEY) presses.length = 0;
      else if (presses.push(performance.now()) === ESCAPE_PRESSES) {
        if (performance.now() - presses[0]! < ESCAPE_WINDOW_MS) return onEscape();
        presses.shift();
      }
    }
    to.write(keys);
  };
  process.stdin.setRawMode(true);
  process.stdin.on('data', onData);
  process.stdin.resume();
  return {
    [Symbol.dispose]: () => {
      process.stdin.off('data', onData);
      process.stdin.pause();
      process.stdin.setRawMode(false);
    },
  };
}
