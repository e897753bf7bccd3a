/** A pseudo-terminal as a user has one: it echoes, edits lines and makes signals until somebody asks otherwise. */
import { readFileSync } from 'node:fs';
import { ECHO, ICANON, ICRNL, ISIG, ONLCR, OPOST, TCGETS, TCSETS, termios } from '../../src/abi/libc.ts';
import { packInto, unpack } from '../../src/base/layout.ts';
import type { Fd } from '../../src/host/fd.ts';
import { ioctlStruct } from '../../src/host/ioctl.ts';
import { openPty } from '../../src/host/terminal-mode.ts';

export class TestTerminal implements Disposable {
  /** The user's side. */
  readonly master: Fd;
  /** What a program gets as its standard input and output. */
  readonly slave: Fd;
  readonly name: string;

  constructor() {
    ({ master: this.master, slave: this.slave, name: this.name } = openPty());
    const mode = this.mode();
    const { c_iflag, c_oflag, c_lflag } = unpack(termios, mode);
    packInto(mode, termios, {
      c_iflag: c_iflag | ICRNL,
      c_oflag: c_oflag | OPOST | ONLCR,
      c_lflag: c_lflag | ECHO | ICANON | ISIG,
    });
    ioctlStruct(this.slave, TCSETS, mode, 'set the mode of the test terminal');
  }

  mode(): Uint8Array {
    const mode = new Uint8Array(termios.size);
    ioctlStruct(this.slave, TCGETS, mode, 'read the mode of the test terminal');
    return mode;
  }

  get isRaw(): boolean {
    const { c_iflag, c_oflag, c_lflag } = unpack(termios, this.mode());
    return (c_lflag & (ECHO | ICANON | ISIG)) === 0 && (c_iflag & ICRNL) === 0 && (c_oflag & OPOST) === 0;
  }

  [Symbol.dispose](): void {
    this.slave[Symbol.dispose]();
    this.master[Symbol.dispose]();
  }
}

/** One letter for what process `pid` does: `T` for stopped (proc(5), /proc/pid/stat). */
export function processState(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
}
