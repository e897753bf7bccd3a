/** The QEMU process around L1: its command line, its console, its end in words. It never outlives this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { HostError } from '../base/errors.ts';
import { QEMU_PROGRAM, type QemuName } from './qemu-program.ts';

export interface QemuOptions {
  readonly qemu: QemuName;
  /** Core that QEMU emulates with virtualization (EL2): `max` has what new servers have, `cortex-a72` what boards have. */
  readonly cpu: string;
  readonly gic: 2 | 3;
  readonly memoryMiB: number;
  readonly cpus: number;
  /** Behind an SMMU, with devices to give to guests (passthrough-devices.ts). */
  readonly passthrough: boolean;
  /** Added to QEMU's command line as they are. */
  readonly qemuArguments: readonly string[];
}

/** What an Arm host is put together from. */
export interface QemuParts {
  /** The words before all other arguments. */
  readonly program: readonly string[];
  readonly kernel: { readonly image: string; readonly initramfs: string };
  /** Raw and read only, they become vda, vdb … in their order. */
  readonly disks: Readonly<Record<string, string>>;
  /** They become 9p devices tagged share0, share1 … */
  readonly shares: readonly string[];
  /** More words for QEMU. */
  readonly devices: readonly string[];
  readonly runDirectory: string;
}

const CONSOLE_KEPT_CHARACTERS = 64 * 1024;
const BOOT_TIMEOUT_MS = 240_000;

export class Qemu {
  readonly #process: ChildProcess;
  readonly #qmpPath: string;
  #console = '';
  #errors = '';
  #stopped = false;
  /** Resolves when QEMU has ended: to why, or to nothing when `stop()` ended it. */
  readonly ended: Promise<string | undefined>;

  constructor(options: QemuOptions, { program, kernel, disks, shares, devices, runDirectory }: QemuParts) {
    this.#qmpPath = `${runDirectory}/qmp`;
    const args = [
      ...machine(options),
      ...['-kernel', kernel.image, '-initrd', kernel.initramfs, '-append', 'console=ttyAMA0 quiet panic=-1'],
      ...Object.entries(disks).flatMap(([name, file]) => disk(name, file)),
      ...['-netdev', 'user,id=net,hostfwd=tcp:127.0.0.1:0-:22', '-device', 'virtio-net-pci,netdev=net,romfile='],
      ...['-device', 'virtio-rng-pci', '-qmp', `unix:${this.#qmpPath},server=on,wait=off`],
      ...shares.flatMap(share),
      ...devices,
      ...options.qemuArguments,
    ];
    // PR_SET_PDEATHSIG, armed by setpriv, ends QEMU with the thread that started it, even when that one is killed.
    // A process group of its own keeps the terminal's Ctrl-C away from it.
    this.#process = spawn('setpriv', ['--pdeathsig', 'KILL', ...program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#console = (this.#console + text).slice(-CONSOLE_KEPT_CHARACTERS);
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    this.ended = new Promise((resolve) => {
      this.#process.on('error', (error) => resolve(error.message));
      this.#process.on('close', (code, signal) => resolve(this.#stopped ? undefined : this.#lastWords(code, signal)));
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** The last part of what the machine printed on its serial console. */
  get console(): string {
    return this.#console;
  }

  /** Resolves once `mark` stands on the console. */
  async printed(mark: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const seen = new Promise<true>((resolve, reject) => {
      const look = () => this.#console.includes(mark) && resolve(true);
      this.#process.stdout?.on('data', look);
      timer = setTimeout(
        () =>
          reject(
            new HostError(
              `Cannot start the Arm host: not up after ${BOOT_TIMEOUT_MS / 1000} s; its last output: ${this.#console.slice(-400).trim()}`,
            ),
          ),
        BOOT_TIMEOUT_MS,
      );
      look();
    });
    const outcome = await Promise.race([seen, this.ended]).finally(() => clearTimeout(timer));
    if (outcome !== true) throw new HostError(`Cannot start the Arm host: ${outcome ?? 'it was stopped'}`);
  }

  /** The port of 127.0.0.1 that reaches port 22 of the machine; the kernel chose it. */
  async sshPort(): Promise<number> {
    const usernet = await qmp(this.#qmpPath, 'human-monitor-command', { 'command-line': 'info usernet' });
    const port = /TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)/.exec(String(usernet))?.[1];
    if (!port) throw new HostError('Cannot start the Arm host: QEMU forwards no port to it');
    return Number(port);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#process.kill('SIGKILL');
    await this.ended;
  }

  #lastWords(code: number | null, signal: string | null): string {
    const words = this.#errors.trim().split('\n').slice(-3).join('; ');
    if (code === 127 && words.includes(QEMU_PROGRAM)) return `${QEMU_PROGRAM} is not installed: run "make setup"`;
    const panic = /Kernel panic[^\r\n]*/.exec(this.#console)?.[0];
    const how = signal ? `QEMU was ended by ${signal}` : `QEMU ended with exit code ${code}`;
    return [how, words, panic].filter(Boolean).join(': ');
  }
}

function machine({ cpu, gic, memoryMiB, cpus, passthrough }: QemuOptions): string[] {
  // pauth-impdef replaces the costly QARMA algorithm; only `max` lets one choose.
  const model = cpu === 'max' ? 'max,pauth-impdef=on' : cpu;
  const iommu = passthrough ? ',iommu=smmuv3' : '';
  return [
    ...['-M', `virt,virtualization=on,gic-version=${gic}${iommu}`, '-cpu', model],
    ...['-smp', `${cpus}`, '-m', `${memoryMiB}`],
    ...['-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot'],
  ];
}

function disk(name: string, file: string): string[] {
  const drive = `file=${escapeCommas(file)},if=none,id=${name},format=raw,readonly=on`;
  return ['-drive', drive, '-device', `virtio-blk-pci,drive=${name}`];
}

/** `none` keeps owners and modes as they are where we may, and goes on where we may not. */
function share(path: string, index: number): string[] {
  const fsdev = `local,id=share${index},path=${escapeCommas(path)},security_model=none,multidevs=remap`;
  return ['-fsdev', fsdev, '-device', `virtio-9p-pci,fsdev=share${index},mount_tag=share${index}`];
}

/** QEMU's option parser reads two commas as one. */
function escapeCommas(path: string): string {
  return path.replaceAll(',', ',,');
}

/** One command over QEMU's machine protocol: greeting, capabilities, command, answer (docs/interop/qmp-spec). */
function qmp(path: string, execute: string, args: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let received = '';
    const fail = (reason: string) => reject(new HostError(`Cannot talk to QEMU at ${path}: ${reason}`));
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('it closed the connection'));
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
      const lines = received.split('\n');
      received = lines.pop() ?? '';
      for (const line of lines) {
        const message = JSON.parse(line) as { QMP?: object; id?: string; return?: unknown; error?: { desc: string } };
        if (message.QMP) {
          socket.write(`${JSON.stringify({ execute: 'qmp_capabilities' })}\n`);
          socket.write(`${JSON.stringify({ execute, arguments: args, id: 'ours' })}\n`);
        } else if (message.id === 'ours') {
          if (message.error) fail(message.error.desc);
          else resolve(message.return);
          socket.destroy();
        }
      }
    });
  });
}
