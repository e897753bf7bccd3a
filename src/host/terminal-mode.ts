/**
 * Terminals: raw mode, in which every key goes to the guest, and the promise that it ends with us. A terminal left raw
 * is unusable for whoever comes next, so it is restored on every way out: by disposal, at process.exit and after an
 * uncaught exception (the 'exit' event), by a signal that ends or stops the process, and by `restoreTerminals()` for
 * last resorts like SIGKILL to ourselves.
 */
import {
  BRKINT,
  CS8,
  CSIZE,
  ECHO,
  ECHONL,
  FIONREAD,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNBRK,
  IGNCR,
  INLCR,
  ISIG,
  ISTRIP,
  IXON,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDWR,
  OPOST,
  PARENB,
  PARMRK,
  TCGETS,
  TCSETS,
  TIOCGPTN,
  TIOCGWINSZ,
  TIOCSPTLCK,
  termios,
  VMIN,
  VTIME,
  winsize,
} from '../abi/libc.ts';
import { packInto, unpack } from '../base/layout.ts';
import { Fd } from './fd.ts';
import { ioctlStruct } from './ioctl.ts';
import * as libc from './libc.ts';
import { rawTerminals } from './raw-terminals.ts';

/** Signals that end the process unless someone else listens for them. */
const ENDING_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const;

/** Of the process too, like the terminals themselves (raw-terminals.ts). */
let watching = false;

export function isTerminal(fd: number): boolean {
  return libc.ioctlStruct(fd, TCGETS, new Uint8Array(termios.size)) !== -1;
}

/** Columns and rows; undefined when it is no terminal, or does not know. */
export function terminalSize(fd: number): { columns: number; rows: number } | undefined {
  const size = new Uint8Array(winsize.size);
  if (libc.ioctlStruct(fd, TIOCGWINSZ, size) === -1) return undefined;
  const { ws_col: columns, ws_row: rows } = unpack(winsize, size);
  return columns > 0 && rows > 0 ? { columns, rows } : undefined;
}

/** Puts every terminal back as it was. Never throws: also for use when all else has failed. */
export function restoreTerminals(): void {
  for (const mode of [...rawTerminals]) mode[Symbol.dispose]();
}

/** A terminal in raw mode, until disposed of. */
export class RawMode implements Disposable {
  readonly #fd: Fd;
  readonly #before: Uint8Array;
  readonly #raw: Uint8Array;

  /** `fd` stays the caller's. */
  constructor(fd: Fd) {
    this.#fd = fd;
    this.#before = readMode(fd);
    this.#raw = rawOf(this.#before);
    ioctlStruct(fd, TCSETS, this.#raw, 'put the terminal into raw mode');
    rawTerminals.add(this);
    watchEndings();
  }

  /** Raw mode again, after somebody else used the terminal. A terminal that is gone needs no mode. */
  enter(): void {
    libc.ioctlStruct(this.#fd.number, TCSETS, this.#raw);
  }

  /** The mode from before, at once: waiting for output to leave first (TCSETSW) can take for ever. */
  leave(): void {
    libc.ioctlStruct(this.#fd.number, TCSETS, this.#before);
  }

  [Symbol.dispose](): void {
    if (!rawTerminals.delete(this)) return;
    this.leave();
    if (rawTerminals.size === 0) unwatchEndings();
  }
}

/** A new pseudo-terminal in raw mode, and the name under which others open it. Dispose of both ends. */
export function openPty(): { master: Fd; slave: Fd; name: string } {
  const flags = O_RDWR | O_NOCTTY | O_NONBLOCK;
  using owned = new DisposableStack();
  const master = owned.use(Fd.open('/dev/ptmx', flags, 'open a pseudo-terminal', { ENOENT: 'mount devpts' }));
  const number = new Int32Array(1);
  ioctlStruct(master, TIOCSPTLCK, new Uint8Array(number.buffer), 'unlock a pseudo-terminal');
  ioctlStruct(master, TIOCGPTN, new Uint8Array(number.buffer), 'ask for the name of a pseudo-terminal');
  const name = `/dev/pts/${number[0]}`;
  const slave = owned.use(Fd.open(name, flags));
  ioctlStruct(slave, TCSETS, rawOf(readMode(slave)), `put ${name} into raw mode`);
  owned.move();
  return { master, slave, name };
}

/** How many bytes lie in a terminal that nobody has read yet (FIONREAD, ioctl_tty(2)): what the kernel has made ready, at most 4 KiB. */
export function unreadBytes(fd: Fd): number {
  const count = new Int32Array(1);
  ioctlStruct(fd, FIONREAD, new Uint8Array(count.buffer), 'ask what is left to read in a terminal');
  return count[0]!;
}

function readMode(fd: Fd): Uint8Array {
  const mode = new Uint8Array(termios.size);
  ioctlStruct(fd, TCGETS, mode, 'read the mode of the terminal');
  return mode;
}

/**
 * As cfmakeraw(3) does it: no echo, no lines, no signals, 8 bits, nothing translated in either direction (the guest's
 * own terminal layer does that), a read returns with the first byte.
 */
function rawOf(mode: Uint8Array): Uint8Array {
  const raw = mode.slice();
  const { c_iflag, c_oflag, c_cflag, c_lflag, c_cc } = unpack(termios, mode);
  c_cc[VMIN] = 1;
  c_cc[VTIME] = 0;
  packInto(raw, termios, {
    c_iflag: clear(c_iflag, IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON),
    c_oflag: clear(c_oflag, OPOST),
    c_cflag: clear(c_cflag, CSIZE | PARENB) | CS8,
    c_lflag: clear(c_lflag, ECHO | ECHONL | ICANON | ISIG | IEXTEN),
    c_cc,
  });
  return raw;
}

function clear(flags: number, bits: number): number {
  return (flags & ~bits) >>> 0;
}

function watchEndings(): void {
  if (watching) return;
  watching = true;
  process.on('exit', restoreTerminals);
  for (const signal of ENDING_SIGNALS) process.on(signal, endBySignal);
  process.on('SIGTSTP', stopBySignal);
  process.on('SIGCONT', continueBySignal);
}

function unwatchEndings(): void {
  watching = false;
  process.off('exit', restoreTerminals);
  for (const signal of ENDING_SIGNALS) process.off(signal, endBySignal);
  process.off('SIGTSTP', stopBySignal);
  process.off('SIGCONT', continueBySignal);
}

/** Whoever else listens takes care of an orderly end; without one the signal does what it does by default. */
function endBySignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  restoreTerminals();
  process.kill(process.pid, signal);
}

/** Ctrl-Z goes to the guest, so this one was sent by `kill`: the shell that is there now wants its terminal. */
function stopBySignal(): void {
  for (const mode of rawTerminals) mode.leave();
  process.kill(process.pid, 'SIGSTOP');
}

function continueBySignal(): void {
  for (const mode of rawTerminals) mode.enter();
}
