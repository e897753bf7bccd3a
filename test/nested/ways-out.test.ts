/**
 * Every way out, our own bugs included, with vCPUs that never rest: the process ends within 2 s with one message
 * and its exit code, the terminal is as it was, and nothing keeps the next start from working.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type HostProcess, host, type NestedHost } from '../support/nested-host.ts';
import { bundleFor } from './support/bundle.ts';

const PAYLOADS = join(import.meta.dirname, '../../out/guests');
const NAME = 'ways-out';
const PID_FILE = `/run/${NAME}.pid`;
const WITHIN_MS = 2_000;
/** What a pipe holds (pipe(7)). */
const PIPE_BYTES = 65_536;
/** On the main thread, and on two threads of their own. More would only take the emulated host's two CPUs from each other. */
const CPUS = 3;
/** For what has no bound of its own. */
const SLOW_MS = 60_000;
const BUG =
  'orko-vmm: This is a bug in orko-vmm: thrown on purpose: run the command again with ORKO_DEBUG=1 and report what it prints';

let l1: NestedHost;
let config: string;
let faulty: string;
beforeAll(async () => {
  l1 = await host('main');
  faulty = await bundleFor(l1, 'faulty-main');
  config = join(l1.directory, `${NAME}.yaml`);
  const image = join(PAYLOADS, 'counters.bin');
  await writeFile(config, `name: ${NAME}\nmemory: 64M\nkernel: { image: ${image} }\n`);
});
// A test that failed must not hand its VM on to the next one.
afterEach(async () => {
  await l1.run(`kill -KILL $(cat ${PID_FILE})`);
});

interface Vm {
  readonly process: HostProcess;
  /** Runs `trigger` on the host, whose time is taken first. */
  provoke(trigger: string): Promise<void>;
  end(): Promise<End>;
}

interface End {
  readonly exitCode: number;
  /** What stands on stderr, or the terminal, between the provocation and the end. */
  readonly said: string;
  /** From the provocation, or the throw that follows it, to the end of the process. */
  readonly tookMs: number;
  /** Whether the terminal's mode is the one from before. */
  readonly terminalRestored: boolean;
}

interface StartOptions {
  /** All of them busy: under emulation more than one makes everything slow. */
  readonly cpus?: number;
  readonly fault?: string;
  /** Shell words after the command: redirections. */
  readonly redirect?: string;
  readonly tty?: boolean;
}

/** Starts the guest in a shell that says when and how orko-vmm ended; `%PID` in a trigger is its process. */
async function start({ cpus = 1, fault = 'none', redirect = '', tty = true }: StartOptions = {}): Promise<Vm> {
  const mode = tty ? 'stty -g' : 'true';
  const process = l1.spawn(
    `before=$(${mode}); FAULT=${fault} sh -c 'echo $$ >${PID_FILE}; exec node ${faulty} run ${config} --set cpus=${cpus} ${redirect}'; ` +
      `echo "END code=$? at=$(date +%s%3N) restored=$([ "$before" = "$(${mode})" ] && echo yes)"`,
    { tty },
  );
  let provokedAt = 0;
  return {
    process,
    async provoke(trigger) {
      const { stdout } = await l1.run(`pid=$(cat ${PID_FILE}); date +%s%3N; ${trigger.replaceAll('%PID', '$pid')}`);
      provokedAt = Number(stdout.split('\n', 1)[0]);
    },
    async end() {
      const line = /END code=(\d+) at=(\d+) restored=(yes)?/;
      await process.printed(line, SLOW_MS);
      await process.exited();
      const [all, code, at, restored] = line.exec(process.stdout)!;
      const output = `${process.stderr}${process.stdout.replace(all, '')}`.replaceAll('\r', '');
      const from = Number(/FAULT (\d+)/.exec(output)?.[1] ?? provokedAt);
      const said = output.split('\n').filter((text) => /^orko-vmm: (?!Every key)|Error|^ +at /.test(text));
      return {
        exitCode: Number(code),
        said: said.join('\n'),
        tookMs: Number(at) - from,
        terminalRestored: restored === 'yes',
      };
    },
  };
}

async function running(options?: StartOptions): Promise<Vm> {
  const vm = await start(options);
  await vm.process.printed(/COUNTERS .* cpus=/, SLOW_MS);
  return vm;
}

async function expectNothingLeft(): Promise<void> {
  const { stdout } = await l1.run(`ps -eo args | grep '^node ${faulty}'; ls /run/orko-vmm | grep ${NAME}`);
  expect(stdout).toBe('');
}

/** Two seconds are real time, on a host that is emulated and perhaps busy with others: once more is allowed. */
const TIMED = { retry: 2, timeout: 3 * SLOW_MS };

