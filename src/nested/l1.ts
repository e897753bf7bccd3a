/**
 * L1, the Arm host inside QEMU: boots it, shows it folders of this machine at the same paths (9p), and runs commands in
 * it over one SSH connection. Nothing but `stop()`, or the end of this process, is needed to end all of it.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostError } from '../base/errors.ts';
import { MiB } from '../base/units.ts';
import { isAlive } from './cache.ts';
import { command } from './command.ts';
import { l1Image } from './l1-image.ts';
import { type L1KernelName, l1Kernel } from './l1-kernel.ts';
import { READY_MARK } from './l1-scripts.ts';
import { HOST_KEY_ALIAS, type L1Keys, l1Keys, settingsArchive } from './l1-settings.ts';
import { passthroughArguments } from './passthrough-devices.ts';
import { type ProgressSink, step } from './progress.ts';
import { Qemu, type QemuOptions } from './qemu.ts';
import { qemuCommand } from './qemu-program.ts';

export interface L1Options extends QemuOptions {
  readonly kernel: L1KernelName;
}

export const L1_DEFAULTS: L1Options = {
  qemu: 'installed',
  cpu: 'max',
  gic: 3,
  kernel: '4k',
  memoryMiB: 4096,
  cpus: Math.min(4, availableParallelism()),
  passthrough: false,
  qemuArguments: [],
};

/** Of the folders that running L1s have their sockets in; the number of the process that owns one follows. */
const RUN_PREFIX = 'orko-l1-';
/** What QEMU needs beside the memory it gives to L1. */
const QEMU_OVERHEAD_MIB = 300;
/** Bytes a 9p message carries: larger ones are faster, and half a megabyte is where it levels off. */
const NINEP_MESSAGE_BYTES = 512 * 1024;

/** How another process reaches a running L1: arguments for `ssh`, up to the command. */
export type SshArguments = readonly string[];

export class L1 {
  readonly #qemu: Qemu;
  readonly #master: ChildProcess;
  /** Resolves when QEMU is gone and its run directory too. */
  readonly #cleaned: Promise<void>;
  readonly ssh: SshArguments;

  private constructor(qemu: Qemu, master: ChildProcess, ssh: SshArguments, cleaned: Promise<void>) {
    this.#qemu = qemu;
    this.#cleaned = cleaned;
    this.#master = master;
    this.ssh = ssh;
  }

  /** Boots an L1 that sees `shares` (folders of this machine) at the same paths. */
  static async start(options: L1Options, shares: readonly string[], progress: ProgressSink): Promise<L1> {
    const program = await qemuCommand(options.qemu, progress);
    const kernel = await l1Kernel(options.kernel, progress);
    const image = await l1Image(progress);
    const keys = await l1Keys();
    const needMiB = options.memoryMiB + QEMU_OVERHEAD_MIB;
    const freeMiB = Math.floor(freemem() / MiB);
    if (needMiB > freeMiB) {
      throw new HostError(
        `Cannot start the Arm host: it takes ${needMiB} MiB of memory and ${freeMiB} MiB are available: give it less`,
      );
    }
    const folders = await outermost(shares);
    return await step(progress, `Starting the Arm host (${describe(options)})`, async () => {
      await removeAbandoned();
      const runDirectory = await mkdtemp(join(tmpdir(), `${RUN_PREFIX}${process.pid}-`));
      const initramfs = join(runDirectory, 'initramfs');
      await writeFile(initramfs, [await readFile(kernel.initramfs), await settingsArchive(keys)]);
      const disks = { root: image, modules: kernel.modules };
      const devices = options.passthrough ? await passthroughArguments(runDirectory) : [];
      const parts = {
        program,
        kernel: { image: kernel.image, initramfs },
        disks,
        shares: folders,
        devices,
        runDirectory,
      };
      const qemu = new Qemu(options, parts);
      const clean = () => rmSync(runDirectory, { recursive: true, force: true });
      process.once('exit', clean);
      const cleaned = qemu.ended.then(() => {
        process.off('exit', clean);
        clean();
      });
      try {
        await qemu.printed(READY_MARK);
        const ssh = sshArguments(keys, join(runDirectory, 'ssh'), await qemu.sshPort());
        const l1 = new L1(qemu, await connectMaster(ssh), ssh, cleaned);
        await l1.#mount(folders);
        return l1;
      } catch (error) {
        await qemu.stop();
        await cleaned;
        throw error;
      }
    });
  }

