/**
 * `make nested-shell`: runs a command in an L1 that is kept alive for development, and gives its exit code. The first
 * use starts a keeper in the background, which owns that L1; `--stop`, or two idle hours, end it.
 *
 *   node src/nested/shell.ts [--qemu installed|10.0] [--cpu NAME] [--gic 2|3] [--kernel 4k|16k] [--cpus COUNT] [--memory MIB] [--passthrough]
 *     [--stop] [--] [COMMAND [ARGUMENT …]]
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { HostError } from '../base/errors.ts';
import { contentHash } from './cache.ts';
import { devTree, TREE } from './dev-tree.ts';
import { L1, L1_DEFAULTS, type L1Options, quote, runOverSsh, spawnOverSsh } from './l1.ts';
import { L1_KERNEL_NAMES, type L1KernelName } from './l1-kernel.ts';
import { toStderr } from './progress.ts';
import { QEMU_NAMES, type QemuName } from './qemu-program.ts';

const IDLE_MS = 2 * 60 * 60 * 1000;
const CONNECT_POLL_MS = 50;
/** Long enough for a client to read why the keeper ends. */
const LAST_WORDS_MS = 200;
const KEEPER_START_TIMEOUT_MS = 10_000;

/** What the keeper says to a client, one JSON line each. The client says nothing, or "stop". */
type Message = { kind: 'progress' | 'failed'; text: string } | { kind: 'ready'; ssh: readonly string[] };

const { values, positionals } = readArguments();
if (!L1_KERNEL_NAMES.includes(values.kernel as L1KernelName)) fail(`--kernel is one of ${L1_KERNEL_NAMES.join(', ')}`);
if (!QEMU_NAMES.includes(values.qemu as QemuName)) fail(`--qemu is one of ${QEMU_NAMES.join(', ')}`);
for (const name of ['cpus', 'memory'] as const) {
  if (!/^[1-9]\d*$/.test(values[name])) fail(`--${name} is a whole number, not ${values[name]}`);
}
const options: L1Options = {
  ...L1_DEFAULTS,
  qemu: values.qemu as QemuName,
  cpu: values.cpu,
  // A cortex-a72 stands for the boards that have no GICv3.
  gic: (values.gic ?? (values.cpu === 'cortex-a72' ? '2' : '3')) === '2' ? 2 : 3,
  kernel: values.kernel as L1KernelName,
  cpus: Number(values.cpus),
  memoryMiB: Number(values.memory),
  passthrough: values.passthrough,
};
const runDirectory = join(tmpdir(), `orko-shell-${process.getuid?.() ?? 0}-${contentHash(TREE)}`);
const socketPath = join(runDirectory, contentHash(options));

if (values.keep) await keep();
else if (values.stop) await stopAll();
else process.exitCode = await runCommand(positionals);

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        qemu: { type: 'string', default: L1_DEFAULTS.qemu },
        cpu: { type: 'string', default: L1_DEFAULTS.cpu },
        gic: { type: 'string' },
        kernel: { type: 'string', default: L1_DEFAULTS.kernel },
        cpus: { type: 'string', default: String(L1_DEFAULTS.cpus) },
        memory: { type: 'string', default: String(L1_DEFAULTS.memoryMiB) },
        passthrough: { type: 'boolean', default: L1_DEFAULTS.passthrough },
        stop: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return fail((error as Error).message);
  }
}

async function runCommand(words: readonly string[]): Promise<number> {
  const keeper = (await dial(socketPath)) ?? (await startKeeper());
  const ssh = await ready(keeper);
  const script = words.length > 1 ? words.map(quote).join(' ') : (words[0] ?? 'exec bash -i');
  const terminal = process.stdin.isTTY && process.stdout.isTTY;
  const cd = process.cwd() === TREE || process.cwd().startsWith(`${TREE}/`) ? process.cwd() : TREE;
  const child = spawnOverSsh(terminal ? ['-tt', ...ssh] : ssh, `cd ${quote(cd)} && ${script}`, { stdio: 'inherit' });
  const exitCode = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 255)));
  keeper.destroy();
  return exitCode;
}

function dial(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => resolve(socket));
    socket.on('error', () => resolve(undefined));
  });
}

