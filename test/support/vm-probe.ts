/**
 * Runs on the Arm host beside a VM and sees what a test cannot see from afar: guest memory, threads, file descriptors. It
 * also holds one connection to the control socket, since a start of `orko-vmm ctl` takes a second under emulation.
 * Reads questions (a JSON line each) from standard input and answers each with a line `#NUMBER JSON`; started by vm.ts.
 *
 *   node vm-probe.ts CONTROL-SOCKET
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** 64-bit words in guest memory, one every `stride` bytes. `offset`: from the start of RAM. */
export interface Words {
  readonly offset: number;
  readonly stride: number;
  readonly count: number;
}

/** What /proc says about a thread: its state, and the system call that it is in ("running" while it is in none). */
export interface Thread {
  readonly id: number;
  readonly call: string;
  /** In clock ticks: the time for which it ran a guest. */
  readonly guestTicks: number;
}

/** What was seen while watching for a while. */
export interface Watched {
  readonly first: readonly string[];
  readonly last: readonly string[];
  readonly samples: number;
  /** Threads in ioctl(KVM_RUN), at most, in one sample. */
  readonly inKvmRunMax: number;
  readonly guestTicks: number;
}

export interface Usage {
  /** Without timers, which come and go as the guest uses its clock. */
  readonly fds: number;
  readonly timers: number;
  readonly vcpuMappings: number;
  readonly mappings: number;
  readonly threads: number;
}

/** Every question with its answer. */
export interface Questions {
  /** Control requests, sent at once and answered in order. */
  control: { ask: { requests: readonly string[] }; answer: { replies: readonly object[]; tookMs: number } };
  watch: { ask: { words: Words; forMs: number }; answer: Watched };
  /** Waits until every word differs from `from`. */
  moved: { ask: { words: Words; from: readonly string[]; withinMs: number }; answer: { tookMs: number | null } };
  usage: { ask: object; answer: Usage };
}

interface Status {
  readonly status: { readonly pid: number; readonly memoryBytes: number };
}

/** ioctl and KVM_RUN as /proc/PID/syscall shows them on arm64 (include/uapi/asm-generic/unistd.h, linux/kvm.h). */
const IN_KVM_RUN = /^29 0x[0-9a-f]+ 0xae80 /;
const GUEST_TIME_FIELD = 43;
const SAMPLE_MS = 5;
const WORD_BYTES = 8;

async function serve(socketPath: string): Promise<void> {
  const control = connect(socketPath);
  const replies = createInterface(control)[Symbol.asyncIterator]();
  const request = async (requests: readonly string[]): Promise<object[]> => {
    control.write(requests.map((name) => `${JSON.stringify({ request: name })}\n`).join(''));
    const answers: object[] = [];
    for (const name of requests) {
      const line = await replies.next();
      if (line.done) throw new Error(`The control socket was closed before it answered ${name}`);
      answers.push(JSON.parse(line.value));
    }
    return answers;
  };
  const [{ status }] = (await request(['status'])) as [Status];
  const seen = new Seen(status.pid, status.memoryBytes);
  process.stdout.write('READY\n');
  let number = 0;
  for await (const line of createInterface(process.stdin)) {
    const question = JSON.parse(line) as { kind: keyof Questions } & Record<string, never>;
    const started = performance.now();
    let answer: object;
    try {
      if (question.kind === 'control') {
        const answers = await request(question['requests']!);
        answer = { replies: answers, tookMs: performance.now() - started };
      } else if (question.kind === 'watch') answer = await seen.watch(question['words']!, question['forMs']!);
      else if (question.kind === 'moved') {
        answer = await seen.moved(question['words']!, question['from']!, question['withinMs']!);
      } else answer = seen.usage();
    } catch (error) {
      answer = { error: (error as Error).message };
    }
    process.stdout.write(`#${number++} ${JSON.stringify(answer)}\n`);
  }
  control.destroy();
}

/** A process seen through /proc. */
class Seen {
  readonly #proc: string;
  readonly #ramBytes: number;

  constructor(pid: number, ramBytes: number) {
    this.#proc = `/proc/${pid}`;
    this.#ramBytes = ramBytes;
  }

  async watch(words: Words, forMs: number): Promise<Watched> {
    const first = this.#read(words);
    const ticks = this.#guestTicks();
    const end = performance.now() + forMs;
    let inKvmRunMax = 0;
    let samples = 0;
    do {
      const inside = this.#threads().filter((thread) => IN_KVM_RUN.test(thread.call));
      inKvmRunMax = Math.max(inKvmRunMax, inside.length);
      samples++;
      await sleep(SAMPLE_MS);
    } while (performance.now() < end);
    return { first, last: this.#read(words), samples, inKvmRunMax, guestTicks: this.#guestTicks() - ticks };
  }

  async moved(words: Words, from: readonly string[], withinMs: number): Promise<{ tookMs: number | null }> {
    const started = performance.now();
    while (performance.now() - started < withinMs) {
      if (this.#read(words).every((word, index) => word !== from[index]))
        return { tookMs: performance.now() - started };
      await sleep(SAMPLE_MS);
    }
    return { tookMs: null };
  }

  usage(): Usage {
    const mappings = this.#mappings();
    const files = readdirSync(`${this.#proc}/fd`).map((fd) => readlinkSync(`${this.#proc}/fd/${fd}`));
    const timers = files.filter((file) => file === 'anon_inode:[timerfd]').length;
    return {
      fds: files.length - timers,
      timers,
      vcpuMappings: mappings.filter((line) => line.includes('kvm-vcpu')).length,
      mappings: mappings.length,
      threads: readdirSync(`${this.#proc}/task`).length,
    };
  }

  #read({ offset, stride, count }: Words): string[] {
    const bytes = Buffer.alloc(stride * (count - 1) + WORD_BYTES);
    const memory = openSync(`${this.#proc}/mem`, 'r');
    try {
      readSync(memory, bytes, 0, bytes.length, BigInt(this.#ramAddress()) + BigInt(offset));
    } finally {
      closeSync(memory);
    }
    return Array.from({ length: count }, (_, index) => bytes.readBigUInt64LE(index * stride).toString());
  }

  /** RAM is the one mapping of its size: the configs of the tests choose sizes that nothing else has. */
  #ramAddress(): bigint {
    for (const line of this.#mappings()) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      if (from && to && BigInt(`0x${to}`) - BigInt(`0x${from}`) === BigInt(this.#ramBytes)) return BigInt(`0x${from}`);
    }
    throw new Error(`No mapping has the size of guest RAM, ${this.#ramBytes} bytes`);
  }

  #mappings(): string[] {
    return readFileSync(`${this.#proc}/maps`, 'utf8').trimEnd().split('\n');
  }

  #guestTicks(): number {
    return this.#threads().reduce((sum, thread) => sum + thread.guestTicks, 0);
  }

  #threads(): Thread[] {
    return readdirSync(`${this.#proc}/task`).map((id) => {
      const call = readFileSync(`${this.#proc}/task/${id}/syscall`, 'utf8');
      // The name in brackets may hold spaces; field 3 comes after it (proc(5)).
      const fields = readFileSync(`${this.#proc}/task/${id}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      return { id: Number(id), call, guestTicks: Number(fields[GUEST_TIME_FIELD - 3]) };
    });
  }
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

if (import.meta.main) await serve(process.argv[2]!);
