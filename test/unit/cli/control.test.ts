import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ControlEvent, MachineStatus } from '../../../src/control/protocol.ts';
import { ControlConnection, type MachineControl, RequestRefused } from '../../../src/control/server.ts';
import { CONTROLLED_DEVICES, STATS } from '../../support/machine-control.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const runtime = mkdtempSync(join(tmpdir(), 'orko-ctl-'));
const STATUS: MachineStatus = {
  protocol: 1,
  name: 'board',
  pid: 42,
  state: 'running',
  cpus: 2,
  memoryBytes: 2 ** 29,
  uptimeMs: 5000,
  boots: 1,
  console: 'stdio',
};

/** A VM as the control socket sees it: it does what it is told, and tells one event to whoever listens. */
class Board implements MachineControl {
  readonly asked: string[] = [];
  readonly devices = CONTROLLED_DEVICES.devices;
  readonly act = CONTROLLED_DEVICES.act;
  readonly stats = CONTROLLED_DEVICES.stats;
  readonly sharing = CONTROLLED_DEVICES.sharing;
  readonly memory = CONTROLLED_DEVICES.memory;
  status = () => STATUS;
  pause = () => this.#note('pause');
  resume = () => this.#note('resume');
  powerkey = () => this.#note('powerkey');
  stop = () => this.#note('stop');
  reboot(): undefined {
    throw new RequestRefused('Cannot reboot: the VM is stopped');
  }
  subscribe(listener: (event: ControlEvent) => void): () => void {
    setImmediate(() => listener({ event: 'state', atMs: 6000, from: 'running', to: 'paused' }));
    return () => undefined;
  }
  #note(what: string): undefined {
    this.asked.push(what);
  }
}

const board = new Board();
let server: Server;

