/**
 * A VM on an Arm host, driven by a test: the installed `orko-vmm run` with a config of the test's, its console on a pipe
 * or a terminal, control requests, and a probe beside it (vm-probe.ts).
 *
 *   await using vm = await startVm(l1, { kernel: payload('hello') });
 *   expect(await vm.exited()).toBe(0);
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IS_SOAK, TRANSPORT } from './environment.ts';
import type { HostProcess, NestedHost, RunResult } from './nested-host.ts';
import type { Questions, Words } from './vm-probe.ts';

/** A guest takes seconds, and many times that where the host is emulated on a busy machine; nothing here waits longer. */
const GUEST_TIMEOUT_MS = 120_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** For tests of several steps, each of which has its own limit. */
export const TEST_TIMEOUT_MS = 600_000;
/** The same for tests that have a driver let go of its device and take it again, and a guest boot again, so many times. */
export function timeoutMsWith(rebinds: number, reboots: number): number {
  return TEST_TIMEOUT_MS + rebinds * 10_000 + reboots * 60_000;
}
/** Where RAM begins unless a config moves it (docs/architecture.md, "Memory map"). */
export const RAM_BASE = 0x4000_0000;

/** By so many mappings V8's heap may grow while nothing leaks. */
export const NODE_MAPPINGS = 20;

const GUESTS = join(import.meta.dirname, '../../out/guests');
const PROBE = join(import.meta.dirname, 'vm-probe.ts');

export interface Kernel {
  readonly image: string;
  readonly initrd?: string;
  readonly cmdline?: string;
}

/** A config as the user would write it; `kernel` is all that has to be there. */
export type Config = { readonly kernel: Kernel } & Readonly<Record<string, unknown>>;

/** A bare-metal guest of guests/bare-metal. */
export function payload(name: string, cmdline = ''): Kernel {
  return { image: join(GUESTS, `${name}.bin`), cmdline };
}

/** Our Linux with the agent (guests/linux/agent), which carries out `orders`: "shell", "smp,rtc" … */
export function linux(orders: string, cmdline = ''): Kernel {
  return {
    image: join(GUESTS, 'Image'),
    initrd: join(GUESTS, 'initramfs.cpio'),
    cmdline: `console=ttyAMA0 quiet panic=-1 orko.run=${orders} ${cmdline}`.trim(),
  };
}

/** How often to do something: `full` times when there is time for it, `cut` times otherwise; said either way. */
export function rounds(what: string, full: number, cut: number): number {
  const count = IS_SOAK ? full : Math.min(full, cut);
  process.stdout.write(`  ${what}: ${count}${count < full ? ` of ${full} (ORKO_SOAK=1 for all)` : ''}\n`);
  return count;
}

function withTransport(devices: unknown = {}): object {
  const named = Object.entries(devices as Record<string, object>);
  return Object.fromEntries(
    named.map(([name, device]) => [name, { ...(TRANSPORT && { transport: TRANSPORT }), ...device }]),
  );
}

export interface VmOptions {
  /** Gives orko-vmm a terminal. */
  readonly tty?: boolean;
  /** A file that gets the console's bytes as they are; `output` has them as text. */
  readonly recordTo?: string;
  /** What orko-vmm is started by: "setpriv --reuid 1000". */
  readonly wrapper?: string;
}

let vmCount = 0;

export async function startVm(l1: NestedHost, config: Config, options: VmOptions = {}): Promise<Vm> {
  const name = `vm-${process.pid}-${vmCount++}`;
  const file = join(l1.directory, `${name}.yaml`);
  // JSON is YAML. 126M: nothing else that a VMM maps has that size.
  await writeFile(file, JSON.stringify({ memory: '126M', name, ...config, devices: withTransport(config['devices']) }));
  // exec: signals go to orko-vmm, not to a shell that waits for it.
  const record = options.recordTo === undefined ? '' : `> >(exec tee ${options.recordTo})`;
  return new Vm(
    l1,
    name,
    l1.spawn(`exec ${options.wrapper ?? ''} orko-vmm run ${file} ${record}`, { tty: options.tty === true }),
  );
}

export class Vm implements AsyncDisposable {
  readonly name: string;
  readonly #l1: NestedHost;
  readonly #process: HostProcess;
  #hasEnded = false;

  constructor(l1: NestedHost, name: string, process: HostProcess) {
    this.#l1 = l1;
    this.name = name;
    this.#process = process;
  }

  /** What the guest, or on a terminal orko-vmm too, has printed so far. */
  get output(): string {
    return this.#process.stdout;
  }

