/**
 * The shell of a Linux guest that was started with `linux('shell')`, over its console: one command at a time, its output and
 * its exit code.
 *
 *   const shell = await GuestShell.open(vm);
 *   await shell.run('ip link set eth0 up');
 */
import type { Vm } from './vm.ts';

const COMMAND_TIMEOUT_MS = 60_000;

/** The driver of each virtio device lets go of it and takes it again. */
export const REBIND_ALL = `cd /sys/bus/virtio/devices; for d in *; do [ -e $d/driver ] || continue
  p=$(readlink -f $d/driver); echo $d >$p/unbind; echo $d >$p/bind; done`.replace('\n', '; ');

export interface ShellResult {
  readonly exitCode: number;
  /** Of both streams, without line ends at its end. */
  readonly output: string;
}

export class GuestShell {
  readonly #vm: Vm;
  readonly #boot: number;
  #count = 0;

  private constructor(vm: Vm, boot: number) {
    this.#vm = vm;
    this.#boot = boot;
  }

  /** Once the guest has shown its prompt, after its first or a later boot. */
  static async open(vm: Vm, boot = 1): Promise<GuestShell> {
    await vm.printedTimes('Type poweroff, or exit the shell[\\s\\S]*?orko:~# ', boot);
    const shell = new GuestShell(vm, boot);
    await shell.try('stty -echo');
    // The prompt's line editor takes characters one by one, each of them several exits; a loop takes whole lines.
    vm.write('while IFS= read -r line; do eval "$line"; done\n');
    return shell;
  }

  /** Runs `command` (one line); it has to succeed. */
  async run(command: string, timeoutMs?: number): Promise<string> {
    const { exitCode, output } = await this.try(command, timeoutMs);
    if (exitCode === 0) return output;
    throw new Error(`In the guest, ${command} ended with ${exitCode}: ${output}`);
  }

  async try(command: string, timeoutMs = COMMAND_TIMEOUT_MS): Promise<ShellResult> {
    const mark = `${this.#boot}-${this.#count++}`;
    // The quotes keep the echo of the command from being taken for its output.
    this.#vm.write(`{ echo "ORKO-""BEGIN ${mark}"; ${command}; } 2>&1; echo "ORKO-""END ${mark} $?"\n`);
    await this.#vm.printed(new RegExp(`ORKO-END ${mark} \\d+\\r?\\n`), timeoutMs);
    const printed = this.#vm.output;
    const start = printed.indexOf(`ORKO-BEGIN ${mark}`);
    const end = printed.indexOf(`ORKO-END ${mark} `, start);
    const exitCode = Number.parseInt(printed.slice(end + `ORKO-END ${mark} `.length), 10);
    const output = printed.slice(printed.indexOf('\n', start) + 1, end).replaceAll('\r', '');
    return { exitCode, output: output.trimEnd() };
  }
}
