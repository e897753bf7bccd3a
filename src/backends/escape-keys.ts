/** The keys that do not go to the guest: Ctrl-A and a letter. A state machine, since they may come one at a time. */

const CTRL_A = 0x01;

export type EscapeKey = 'quit' | 'powerkey' | 'help';

const KEYS: Readonly<Record<string, EscapeKey>> = { x: 'quit', p: 'powerkey', h: 'help', '?': 'help' };

export const ESCAPE_HELP = [
  'Ctrl-A x       end the VM at once',
  "Ctrl-A p       press the guest's power key",
  'Ctrl-A Ctrl-A  send Ctrl-A to the guest (also Ctrl-A a)',
  'Ctrl-A h       this help',
] as const;

export class EscapeKeys {
  readonly #pressed: (key: EscapeKey) => void;
  #escaped = false;

  constructor(pressed: (key: EscapeKey) => void) {
    this.#pressed = pressed;
  }

  /** What of `typed` goes to the guest. A key after Ctrl-A that means nothing to us goes there with its Ctrl-A. */
  filter(typed: Uint8Array): Uint8Array {
    if (!this.#escaped && !typed.includes(CTRL_A)) return typed;
    const passed: number[] = [];
    for (const byte of typed) {
      if (this.#escaped) {
        this.#escaped = false;
        passed.push(...this.#afterEscape(byte));
      } else if (byte === CTRL_A) this.#escaped = true;
      else passed.push(byte);
    }
    return Uint8Array.from(passed);
  }

  #afterEscape(byte: number): readonly number[] {
    const letter = String.fromCharCode(byte).toLowerCase();
    const key = KEYS[letter];
    if (key === undefined) return byte === CTRL_A || letter === 'a' ? [CTRL_A] : [CTRL_A, byte];
    this.#pressed(key);
    return [];
  }
}