  /** What orko-vmm has said. */
  get messages(): string {
    return this.#process.stderr;
  }

  async printed(pattern: string | RegExp, timeoutMs = GUEST_TIMEOUT_MS): Promise<void> {
    await this.#process.printed(pattern, timeoutMs);
  }

  /** Resolves once `text` has been printed `count` times. */
  async printedTimes(text: string, count: number): Promise<void> {
    // The look-ahead makes each step final: without it a search that fails would try all ways to fail.
    await this.printed(new RegExp(`^(?:(?=([\\s\\S]*?${text}))\\1){${count}}`));
  }

  /** The groups of `pattern`, once it is printed. */
  async matched(pattern: RegExp): Promise<readonly string[]> {
    await this.printed(pattern);
    return pattern.exec(this.output)!.slice(1);
  }

  /** Resolves once orko-vmm has said `text`. */
  async said(text: string): Promise<void> {
    for (const end = Date.now() + GUEST_TIMEOUT_MS; !this.messages.includes(text); ) {
      if (Date.now() > end) throw new Error(`orko-vmm did not say ${text}: ${this.messages}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  write(data: string | Uint8Array): void {
    this.#process.write(data);
  }

  end(data: string | Uint8Array = ''): void {
    this.#process.end(data);
  }

  /** `orko-vmm ctl NAME REQUEST`. */
  async ctl(request: string): Promise<RunResult> {
    return this.#l1.run(`orko-vmm ctl ${this.name} ${request}`, { timeoutMs: REQUEST_TIMEOUT_MS });
  }

  async kill(signal: string): Promise<void> {
    await this.#process.kill(signal);
  }

  /** The exit code. */
  async exited(timeoutMs = GUEST_TIMEOUT_MS): Promise<number> {
    const exitCode = await this.#process.exited(timeoutMs);
    this.#hasEnded = true;
    return exitCode;
  }

  /** A second connection to the VM, and eyes on its process. The guest has to run already. */
  async probe(): Promise<Probe> {
    const script = `node ${PROBE} "\${XDG_RUNTIME_DIR:-/run}/orko-vmm/${this.name}.sock"`;
    const probe = this.#l1.spawn(script);
    await probe.printed('READY', REQUEST_TIMEOUT_MS);
    return new Probe(probe);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded) return;
    await this.#process.kill('KILL');
    await this.exited();
  }
}

export class Probe implements AsyncDisposable {
  readonly #process: HostProcess;
  #asked = 0;

  constructor(process: HostProcess) {
    this.#process = process;
  }

  /** Control requests one after the other over one connection; their replies, and how long all of them took. */
  control(...requests: string[]): Promise<Questions['control']['answer']> {
    return this.#ask('control', { requests });
  }

  /** Looks at words of guest memory and at the threads of orko-vmm for a while. */
  watch(words: Words, forMs: number): Promise<Questions['watch']['answer']> {
    return this.#ask('watch', { words, forMs });
  }

  /** How long it took until every word differed from `from`; null when it took longer than `withinMs`. */
  moved(words: Words, from: readonly string[], withinMs: number): Promise<Questions['moved']['answer']> {
    return this.#ask('moved', { words, from, withinMs });
  }

  usage(): Promise<Questions['usage']['answer']> {
    return this.#ask('usage', {});
  }

  async #ask<Kind extends keyof Questions>(
    kind: Kind,
    question: Questions[Kind]['ask'],
  ): Promise<Questions[Kind]['answer']> {
    const number = this.#asked++;
    this.#process.write(`${JSON.stringify({ kind, ...question })}\n`);
    const pattern = new RegExp(`^#${number} (.*)\\n`, 'm');
    await this.#process.printed(pattern, REQUEST_TIMEOUT_MS);
    const answer = JSON.parse(pattern.exec(this.#process.stdout)![1]!) as Questions[Kind]['answer'] | { error: string };
    if ('error' in answer) throw new Error(`The probe failed: ${answer.error}`);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.end();
    await this.#process.exited();
  }
}

/** The lines that begin with `word`, without line ends. */
export function linesOf(output: string, word: string): string[] {
  return output.split(/\r*\n/).filter((line) => line.startsWith(`${word} `));
}

/** What a bare-metal guest found wrong, its output when it did not come to its end, and nothing when all is well. */
export function complaintsOf(output: string): string[] {
  const failures = linesOf(output, 'FAIL');
  return failures.length > 0 || /^DONE passed=[1-9]\d* failed=0\r?$/m.test(output)
    ? failures
    : [`unfinished: ${output}`];
}
