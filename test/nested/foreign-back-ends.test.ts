/**
 * The back-ends of others, one of each kind in one VM: with all of guest RAM, at sockets that come late, and each in a pool of its
 * own as a user of its own, started by us. What single ones do beyond that: vhost-user.test.ts and pool.test.ts.
 */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { quote } from '../../src/nested/l1.ts';
import { type ForeignBackEnd, foreignBackEnds, STREAM_PARAMETERS } from '../support/foreign-back-ends.ts';
import { GuestShell, REBIND_ALL } from '../support/guest-shell.ts';
import { type HostProcess, host, type NestedHost } from '../support/nested-host.ts';
import { linux, rounds, startVm, TEST_TIMEOUT_MS, timeoutMsWith, type Vm } from '../support/vm.ts';

const NOBODY = '65534';
const REVIVED_MS = 60_000;
const REBINDS = rounds('foreign back-ends: unbind and bind of all drivers', 50, 2);
const REBOOTS = rounds('foreign back-ends: reboots', 5, 1);

let l1: NestedHost;
let folder: string;
let number = 0;
let daemons: Map<string, HostProcess>;
let backEnds: Record<string, ForeignBackEnd>;

beforeAll(async () => {
  l1 = await host('main');
});
beforeEach(async () => {
  folder = `/tmp/foreign-${process.pid}-${number++}`;
  daemons = new Map();
  await onHost(`mkdir -m 777 ${folder}`);
  backEnds = await foreignBackEnds(l1, folder);
});
afterEach(async () => {
  for (const daemon of daemons.values()) await daemon.kill('KILL').catch(() => {});
  await onHost(`rm -rf ${folder}`);
});

function onHost(command: string): Promise<string> {
  return l1.must(command, { timeoutMs: TEST_TIMEOUT_MS / 2 });
}

const socketOf = (name: string) => join(folder, `${name}.sock`);

/** Serves device `name` at its socket, as somebody else than orko-vmm would. */
function serve(name: string): void {
  const words = backEnds[name]!.command.map((word) => quote(word.replace('{socket}', socketOf(name))));
  daemons.set(name, l1.spawn(`rm -f ${socketOf(name)}; exec ${words.join(' ')}`));
}

function devicesOf(more: (name: string, backEnd: ForeignBackEnd) => object): object {
  const named = Object.entries(backEnds).map(([name, backEnd]) => [name, { ...backEnd.keys, ...more(name, backEnd) }]);
  return Object.fromEntries(named);
}

/** Uses every device, has its driver go and come, kills its back-end, boots again; `revive` brings a killed one back, if we do not. */
async function useAll(vm: Vm, shell: GuestShell, revive: (name: string) => void): Promise<void> {
  const use = async (on: GuestShell) => {
    for (const { use } of Object.values(backEnds)) await use(vm, on);
  };
  await use(shell);
  for (let round = 0; round < REBINDS; round++) await shell.run(`(${REBIND_ALL})`);
  await use(shell);
  // Programs that we start say things too.
  expect(vm.messages).not.toContain('is gone');
  const named = Object.entries(backEnds);
  for (const [index, [name, { process }]] of named.entries()) {
    await onHost(`pkill -KILL -x ${process}`);
    revive(name);
    const revived = () => vm.messages.split('is there again').length - 1;
    await expect.poll(revived, { timeout: REVIVED_MS }).toBe(index + 1);
  }
  // A display's and a card's driver do not notice that what they had told the back-end is forgotten.
  await shell.run(`(${REBIND_ALL})`);
  await use(shell);
  for (let boot = 2; boot <= 1 + REBOOTS; boot++) {
    vm.write('reboot -f\n');
    await use(await GuestShell.open(vm, boot));
  }
  vm.write('poweroff -f\n');
  expect(await vm.exited()).toBe(0);
}

describe('every back-end of others', { timeout: 2 * timeoutMsWith(6 * REBINDS, 2 * REBOOTS) }, () => {
  test('on pci, direct, with all of RAM, at a socket that is there later than the VM: used, killed, used again', async () => {
    const devices = devicesOf((name) => ({ transport: 'pci', memory: 'all', backend: socketOf(name) }));
    await using vm = await startVm(l1, { kernel: linux('shell', STREAM_PARAMETERS), devices });
    for (const name of Object.keys(backEnds)) serve(name);
    await useAll(vm, await GuestShell.open(vm), serve);
  });

  test('on mmio, strict, each in a pool of its own and as another user than orko-vmm: used, killed, used again', async () => {
    const devices = devicesOf((_, { command }) => ({
      transport: 'mmio',
      interrupt: 'strict',
      memory: { size: '16M' },
      backend: { command, user: NOBODY },
    }));
    await using vm = await startVm(l1, { kernel: linux('shell', STREAM_PARAMETERS), devices });
    await useAll(vm, await GuestShell.open(vm), () => {});
  });
});
