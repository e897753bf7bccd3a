/**
 * What the devices of a nested host see on their bus, as the QEMU outside of it does: the accesses to their registers, in
 * order (QEMU docs/devel/tracing.rst, memory_region_ops_write). The host is told to trace by its monitor.
 */
import { readFile, stat } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';

const PROMPT = '(qemu) ';
const LINE = /^memory_region_ops_write .* addr 0x([\da-f]+) value 0x([\da-f]+) size (\d+) name '([^']*)'/;

/** Registers of a device of QEMU's. */
export interface TracedRegion {
  /** As QEMU calls it. */
  readonly name: string;
  /** Bytes: a power of 2, and what it is aligned to. */
  readonly size: number;
}

export interface BusWrite {
  /** In the region. */
  readonly offset: number;
  readonly value: number;
  /** Bytes. */
  readonly size: number;
}

/** Words for QEMU. `folder`: of the test run. */
export function traceArguments(folder: string, host: string): readonly string[] {
  const { monitor, trace } = pathsOf(folder, host);
  return ['-monitor', `unix:${monitor},server=on,wait=off`, '-D', trace];
}

const pathsOf = (folder: string, host: string) => ({
  monitor: join(folder, `${host}.monitor`),
  trace: join(folder, `${host}.trace`),
});

/**
 * Runs `action`, and returns what was written meanwhile to `region`; by whomever, the host's drivers too.
 */
export async function tracedWrites(
  folder: string,
  host: string,
  region: TracedRegion,
  action: () => Promise<void>,
): Promise<readonly BusWrite[]> {
  const { monitor: monitorPath, trace } = pathsOf(folder, host);
  const before = await stat(trace).then(
    ({ size }) => size,
    () => 0,
  );
  await using monitor = await Monitor.open(monitorPath);
  await monitor.command('trace-event memory_region_ops_write on');
  try {
    await action();
  } finally {
    await monitor.command('trace-event memory_region_ops_write off');
  }
  const lines = (await readFile(trace)).subarray(before).toString('latin1').split('\n');
  return lines.flatMap((line) => {
    const [, address, value, size, name] = LINE.exec(line) ?? [];
    if (name !== region.name) return [];
    return [{ offset: Number(`0x${address}`) % region.size, value: Number(`0x${value}`), size: Number(size) }];
  });
}

/** QEMU's monitor for people: it answers with a prompt. */
class Monitor implements AsyncDisposable {
  readonly #socket: Socket;
  #answer = '';
  #prompted: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.#answer += text;
      if (this.#answer.endsWith(PROMPT)) this.#prompted();
    });
  }

  static async open(path: string): Promise<Monitor> {
    const monitor = new Monitor(createConnection(path));
    await monitor.#prompt();
    return monitor;
  }

  async command(line: string): Promise<void> {
    this.#answer = '';
    const prompt = this.#prompt();
    this.#socket.write(`${line}\n`);
    await prompt;
  }

  #prompt(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#prompted = resolve;
      this.#socket.once('error', reject);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }
}
