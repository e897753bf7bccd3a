import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { ControlClient } from '../../../src/control/client.ts';
import { ControlListener } from '../../../src/control/listener.ts';
import { type ControlEvent, LINE_BYTES_MAX, type MachineStatus } from '../../../src/control/protocol.ts';
import type { MachineControl } from '../../../src/control/server.ts';
import { CONTROLLED_DEVICES } from '../../support/machine-control.ts';

const STATUS: MachineStatus = {
  ...{ protocol: 1, name: 'vm', pid: 1, state: 'running', cpus: 1, memoryBytes: 2 ** 29, uptimeMs: 5, boots: 1 },
};

let directory = '';
let path = '';
let listener: ControlListener;
let tell: ((event: ControlEvent) => void) | undefined;
const bugs: unknown[] = [];

beforeEach(() => {
  tell = undefined;
  directory = mkdtempSync(join(tmpdir(), 'orko-control-'));
  path = join(directory, 'vm.sock');
  const machine: MachineControl = {
    ...CONTROLLED_DEVICES,
    status: () => STATUS,
    pause: () => undefined,
    resume: () => undefined,
    powerkey: () => undefined,
    reboot: () => undefined,
    stop: () => undefined,
    subscribe(report) {
      tell = report;
      return () => {};
    },
  };
  listener = new ControlListener(path, machine, (error) => bugs.push(error));
});
afterEach(async () => {
  await listener.close('the test is over');
  rmSync(directory, { recursive: true });
  expect(bugs).toEqual([]);
});

test('a client asks and is answered; only the owner may connect', async () => {
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const client = await ControlClient.connect(path, { timeoutMs: 2_000 });
  expect((await client.request('status', {})).status).toEqual(STATUS);
  client.close();
});

test('events reach every subscriber', async () => {
  const seen: ControlEvent[] = [];
  const client = await ControlClient.connect(path, { timeoutMs: 2_000, onEvent: (event) => seen.push(event) });
  await client.request('events', {});
  tell?.({ event: 'warning', atMs: 7, message: 'x' });
  await expect.poll(() => seen).toEqual([{ event: 'warning', atMs: 7, message: 'x' }]);
  client.close();
});

test('a client that never reads is dropped, and the others go on', async () => {
  const deaf = connect(path);
  deaf.on('error', () => {});
  deaf.pause();
  deaf.write('{"request":"events"}\n');
  await expect.poll(() => tell).toBeDefined();
  const message = 'y'.repeat(LINE_BYTES_MAX / 2);
  for (let count = 0; count < 100; count++) tell?.({ event: 'warning', atMs: count, message });
  const other = await ControlClient.connect(path, { timeoutMs: 2_000 });
  expect((await other.request('status', {})).status.name).toBe('vm');
  other.close();
  deaf.destroy();
});

test('a path that is taken is refused with a sentence', () => {
  const again = () => new ControlListener(path, {} as MachineControl, () => {});
  expect(again).toThrow(ConfigError);
  expect(again).toThrow('another VM has just taken this name: choose another');
});

test('after close nothing is left', async () => {
  const client = await ControlClient.connect(path, { timeoutMs: 2_000 });
  await listener.close('the VM ended');
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  await expect(client.request('status', {})).rejects.toThrow();
});