describe('a bug of ours', TIMED, () => {
  test.each([
    ['exit', 'the run loop'],
    ['signal', 'a callback of libuv'],
    ['rejection', 'a promise that nobody waits for'],
  ])('%s: in %s', async (fault) => {
    const vm = await running({ cpus: CPUS, fault });
    await vm.provoke('kill -USR2 %PID; sleep 0.2; kill -USR2 %PID');
    const end = await vm.end();
    expect(end).toMatchObject({ exitCode: 70, said: BUG, terminalRestored: true });
    expect(end.tookMs).toBeLessThan(WITHIN_MS);
    await expectNothingLeft();
  });

  test('in the run loop, while nobody reads what the guest has printed', async () => {
    const fifo = `/run/${NAME}.fifo`;
    const reader = l1.spawn(
      `rm -f ${fifo}; mkfifo ${fifo}; exec 9<>${fifo}; head -c ${PIPE_BYTES} /dev/zero >&9; echo full; exec sleep 60`,
    );
    await reader.printed('full');
    const vm = await start({ fault: 'exit', tty: false, redirect: `</dev/null >${fifo}` });
    await expect.poll(() => l1.run(`orko-vmm ctl ${NAME} status`), { timeout: 20_000 }).toMatchObject({ exitCode: 0 });
    await vm.provoke('kill -USR2 %PID; sleep 0.2; kill -USR2 %PID');
    const end = await vm.end();
    await reader.kill('KILL');
    expect(end).toMatchObject({ exitCode: 70, said: BUG });
    expect(end.tookMs).toBeLessThan(WITHIN_MS);
    await expectNothingLeft();
  });

  test('in a callback of the console', async () => {
    const vm = await running({ fault: 'input' });
    vm.process.write('x');
    const end = await vm.end();
    expect(end).toMatchObject({ exitCode: 70, said: BUG, terminalRestored: true });
    expect(end.tookMs).toBeLessThan(WITHIN_MS);
    await expectNothingLeft();
  });

  test('in a request on the control socket', async () => {
    const vm = await running({ cpus: CPUS, fault: 'control' });
    await vm.provoke(`orko-vmm ctl ${NAME} pause`);
    const end = await vm.end();
    expect(end).toMatchObject({ exitCode: 70, said: BUG, terminalRestored: true });
    expect(end.tookMs).toBeLessThan(WITHIN_MS);
    await expectNothingLeft();
  });
});

describe('signals', TIMED, () => {
  test('SIGTERM presses the power key, a second one stops hard', async () => {
    const vm = await running({ cpus: CPUS });
    await vm.provoke('kill -TERM %PID');
    await vm.process.printed('pressed the power key');
    await vm.provoke('kill -TERM %PID');
    const end = await vm.end();
    expect(end).toMatchObject({ exitCode: 13, terminalRestored: true });
    expect(end.said).toContain('a second signal stops it at once');
    expect(end.tookMs).toBeLessThan(WITHIN_MS);
    await expectNothingLeft();
  });

  test('SIGKILL leaves nothing that prevents the next start', async () => {
    const vm = await running({ tty: false, redirect: '</dev/null' });
    await vm.provoke('kill -KILL %PID');
    const end = await vm.end();
    expect(end.exitCode).toBe(137);
    expect(end.tookMs).toBeLessThan(WITHIN_MS);
    expect((await l1.run('ls /run/orko-vmm')).stdout).toContain(`${NAME}.sock`);
    const next = await running();
    await next.provoke(`orko-vmm ctl ${NAME} stop`);
    expect((await next.end()).exitCode).toBe(13);
    await expectNothingLeft();
  });

  test.each(['INT', 'HUP'])('SIG%s presses the power key too', async (signal) => {
    const vm = await running();
    await vm.provoke(`kill -${signal} %PID`);
    await vm.process.printed('pressed the power key');
    await vm.provoke(`kill -${signal} %PID`);
    expect(await vm.end()).toMatchObject({ exitCode: 13, terminalRestored: true });
  });
});

describe('the control socket', TIMED, () => {
  test('stop while paused', async () => {
    const vm = await running();
    expect((await l1.run(`orko-vmm ctl ${NAME} pause`)).exitCode).toBe(0);
    // Not by `ctl`, which takes seconds to start.
    await vm.provoke(`echo '{"request":"stop"}' | socat -t 0 - UNIX-CONNECT:/run/orko-vmm/${NAME}.sock`);
    const end = await vm.end();
    expect(end).toMatchObject({ exitCode: 13, said: '', terminalRestored: true });
    expect(end.tookMs).toBeLessThan(WITHIN_MS);
    await expectNothingLeft();
  });

  test('SIGTERM while paused stops hard, since nobody could answer the power key', async () => {
    const vm = await running();
    await l1.run(`orko-vmm ctl ${NAME} pause`);
    await vm.provoke('kill -TERM %PID');
    expect(await vm.end()).toMatchObject({ exitCode: 13, terminalRestored: true });
  });
});

describe('the console', TIMED, () => {
  test('the escape ends it, and the terminal is as before', async () => {
    const vm = await running();
    vm.process.write('\x01x');
    expect(await vm.end()).toMatchObject({ exitCode: 13, terminalRestored: true });
    await expectNothingLeft();
  });

  test('the end of standard input ends nothing', async () => {
    const vm = await running({ tty: false, redirect: '</dev/null' });
    await vm.provoke(`orko-vmm ctl ${NAME} status`);
    await vm.provoke(`orko-vmm ctl ${NAME} stop`);
    expect((await vm.end()).exitCode).toBe(13);
  });

  test('a key that the guest was waiting for ends it with 0', async () => {
    const vm = await running();
    vm.process.write('x');
    expect(await vm.end()).toMatchObject({ exitCode: 0, said: '', terminalRestored: true });
  });

  test('standard output that nobody reads any more ends nothing', async () => {
    const vm = await start({ tty: false, redirect: '2>&1 </dev/null | head -n 1 >&2' });
    await expect.poll(() => vm.process.stderr, { timeout: 20_000 }).toContain('PAYLOAD counters');
    await expect.poll(() => l1.run(`orko-vmm ctl ${NAME} status`), { timeout: 20_000 }).toMatchObject({ exitCode: 0 });
    await vm.provoke(`orko-vmm ctl ${NAME} stop`);
    expect((await vm.end()).tookMs).toBeLessThan(20_000);
    await expectNothingLeft();
  });
});