beforeAll(async () => {
  mkdirSync(join(runtime, 'orko-vmm'), { mode: 0o700 });
  server = createServer((socket) => {
    const flush = () => {
      for (let bytes = connection.pending(); bytes.length > 0; bytes = connection.pending()) {
        socket.write(bytes);
        connection.written(bytes.length);
      }
      if (connection.closed !== undefined) socket.end();
    };
    const connection: ControlConnection = new ControlConnection(board, {
      wake: () => {
        flush();
        // The VM ends after its event, as a machine that is stopped takes leave.
        connection.drain('the VM ends');
        flush();
      },
      bug: (error) => {
        throw error;
      },
    });
    socket.on('data', (bytes) => {
      connection.receive(bytes);
      flush();
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((done) => server.listen(join(runtime, 'orko-vmm', 'board.sock'), done));
});
afterAll(() => {
  server.close();
  rmSync(runtime, { recursive: true });
});

function orko(...words: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return new Promise((done) => {
    const child = spawn(join(ROOT, 'node_modules/.bin/node'), [join(ROOT, 'src/main.ts'), ...words], {
      env: { ...process.env, XDG_RUNTIME_DIR: runtime },
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (text) => (output.stdout += text));
    child.stderr.on('data', (text) => (output.stderr += text));
    child.on('close', (status) => done({ status, ...output }));
  });
}

test('ctl status: prints what the VM is', async () => {
  expect(await orko('ctl', 'board', 'status')).toEqual({
    status: 0,
    stdout: 'name: board\nstate: running\nvCPUs: 2\nmemory: 512 MiB\nup: 5 s\nboots: 1\npid: 42\nconsole: stdio\n',
    stderr: '',
  });
});

test('ctl status --json: by the path of the socket', async () => {
  const { stdout } = await orko('ctl', join(runtime, 'orko-vmm/board.sock'), 'status', '--json');
  expect(JSON.parse(stdout).status).toEqual(STATUS);
});

test('ctl pause: reaches the VM and says so', async () => {
  expect(await orko('ctl', 'board', 'pause')).toEqual({ status: 0, stdout: '', stderr: 'board: pause done\n' });
  expect(board.asked).toContain('pause');
});

test('ctl reboot: a refusal is its sentence', async () => {
  expect(await orko('ctl', 'board', 'reboot')).toEqual({
    status: 69,
    stdout: '',
    stderr: 'orko-vmm: Cannot reboot: the VM is stopped\n',
  });
});

test('ctl events: prints one JSON object a line until the VM ends', async () => {
  const { status, stdout } = await orko('ctl', 'board', 'events', '--only', 'state');
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ event: 'state', atMs: 6000, from: 'running', to: 'paused' });
});

test('ctl devices: lists them and what they can do', async () => {
  expect((await orko('ctl', 'board', 'devices')).stdout).toBe('root (blk)\n  resize  Make the disk VALUE large\n');
});

test('ctl device: has one do something, and prints what came of it', async () => {
  expect(await orko('ctl', 'board', 'device', 'root', 'resize', '2G')).toEqual({
    status: 0,
    stdout: 'resize 2G\n',
    stderr: '',
  });
  const { status, stderr } = await orko('ctl', 'board', 'device', 'boot', 'resize');
  expect(status).toBe(69);
  expect(stderr).toBe('orko-vmm: There is no device "boot": this VM has root\n');
});

test('ctl device: words that are missing or too many are said', async () => {
  expect((await orko('ctl', 'board', 'device', 'root')).stderr).toContain('Name a device and what it shall do');
  expect((await orko('ctl', 'board', 'pause', 'root')).stderr).toContain('"root" is too much');
});

test('ctl explain-memory: each slot, what lies behind it, what the guest gets, and who maps it', async () => {
  const { stdout } = await orko('ctl', 'board', 'explain-memory');
  expect(stdout).toBe(
    [
      'FEAT_S2FWB: no: of what KVM maps and what the guest asks for, the stricter counts',
      '0x4000_0000–0x5fff_ffff (512 MiB) ram: RAM',
      '  behind it: /memfd:guest-ram, pages of 4 KiB; KVM maps it as Normal-WB',
      '  mapped by the back-end of root (qemu-storage-da, pid 812, uid 4711)',
      'where KVM maps Normal-WB and the guest asks for Device-nGnRE, it gets Device-nGnRE (Normal-WB with FEAT_S2FWB)',
      '',
    ].join('\n'),
  );
});

test('ctl explain-sharing: who serves each device, what it sees, and whether that is all', async () => {
  const { stdout } = await orko('ctl', 'board', 'explain-sharing');
  expect(stdout).toBe(
    `root (blk): qemu-storage-da, pid 812, uid 4711
  sees 0x6000_0000–0x63ff_ffff (64 MiB): pool root, by memfd:pool-root (file descriptor 23)
  isolation: real: it sees the pool
rng (rng): orko-vmm serves it itself
`,
  );
});

test('ctl stats: a table of the queues, and the rest by lines', async () => {
  const { stdout } = await orko('ctl', 'board', 'stats');
  expect(stdout).toContain('device  queue  kicks  interrupts  buffers  bytes read  bytes written  kick to used\n');
  expect(stdout).toContain('root    0      3      2           5        80          4101           ≤ 8 µs\n');
  expect(stdout).toContain(
    'root flushes: 1\nvCPU 0 exits: 12, of which 4 with an instruction to decode\nvCPU 1 exits: 3\nkvm exits: 99\n',
  );
  expect(JSON.parse((await orko('ctl', 'board', 'stats', '--json')).stdout).stats).toEqual(STATS);
});

test('ctl: a VM that does not run has its own exit code', async () => {
  const { status, stderr } = await orko('ctl', 'bord', 'status');
  expect(status).toBe(66);
  expect(stderr).toContain('orko-vmm: Cannot find a VM named bord');
});

test('list: shows the VMs that answer', async () => {
  expect((await orko('list')).stdout).toBe(
    'NAME   STATE    VCPUS  MEMORY   UP   PID  CONSOLE\nboard  running  2      512 MiB  5 s  42   stdio\n',
  );
  const { stdout } = await orko('list', '--json');
  expect(JSON.parse(stdout)).toMatchObject([{ name: 'board', status: STATUS }]);
});
