/**
 * Runs once around the nested tests, in Vitest's own process: bundles the installed form, owns the Arm hosts that tests
 * ask for (test/support/nested-host.ts) and ends them all. On an Arm machine with /dev/kvm nobody asks for one.
 */
import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestProject } from 'vitest/node';
import { command } from '../../src/nested/command.ts';
import { devTree, TREE } from '../../src/nested/dev-tree.ts';
import { L1, L1_DEFAULTS, type L1Options, quote, runOverSsh, type SshArguments } from '../../src/nested/l1.ts';
import { toStderr } from '../../src/nested/progress.ts';
import { traceArguments } from '../support/bus-trace.ts';
import { IS_SOAK } from '../support/environment.ts';
import type { HostName, HostReply, HostRequest } from '../support/nested-host.ts';
import { sharedBarArguments } from '../support/shared-bar.ts';

/**
 * Instead of the kernel that L1 otherwise has: of a word that comes twice, QEMU takes the last. It has no modules, so the drivers that
 * are there for guests have to be told to leave the devices alone (guests/linux/host.config).
 */
const OWN_KERNEL = [
  ...['-kernel', join(TREE, 'out/guests/HostImage')],
  ...['-append', 'console=ttyAMA0 quiet panic=-1 initcall_blacklist=e1000_init_module,nvme_init'],
];

/**
 * What the hosts are for: test/nested/README.md. The main one has one CPU, and each worker of Vitest one of it: two emulated
 * CPUs stop each other at every change of their page tables, so two hosts do in 100 s what one with two CPUs does in 145.
 */
const VARIANTS: Record<HostName, Partial<L1Options>> = {
  main: IS_SOAK ? {} : { cpus: 1 },
  smp: {},
  pi4: { cpu: 'cortex-a72', gic: 2, memoryMiB: 3072 },
  '16k': { kernel: '16k', memoryMiB: 3072 },
  vfio: { cpus: 1, passthrough: true, memoryMiB: 3072 },
  'vfio-iommufd': { cpus: 1, passthrough: true, memoryMiB: 3072, qemuArguments: OWN_KERNEL },
  'vfio-16k': { cpus: 1, kernel: '16k', passthrough: true, memoryMiB: 3072 },
  'qemu-10': { qemu: '10.0', cpus: 1, passthrough: true, memoryMiB: 2048 },
  'qemu-10-altra': { qemu: '10.0', cpu: 'neoverse-n1', cpus: 1, passthrough: true, memoryMiB: 2048 },
};

/**
 * One CPU, which might be joined by a second: where no other can look, QEMU 10.0 has no access be atomic, and checks the alignment of
 * none that is not (tcg/tcg-op-ldst.c, tcg_canonicalize_memop; include/exec/memop.h, memop_atomicity_bits).
 */
const RAISES_ALIGNMENT_FAULTS = ['-smp', '1,maxcpus=2'];

/** Words for QEMU that need the folder of the test run. */
function ownArguments(name: HostName, folder: string): Partial<L1Options> {
  const isNewer = name === 'qemu-10' || name === 'qemu-10-altra';
  if (!isNewer && name !== 'vfio') return {};
  return {
    qemuArguments: [
      ...traceArguments(folder, name),
      ...(isNewer ? [...RAISES_ALIGNMENT_FAULTS, ...sharedBarArguments(folder, name)] : []),
    ],
  };
}

/** Of the last words of a host that ended. */
const CONSOLE_SHOWN_CHARACTERS = 2000;

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'orko-test-'));
  // Some tests run as another user, who has to get at it too.
  await chmod(directory, 0o755);
  const bundle = [join(TREE, '.ci/dist.ts'), '--into', join(directory, 'package')];
  await command('bundle orko-vmm', process.execPath, bundle);
  await mkdir(join(directory, 'bin'));
  await symlink('../package/bin/orko-vmm.js', join(directory, 'bin/orko-vmm'));
  const keeper = new Keeper(directory);
  const socketPath = join(directory, 'hosts');
  const server = createServer((client) => {
    client.on('error', () => {});
    createInterface(client).on('line', async (line) => {
      const { name, worker } = JSON.parse(line) as HostRequest;
      const reply: HostReply = await keeper.start(name, worker).then(
        (ssh) => ({ ssh }),
        (error: Error) => ({ error: error.message }),
      );
      client.write(`${JSON.stringify(reply)}\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  project.provide('nested', { directory, socketPath });
  const stop = async () => {
    server.close();
    await keeper.stopAll();
    await rm(directory, { recursive: true, force: true });
  };
  return stop;
}

/** Hosts stay, since a start takes a while and an idle one takes little. One that ended, whyever, is started again. */
class Keeper {
  readonly #directory: string;
  readonly #hosts = new Map<string, Promise<L1>>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The worker's own host where it is the main one, else the one that all share. */
  start(name: HostName, worker: string): Promise<SshArguments> {
    const key = name === 'main' ? `${name} ${worker}` : name;
    const started = this.#queue.then(async () => {
      const host = this.#hosts.get(key) ?? this.#boot(name, key);
      this.#hosts.set(key, host);
      return (await host).ssh;
    });
    this.#queue = started.catch(() => this.#hosts.delete(key));
    return started;
  }

  async stopAll(): Promise<void> {
    await this.#queue;
    const hosts = [...this.#hosts.values()];
    this.#hosts.clear();
    await Promise.all(hosts.map(async (host) => (await host).stop()));
  }

  async #boot(name: HostName, key: string): Promise<L1> {
    const tree = await devTree(toStderr);
    const l1 = await L1.start(
      { ...L1_DEFAULTS, ...VARIANTS[name], ...ownArguments(name, this.#directory) },
      [...tree.shares, this.#directory],
      toStderr,
    );
    const install = `cp -r ${quote(join(this.#directory, 'package'))} /usr/local/lib/orko-vmm`;
    const link = 'ln -s /usr/local/lib/orko-vmm/bin/orko-vmm.js /usr/local/bin/orko-vmm';
    const { exitCode, stderr } = await runOverSsh(l1.ssh, [tree.prepare, install, link].join(' && '));
    if (exitCode !== 0) {
      await l1.stop();
      throw new Error(`Cannot prepare the Arm host ${key}: ${stderr.trim()}`);
    }
    void l1.ended.then((why) => {
      if (why === undefined) return;
      toStderr(`The Arm host ${key} ended, tests in it fail: ${why}\n${l1.console.slice(-CONSOLE_SHOWN_CHARACTERS)}`);
      this.#hosts.delete(key);
    });
    return l1;
  }
}