  /** Resolves when L1 has ended: to why, or to nothing when `stop()` ended it. */
  get ended(): Promise<string | undefined> {
    return this.#qemu.ended;
  }

  get console(): string {
    return this.#qemu.console;
  }

  get qemuPid(): number | undefined {
    return this.#qemu.pid;
  }

  /** Makes a Unix socket `here` that leads to the one `there`, in L1, whenever somebody connects. */
  async forward(here: string, there: string): Promise<void> {
    await command('reach into the Arm host', 'ssh', ['-O', 'forward', '-L', `${here}:${there}`, ...this.ssh]);
  }

  async stop(): Promise<void> {
    this.#master.kill();
    await this.#qemu.stop();
    await this.#cleaned;
  }

  async #mount(folders: readonly string[]): Promise<void> {
    // mmap caches only what is mapped: writes reach the other side at once, and shared mappings work.
    const options = `trans=virtio,version=9p2000.L,cache=mmap,msize=${NINEP_MESSAGE_BYTES},access=client`;
    const lines = folders.map(
      (path, index) => `mkdir -p ${quote(path)} && mount -t 9p -o ${options} share${index} ${quote(path)}`,
    );
    // A checkout of root's lies below /root, which in L1 is closed to the users as whom programs are run there.
    const script = ['chmod a+x /root', ...lines].join(' && ');
    const { exitCode, stderr } = await runOverSsh(this.ssh, script);
    if (exitCode !== 0) throw new HostError(`Cannot share folders with the Arm host: ${stderr.trim()}`);
  }
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `script` (for L1's bash) over the connection; ssh's exit code is the script's, 255 when the connection broke. */
export function spawnOverSsh(ssh: SshArguments, script: string, options: SpawnOptions = {}): ChildProcess {
  return spawn('ssh', [...ssh, script], options);
}

export async function runOverSsh(ssh: SshArguments, script: string, stdin = ''): Promise<CommandResult> {
  const child = spawnOverSsh(ssh, script);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin?.on('error', () => {}).end(stdin);
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 255));
  });
  return { exitCode, stdout, stderr };
}

/** One word for a POSIX shell. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function describe({ qemu, cpu, gic, kernel, cpus, memoryMiB, passthrough }: L1Options): string {
  const devices = passthrough ? ', devices to pass through' : '';
  const version = qemu === 'installed' ? '' : ` ${qemu}`;
  return `QEMU${version}, ${cpus} × ${cpu}, GICv${gic}, ${memoryMiB} MiB, ${kernel} pages${devices}`;
}

/** What owners that were killed have left; QEMU went with them. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = new RegExp(`^${RUN_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (!owner || isAlive(Number(owner))) continue;
    // Another user's stays.
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {});
  }
}

/** Folders that exist, each once, without those that lie inside another. */
async function outermost(paths: readonly string[]): Promise<string[]> {
  const sorted = [...new Set(paths)].sort();
  await Promise.all(sorted.map((path) => realpath(path)));
  return sorted.filter((path) => !sorted.some((other) => other !== path && path.startsWith(`${other}/`)));
}

function sshArguments(keys: L1Keys, controlPath: string, port: number): string[] {
  return [
    ...['-F', 'none', '-S', controlPath, '-p', `${port}`, '-i', keys.client, '-l', 'root', '-e', 'none', '-q'],
    ...['-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', `HostKeyAlias=${HOST_KEY_ALIAS}`],
    ...['-o', `UserKnownHostsFile=${keys.knownHosts}`, '-o', 'GlobalKnownHostsFile=none', '127.0.0.1'],
  ];
}

/** The connection that all commands share: one key exchange, which costs a second under emulation. */
async function connectMaster(ssh: SshArguments): Promise<ChildProcess> {
  const options = ['-M', '-N', '-o', 'PermitLocalCommand=yes', '-o', 'LocalCommand=echo connected'];
  const master = spawn('setpriv', ['--pdeathsig', 'KILL', 'ssh', ...options, ...ssh], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let errors = '';
  master.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  await new Promise<void>((resolve, reject) => {
    master.stdout.once('data', () => resolve());
    master.on('error', reject);
    master.on('close', () => reject(new HostError(`Cannot log in to the Arm host: ${errors.trim() || 'ssh failed'}`)));
  });
  return master;
}
