/**
 * Runs once around the nested tests, in Vitest's own process: bundles the installed form, owns the Arm hosts that tests
 * ask for (test/support/nested-host.ts) and ends them all. On an Arm machine with /dev/kvm there is nothing to own.
 */
import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestProject } from 'vitest/node';
import { MiB } from '../../src/base/units.ts';
import { command } from '../../src/nested/command.ts';
import { devTree, TREE } from '../../src/nested/dev-tree.ts';
import { L1, L1_DEFAULTS, type L1Options, quote, runOverSsh, type SshArguments } from '../../src/nested/l1.ts';
import { toStderr } from '../../src/nested/progress.ts';
import { type HostName, type HostReply, isArmHost } from '../support/nested-host.ts';

/** What the hosts are for: test/nested/README.md. */
const VARIANTS: Record<HostName, Partial<L1Options>> = {
  main: {},
  pi4: { cpu: 'cortex-a72', gic: 2, memoryMiB: 3072 },
  '16k': { kernel: '16k', memoryMiB: 3072 },
  a76: { cpu: 'cortex-a76', memoryMiB: 3072 },
};

/** What QEMU takes beside the memory of its machine, and what the hosts that run may still grow by. */
const MEMORY_SLACK_MIB = 4096;

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
    createInterface(client).on('line', async (name) => {
      const reply: HostReply = await keeper.start(name as HostName).then(
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
  try {
    if (!isArmHost()) await keeper.start('main');
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

/** Hosts stay, since a start takes a while and an idle one takes little; the main one only, where memory is short. */
class Keeper {
  readonly #directory: string;
  readonly #hosts = new Map<HostName, Promise<L1>>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(directory: string) {
    this.#directory = directory;
  }

  start(name: HostName): Promise<SshArguments> {
    const started = this.#queue.then(async () => {
      if (!this.#hosts.has(name)) await this.#makeRoom(name);
      const host = this.#hosts.get(name) ?? this.#boot(name);
      this.#hosts.set(name, host);
      return (await host).ssh;
    });
    this.#queue = started.catch(() => this.#hosts.delete(name));
    return started;
  }

  async #makeRoom(name: HostName): Promise<void> {
    const { memoryMiB } = { ...L1_DEFAULTS, ...VARIANTS[name] };
    for (const other of this.#hosts.keys()) {
      if (freemem() / MiB > memoryMiB + MEMORY_SLACK_MIB) return;
      if (other !== 'main') await this.#stop(other);
    }
  }

  async stopAll(): Promise<void> {
    await this.#queue;
    for (const name of this.#hosts.keys()) await this.#stop(name);
  }

  async #boot(name: HostName): Promise<L1> {
    const tree = await devTree(toStderr);
    const l1 = await L1.start({ ...L1_DEFAULTS, ...VARIANTS[name] }, [...tree.shares, this.#directory], toStderr);
    const install = `cp -r ${quote(join(this.#directory, 'package'))} /usr/local/lib/orko-vmm`;
    const link = 'ln -s /usr/local/lib/orko-vmm/bin/orko-vmm.js /usr/local/bin/orko-vmm';
    const { exitCode, stderr } = await runOverSsh(l1.ssh, [tree.prepare, install, link].join(' && '));
    if (exitCode === 0) return l1;
    await l1.stop();
    throw new Error(`Cannot prepare the Arm host ${name}: ${stderr.trim()}`);
  }

  async #stop(name: HostName): Promise<void> {
    const host = this.#hosts.get(name);
    this.#hosts.delete(name);
    await host?.then(
      (l1) => l1.stop(),
      () => {},
    );
  }
}
