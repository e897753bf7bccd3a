/** What a user, or a host, can have wrong: each with its sentence and its exit code, and nothing left behind. */
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quote } from '../../src/nested/l1.ts';
import { isArmHost } from '../support/environment.ts';
import { hasHost, host, type NestedHost, type RunResult } from '../support/nested-host.ts';
import { payload, startVm } from '../support/vm.ts';

const CONFIG = 65;
const HOST = 69;
const NESTED = 71;
const NOBODY = 65534;
/** Whatever happens under emulation on a busy machine. */
const SLOW_MS = 120_000;

let l1: NestedHost;
let file: string;
beforeAll(async () => {
  l1 = await host('main');
  file = write('bad.yaml', `name: bad\nmemory: 64M\nconsole: none\nkernel:\n  image: ${payload('hello').image}\n`);
  // Afterwards V8's compiled code is cached: several first starts at once would all compile everything.
  await run();
});

function write(name: string, content: string | Uint8Array): string {
  const path = join(l1.directory, name);
  writeFileSync(path, content);
  return path;
}

let runCount = 0;

/** A command that runs the config with `sets`, under a name of its own: tests run at the same time. */
function commandFor(sets: readonly string[] = [], config = file): string {
  const words = [`name=bad-${runCount++}`, ...sets].map((set) => `--set '${set}'`);
  return `orko-vmm run ${config} ${words.join(' ')}`;
}

/** `before` are shell words in front of the command. */
function run(sets: readonly string[] = [], before = '', config = file): Promise<RunResult> {
  return l1.run(`${before} ${commandFor(sets, config)}`, { timeoutMs: SLOW_MS });
}

function expectRefusal(result: RunResult, exitCode: number, sentence: string | RegExp): void {
  expect(result.stderr.trimEnd()).toMatch(sentence);
  expect(result).toMatchObject({ exitCode, stdout: '' });
  // One line for the user, no stack.
  expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
}