async function startKeeper(): Promise<Socket> {
  mkdirSync(runDirectory, { recursive: true, mode: 0o700 });
  const log = openSync(`${socketPath}.log`, 'w');
  const { qemu, cpu, gic, kernel, cpus, memoryMiB, passthrough } = options;
  const processor = ['--cpu', cpu, '--cpus', `${cpus}`, '--gic', `${gic}`];
  const args = ['--keep', '--qemu', qemu, ...processor, '--kernel', kernel, '--memory', `${memoryMiB}`];
  if (passthrough) args.push('--passthrough');
  spawn(process.execPath, [import.meta.filename, ...args], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
  }).unref();
  closeSync(log);
  for (let waitedMs = 0; waitedMs < KEEPER_START_TIMEOUT_MS; waitedMs += CONNECT_POLL_MS) {
    const keeper = await dial(socketPath);
    if (keeper) return keeper;
    await new Promise((resolve) => setTimeout(resolve, CONNECT_POLL_MS));
  }
  return fail(`Cannot start the keeper of the Arm host: see ${socketPath}.log`);
}

async function ready(keeper: Socket): Promise<readonly string[]> {
  for await (const line of createInterface(keeper)) {
    const message = JSON.parse(line) as Message;
    if (message.kind === 'ready') return message.ssh;
    if (message.kind === 'failed') fail(message.text);
    toStderr(message.text);
  }
  return fail('The Arm host was stopped');
}

/** The background process: owns one L1, tells each client how to reach it, ends on "stop" or when nobody came for long. */
async function keep(): Promise<never> {
  const clients = new Set<Socket>();
  const told: Message[] = [];
  const tell = (message: Message) => {
    told.push(message);
    for (const client of clients) client.write(`${JSON.stringify(message)}\n`);
  };
  let l1: L1 | undefined;
  let lastSeenMs = Date.now();
  const end = async (): Promise<never> => {
    await rm(socketPath, { force: true });
    await l1?.stop();
    process.exit(0);
  };
  const server = createServer((client) => {
    clients.add(client);
    for (const message of told) client.write(`${JSON.stringify(message)}\n`);
    client.on('error', () => {});
    client.on('data', (data) => data.toString().startsWith('stop') && end());
    client.on('close', () => {
      clients.delete(client);
      lastSeenMs = Date.now();
    });
  });
  await listen(server);
  process.on('SIGTERM', end);
  setInterval(() => clients.size === 0 && Date.now() - lastSeenMs > IDLE_MS && end(), 60_000);
  const progress = (text: string) => tell({ kind: 'progress', text });
  try {
    const tree = await devTree(progress);
    l1 = await L1.start(options, tree.shares, progress);
    const { exitCode, stderr } = await runOverSsh(l1.ssh, tree.prepare);
    if (exitCode !== 0) throw new HostError(`Cannot prepare the Arm host: ${stderr.trim()}`);
    // A late client need not hear how it came about.
    told.length = 0;
    tell({ kind: 'ready', ssh: l1.ssh });
    const why = await l1.ended;
    tell({ kind: 'failed', text: `The Arm host ended: ${why}` });
  } catch (error) {
    tell({ kind: 'failed', text: error instanceof HostError ? error.message : `${(error as Error).stack}` });
  }
  await new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS));
  return end();
}

/** A socket file without a listener is left over from a keeper that was killed. */
async function listen(server: Server): Promise<void> {
  const attempt = () =>
    new Promise<void>((resolve, reject) => server.once('error', reject).listen(socketPath, () => resolve()));
  try {
    await attempt();
  } catch {
    if (await dial(socketPath)) process.exit(0);
    await rm(socketPath, { force: true });
    await attempt();
  }
}

async function stopAll(): Promise<void> {
  for (const name of await readdir(runDirectory).catch(() => [])) {
    if (name.endsWith('.log')) continue;
    const keeper = await dial(join(runDirectory, name));
    if (!keeper) continue;
    keeper.resume().write('stop\n');
    await new Promise((resolve) => keeper.on('close', resolve));
  }
  await rm(runDirectory, { recursive: true, force: true });
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
