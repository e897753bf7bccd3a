import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, HostError } from '../../../src/base/errors.ts';
import { ControlClient } from '../../../src/control/client.ts';
import type { ControlEvent, MachineStatus } from '../../../src/control/protocol.ts';
import { claimSocket, claimSocketAt, findSocket, listMachines, socketFolder } from '../../../src/control/registry.ts';
import { ControlConnection, type MachineControl, RequestRefused } from '../../../src/control/server.ts';
import { CONTROLLED_DEVICES } from '../../support/machine-control.ts';

const UID = process.getuid!();
let folder: string;
const servers: { server: Server; sockets: Set<Socket> }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orko-control-'));
});
afterEach(async () => {
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
  rmSync(folder, { recursive: true });
});

function statusOf(name: string): MachineStatus {
  return { protocol: 1, name, pid: 42, state: 'running', cpus: 1, memoryBytes: 1, uptimeMs: 1, boots: 1 };
}

/** Listens on `path` and hands every connection to `serve`. */
async function listen(path: string, serve: (socket: Socket) => void): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  servers.push({ server, sockets });
  return server;
}

/** A VM of that name, with real connections; `pause` is refused, and `reboot` reported as event. */
function run(name: string): Promise<Server> {
  const listeners = new Set<(event: ControlEvent) => void>();
  const machine: MachineControl = {
    ...CONTROLLED_DEVICES,
    status: () => statusOf(name),
    pause: () => {
      throw new RequestRefused('Cannot pause: the VM is paused already');
    },
    resume: () => new Promise(() => {}),
    powerkey: () => undefined,
    reboot: () => {
      for (const report of listeners) report({ event: 'reboot', atMs: 9, boots: 2, by: 'control' });
      return undefined;
    },
    stop: async () => undefined,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return listen(join(folder, `${name}.sock`), (socket) => {
    const flush = () => {
      for (let bytes = connection.pending(); bytes.length > 0; bytes = connection.pending()) {
        socket.write(bytes);
        connection.written(bytes.length);
      }
    };
    const bug = (error: unknown) => {
      throw error;
    };
    const connection: ControlConnection = new ControlConnection(machine, { wake: flush, bug });
    socket.on('data', (bytes) => {
      connection.receive(bytes);
      flush();
    });
  });
}

/** A socket file that nobody listens on, as SIGKILL leaves it. */
async function leaveBehind(name: string): Promise<string> {
  const path = join(folder, `${name}.sock`);
  const { execFileSync } = await import('node:child_process');
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  expect(() => execFileSync(process.execPath, ['-e', script])).toThrow();
  expect(statSync(path).isSocket()).toBe(true);
  return path;
}

describe('socketFolder', () => {
  it('is in XDG_RUNTIME_DIR when that is the user’s own, else where the user’s sockets go', () => {
    expect(socketFolder({ env: { XDG_RUNTIME_DIR: folder }, uid: UID })).toBe(join(folder, 'orko-vmm'));
    for (const XDG_RUNTIME_DIR of ['', 'relative', join(folder, 'missing')]) {
      expect(socketFolder({ env: { XDG_RUNTIME_DIR }, uid: 1000 })).toBe('/tmp/orko-vmm-1000');
    }
    expect(socketFolder({ env: { XDG_RUNTIME_DIR: folder }, uid: UID + 1 })).toBe(`/tmp/orko-vmm-${UID + 1}`);
    expect(socketFolder({ env: {}, uid: 0 })).toBe('/run/orko-vmm');
  });
});

describe('claimSocket', () => {
  it('makes the folder, for its user alone', async () => {
    const deep = join(folder, 'a', 'orko-vmm');
    expect(await claimSocket('bench', deep, UID)).toBe(join(deep, 'bench.sock'));
    expect(statSync(deep).mode & 0o777).toBe(0o700);
  });

  it('refuses a name that runs, and takes one that an ended VM left', async () => {
    await run('bench');
    await expect(claimSocket('bench', folder, UID)).rejects.toThrow(
      /^Cannot take the control socket .+bench\.sock: VM bench runs \(process 42\): stop it \(orko-vmm ctl .+\) or choose another name$/,
    );
    const path = await leaveBehind('board');
    expect(await claimSocket('board', folder, UID)).toBe(path);
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it.each(['', '.hidden', 'a/b', 'a b', '-x', 'x'.repeat(65)])('refuses the name "%s"', async (name) => {
    await expect(claimSocket(name, folder, UID)).rejects.toThrow(ConfigError);
  });

  it('refuses a path that is longer than sun_path, and one that is a file', async () => {
    const long = join(folder, 'd'.repeat(107 - folder.length - 1 - '/x.sock'.length));
    expect(await claimSocket('x', long, UID)).toHaveLength(107);
    await expect(claimSocket('xy', long, UID)).rejects.toThrow('more than 107 bytes: choose a shorter name');
    writeFileSync(join(folder, 'file.sock'), '');
    await expect(claimSocketAt(join(folder, 'file.sock'), 'control-socket')).rejects.toThrow(
      'there is a file of that name',
    );
  });

  it('refuses a folder that is another’s, open to others, or a link', async () => {
    chmodSync(folder, 0o777);
    await expect(claimSocket('x', folder, UID)).rejects.toThrow(HostError);
    chmodSync(folder, 0o700);
    await expect(claimSocket('x', folder, UID + 1)).rejects.toThrow('belongs to another user');
    mkdirSync(join(folder, 'real'), { mode: 0o700 });
    symlinkSync('real', join(folder, 'link'));
    await expect(claimSocket('x', join(folder, 'link'), UID)).rejects.toThrow(HostError);
  });
});

describe('listMachines and findSocket', () => {
  it('lists what runs, by name, and removes what has ended', async () => {
    await run('two');
    await run('one');
    const stale = await leaveBehind('dead');
    await listen(join(folder, 'web.sock'), (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const machines = await listMachines(folder);
    expect(machines).toMatchObject([
      { name: 'one', status: statusOf('one') },
      { name: 'two', status: statusOf('two') },
      { name: 'web', problem: expect.stringContaining('is it the control socket of a VM?') },
    ]);
    expect(statSync(stale, { throwIfNoEntry: false })).toBeUndefined();
    expect(await listMachines(join(folder, 'missing'))).toEqual([]);
  });

  it('finds a VM by name or path, and says which there are', async () => {
    expect(() => findSocket('bench', folder)).toThrow('Cannot find a VM named bench: none runs');
    await run('bench');
    expect(findSocket('bench', folder)).toBe(join(folder, 'bench.sock'));
    expect(findSocket('./x.sock', folder)).toBe('./x.sock');
    expect(() => findSocket('bensh', folder)).toThrow('Cannot find a VM named bensh: there are bench');
  });
});

describe('ControlClient', () => {
  it('asks, is refused in the VM’s words, and gets events', async () => {
    await run('bench');
    const events: ControlEvent[] = [];
    using client = await ControlClient.connect(join(folder, 'bench.sock'), { onEvent: (event) => events.push(event) });
    expect(await client.request('status', {})).toMatchObject({ status: statusOf('bench') });
    await expect(client.request('pause', {})).rejects.toThrow(new HostError('Cannot pause: the VM is paused already'));
    await client.request('events', { only: ['reboot'] });
    await client.request('reboot', {});
    expect(events).toEqual([{ event: 'reboot', atMs: 9, boots: 2, by: 'control' }]);
  });

  it('says why it cannot connect', async () => {
    await expect(ControlClient.connect(join(folder, 'no.sock'))).rejects.toThrow('there is no such socket');
    await expect(ControlClient.connect(await leaveBehind('dead'))).rejects.toThrow('nobody listens there any more');
    writeFileSync(join(folder, 'file'), '');
    await expect(ControlClient.connect(join(folder, 'file'))).rejects.toThrow(HostError);
  });

  it('gives up on a VM that does not answer, and on one that goes away', async () => {
    await run('bench');
    using slow = await ControlClient.connect(join(folder, 'bench.sock'), { timeoutMs: 20 });
    await expect(slow.request('resume', {})).rejects.toThrow(/^Cannot resume the VM at .+: no answer within 0\.02 s$/);
    await listen(join(folder, 'gone.sock'), (socket) => socket.once('data', () => socket.destroy()));
    using gone = await ControlClient.connect(join(folder, 'gone.sock'));
    await expect(gone.request('status', {})).rejects.toThrow('the VM has closed the connection');
    await gone.closed;
    await expect(gone.request('status', {})).rejects.toThrow('the connection has ended');
  });
});