describe.concurrent('the host', () => {
  test('has no /dev/kvm', async () => {
    const devices = 'mount -t tmpfs none /dev && busybox mknod -m 666 /dev/null c 1 3';
    const result = await l1.run(`unshare -m sh -c ${quote(`${devices} && ${commandFor()}`)}`, { timeoutMs: SLOW_MS });
    expectRefusal(
      result,
      HOST,
      /^orko-vmm: Cannot open \/dev\/kvm: No such file or directory \(ENOENT\): this kernel has no KVM/,
    );
  });

  test('has a /dev/kvm that is none', async () => {
    const result = await l1.run(`unshare -m sh -c ${quote(`mount --bind /dev/null /dev/kvm && ${commandFor()}`)}`, {
      timeoutMs: SLOW_MS,
    });
    expectRefusal(result, HOST, /^orko-vmm: Cannot ask \/dev\/kvm for its API version: .* it is not a KVM device$/);
  });

  test('does not let this user open /dev/kvm', async () => {
    const result = await run([], `setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups env HOME=/tmp`);
    expectRefusal(
      result,
      HOST,
      /^orko-vmm: Cannot open \/dev\/kvm: Permission denied \(EACCES\): add yourself to the group that owns it/,
    );
  });

  test.skipIf(process.arch === 'arm64')('is not Arm', () => {
    const program = join(l1.directory, 'package/bin/orko-vmm.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'run', file], { encoding: 'utf8' });
    expect(stderr).toMatch(/^orko-vmm: Cannot run a guest here: this is an x64 host .*: use `orko-vmm nested CONFIG`/);
    expect([status, stdout]).toEqual([HOST, '']);
  });

  test('lacks the GIC version', async () => {
    expectRefusal(
      await run(['gic=v2']),
      CONFIG,
      /^orko-vmm: --set gic: Cannot create a GICv2: .*: set gic to auto or v3$/,
    );
  });

  // The main host gives more address bits than a config can ask for; a Cortex-A72 has 44.
  test.skipIf(!hasHost('pi4'))('gives a guest fewer address bits', { timeout: 600_000 }, async () => {
    const pi4 = await host('pi4');
    const sets = ['memory.base=0x100000000000', 'memory.size=1G'];
    const result = await pi4.run(commandFor(sets), { timeoutMs: SLOW_MS });
    expectRefusal(result, CONFIG, /: Cannot give the guest 1 GiB of memory: this host gives a guest 44 address bits/);
  });

  test('has too little memory to take it at start', async () => {
    const sets = ['memory=64G', 'memory.prefault=true'];
    expectRefusal(
      await run(sets),
      CONFIG,
      /Cannot take 64 GiB of memory for the guest at start: the host has .* available: lower memory\.size/,
    );
  });

  test('has less memory than the guest may use: a warning, and the guest runs', async () => {
    const { exitCode, stderr } = await run(['memory=64G']);
    expect(stderr).toContain('The guest may use 64 GiB of memory, but the host has');
    expect(exitCode).toBe(0);
  });

  test('has a short huge-page pool', async () => {
    const sentence =
      /^orko-vmm: Cannot map 64 MiB for guest RAM: .*: the pool needs 32 free pages: write the number to \/sys/;
    expectRefusal(await run(['memory.hugepages=2M']), HOST, sentence);
  });

  test.skipIf(!hasHost('pi4'))('has fewer vCPUs for its interrupt controller', { timeout: 600_000 }, async () => {
    const pi4 = await host('pi4');
    const result = await pi4.run(commandFor(['cpus=9']), { timeoutMs: SLOW_MS });
    expectRefusal(
      result,
      CONFIG,
      /^orko-vmm: --set cpus.*: Cannot create 9 vCPUs: KVM on this host allows 8: lower cpus$/,
    );
  });
});

describe.concurrent('the config', () => {
  test.each([
    ['not YAML', 'kernel: [1, 2\n', /bad-config\.yaml:\d+: /],
    ['an unknown key', 'kernel: { image: x }\nmemroy: 64M\n', /bad-config\.yaml:2: memroy: .*did you mean `?"?memory/],
    ['a wrong type', 'kernel: { image: x }\ncpus: many\n', /bad-config\.yaml:2: cpus: Expected /],
    [
      'a path that is missing',
      'memory: 64M\nkernel: { image: nothing }\n',
      /bad-config\.yaml:2: kernel\.image: Cannot open .*nothing: there is no such file: check the path$/,
    ],
  ])('%s', async (what, text, sentence) => {
    const path = write(`${what.replaceAll(' ', '-')}-bad-config.yaml`, text);
    expectRefusal(await run([], '', path), CONFIG, sentence);
  });

  test('is not there', async () => {
    const sentence = /none\.yaml: Cannot read the config: there is no such file: name the YAML file of a VM$/;
    expectRefusal(await run([], '', '/tmp/none.yaml'), CONFIG, sentence);
  });
});

describe.concurrent('the kernel and its initrd', () => {
  test('a kernel for another architecture', async () => {
    const image = new Uint8Array(8192);
    image.set(new TextEncoder().encode('HdrS'), 0x202);
    const result = await run([`kernel.image=${write('bzImage', image)}`]);
    expectRefusal(
      result,
      CONFIG,
      /^orko-vmm: --set kernel\.image: Cannot boot .*bzImage: it is an x86 kernel \(bzImage\): give a kernel that was built for arm64$/,
    );
  });

  test('a program', async () => {
    const sentence = /Cannot boot .*: it is an arm64 ELF file .*: give arch\/arm64\/boot\/Image/;
    expectRefusal(await run(['kernel.image=/usr/bin/env']), CONFIG, sentence);
  });

  test.each(['Image', 'debian-Image'])('a truncated %s', async (name) => {
    const image = write(`truncated-${name}`, readFileSync(join(payload('hello').image, '..', name)));
    truncateSync(image, 1_000_000);
    const result = await run([`kernel.image=${image}`]);
    expectRefusal(
      result,
      CONFIG,
      /^orko-vmm: --set kernel\.image: Cannot boot .*: it is truncated: .*: build, copy or download it again/,
    );
  });

  test('an initrd that is too large', async () => {
    const initrd = write('large-initrd', '');
    truncateSync(initrd, 65 * 1024 * 1024);
    const sentence =
      /^orko-vmm: --set kernel\.initrd: Cannot place the initrd: it is too large: its 65 MiB do not fit into 64 MiB of memory .*: give the guest at least \d+ MiB of memory$/;
    expectRefusal(await run([`kernel.initrd=${initrd}`]), CONFIG, sentence);
  });
});

describe('a socket in use', () => {
  test('the name of a VM that runs', async () => {
    await using vm = await startVm(l1, { kernel: payload('counters') });
    await vm.printed('COUNTERS');
    const sentence = new RegExp(
      `^orko-vmm: --set name: Cannot take the control socket .*: VM ${vm.name} runs \\(process \\d+\\): stop it`,
    );
    expectRefusal(await run([`name=${vm.name}`]), CONFIG, sentence);
    expect((await vm.ctl('stop')).exitCode).toBe(0);
    expect(await vm.exited()).toBe(13);
  });

  test('the console of another program, which keeps it', async () => {
    const path = '/run/bad-console.sock';
    const other = l1.spawn(`exec socat UNIX-LISTEN:${path},fork SYSTEM:cat`);
    await l1.run(`until [ -S ${path} ]; do sleep 0.05; done`);
    const sentence =
      /^orko-vmm: --set console: Cannot make the console socket \/run\/bad-console\.sock: another program listens on it/;
    expectRefusal(await run([`console=unix:${path}`]), CONFIG, sentence);
    expect((await l1.run(`test -S ${path}`)).exitCode).toBe(0);
    await other.kill('TERM');
    await other.exited();
  });
});

/** Processes that `parent` has started, whose program begins with `name`. */
function childrenOf(parent: number, name: string): number[] {
  const stats = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => /^(\d+) \((.*)\) \S (\d+)/s.exec(statOf(entry)) ?? []);
  return stats
    .filter(([, , command, ppid]) => Number(ppid) === parent && command!.startsWith(name))
    .map(([, pid]) => Number(pid));
}

/** proc(5), /proc/PID/stat; nothing for a process that has just ended. */
function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}

/** `orko-vmm nested` on this machine, by the installed form, with a cache of the test's. */
describe.skipIf(isArmHost())('the nested machine', () => {
  let cache: string;
  beforeAll(async () => {
    cache = await mkdtemp(join(tmpdir(), 'orko-bad-'));
  });
  afterAll(() => rm(cache, { recursive: true, force: true }));

  const program = () => join(l1.directory, 'package/bin/orko-vmm.js');

  test.skipIf(process.getuid!() !== 0)('the disk is full while the cache is filled', { timeout: SLOW_MS }, () => {
    const script = `mount -t tmpfs -o size=256k none ${cache} && XDG_CACHE_HOME=${cache} exec ${process.execPath} ${program()} nested ${file}`;
    const { status, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' });
    expect(stderr).toMatch(/^orko-vmm: Cannot .*: the disk.* is full: free some space or set XDG_CACHE_HOME$/m);
    expect(status).toBe(HOST);
  });

  test('a download is cut off, and nothing half-made stays in the cache', { timeout: SLOW_MS }, async () => {
    const sockets = new Set<{ destroy(): void }>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nthe first bytes'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const environment = {
      ...process.env,
      XDG_CACHE_HOME: cache,
      ORKO_DEBIAN_MIRROR: `http://127.0.0.1:${port}/debian`,
    };
    const child = spawn(process.execPath, [program(), 'nested', file], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const status = await new Promise((resolve) => child.on('close', resolve));
    server.close();
    for (const socket of sockets) socket.destroy();
    expect(stderr).toMatch(/^orko-vmm: Cannot .*check the network and run it again$/m);
    expect(status).toBe(HOST);
    const left = readdirSync(join(cache, 'orko-vmm')).filter((name) => name !== 'v8');
    expect(left.filter((name) => /partial|lock|l1-/.test(name))).toEqual([]);
  });

  test('L1 is killed under the guest, which ctl reached from here until then', { timeout: 5 * SLOW_MS }, async ({
    onTestFinished,
  }) => {
    const running = write(
      'running.yaml',
      `name: running\nmemory: 64M\nkernel: { image: ${payload('counters').image} }\n`,
    );
    const child = spawn(process.execPath, [program(), 'nested', running], { stdio: ['pipe', 'pipe', 'pipe'] });
    // A guest that counts would go on for ever, and QEMU ends with the process that started it.
    onTestFinished(() => void child.kill('SIGKILL'));
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    let stdout = '';
    await new Promise<void>((resolve) =>
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
        if (stdout.includes('COUNTERS')) resolve();
      }),
    );
    const ctl = () => spawnSync(process.execPath, [program(), 'ctl', 'running', 'status'], { encoding: 'utf8' });
    expect(ctl()).toMatchObject({ status: 0, stdout: expect.stringContaining('name: running\nstate: running\n') });
    for (const pid of childrenOf(child.pid!, 'qemu')) process.kill(pid, 'SIGKILL');
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect(stderr).toContain('The nested machine ended under the guest: QEMU was ended by SIGKILL');
    expect(status).toBe(NESTED);
    expect(ctl().stderr).toContain('Cannot find a VM named running');
  });
});
