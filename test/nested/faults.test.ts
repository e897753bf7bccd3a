/** `faults:` in a VM that runs: each kind on a device of its own, twice. The guest goes on, and what was done to it is said. */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { takeAddress } from '../support/guest-network.ts';
import { GuestShell } from '../support/guest-shell.ts';
import { type HostProcess, host, type NestedHost } from '../support/nested-host.ts';
import { serveDisks } from '../support/storage-daemon.ts';
import { linux, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';

const HTTP_PORT = 8124;
/** Where passt shows the host to the guest: the gateway of QEMU's network, in which L1 lives. */
const USER_HOST = '10.0.2.2';
const NOBODY = '65534';
/** Of its first fifty answers the eleventh is changed, which acknowledges where the ring begins (SET_VRING_BASE). */
const CORRUPT_SEED = 98;

/**
 * A disk each. Message 8 is the last before the VM runs, 16 the one that lets the ring run (SET_VRING_ENABLE): what is cut off
 * before had nothing in hand, and qemu-storage-daemon, which keeps no notes, may be lost then.
 */
const DISKS = {
  late: { seed: 7, 'delay-ms': 20, 'slow-mapping-ms': 300 },
  cut12: { 'cut-after': 12 },
  cut14: { 'cut-after': 14 },
  cut15: { 'cut-after': 15 },
  corrupt: { seed: CORRUPT_SEED, 'corrupt-replies': 15 },
} as const;
type DiskName = keyof typeof DISKS;
const NAMES = Object.keys(DISKS) as DiskName[];

let l1: NestedHost;
let folder: string;
let daemons: HostProcess[];

beforeAll(async () => {
  l1 = await host('main');
});
beforeEach(async () => {
  folder = `/tmp/faults-${process.pid}`;
  daemons = [];
  await onHost(`mkdir ${folder}`);
});
afterEach(async () => {
  for (const daemon of daemons) await daemon.kill('KILL').catch(() => {});
  await onHost(`rm -rf ${folder}`);
});

function onHost(command: string): Promise<string> {
  return l1.must(command, { timeoutMs: TEST_TIMEOUT_MS / 2 });
}

interface Life {
  /** What the guest read of each disk, and from the network. */
  readonly sums: string;
  /** What orko-vmm said, by device; without times that it took. */
  readonly said: Readonly<Record<string, readonly string[]>>;
}

describe('faults', { timeout: 2 * TEST_TIMEOUT_MS }, () => {
  test('the guest has all of its data, each fault is said, and the same seed does the same', async () => {
    const disks = NAMES.map((name) => join(folder, name));
    await onHost(`${disks.map((path) => `head -c 1000000 /dev/urandom >${path}`).join(' && ')}
      head -c 300000 /dev/urandom >${folder}/data`);
    daemons.push(await serveDisks(l1, disks));
    daemons.push(l1.spawn(`exec busybox httpd -f -p 127.0.0.1:${HTTP_PORT} -h ${folder}`));
    const expected = await onHost(`for f in ${disks.join(' ')} ${folder}/data; do head -c 999424 $f | md5sum; done`);
    const lives: Life[] = [];
    for (let round = 0; round < 2; round++) lives.push(await live());
    const [first, second] = lives as [Life, Life];
    for (const { sums } of lives) expect(sums).toBe(expected);

    const { late, cut12, cut14, cut15, corrupt, net0 } = first.said;
    expect(late!.length).toBeGreaterThan(5);
    expect(late).toContainEqual(
      expect.stringMatching(/^fault: the answer to ADD_MEM_REG is held back for 3[0-2]\d ms$/),
    );
    for (const [said, message] of [
      [cut12, 12],
      [cut14, 14],
      [cut15, 15],
    ] as const) {
      expect(said).toEqual([
        expect.stringMatching(new RegExp(`^fault: the connection is cut after message ${message}, SET_VRING_`)),
        expect.stringMatching(/it was cut off on purpose, after message/),
        expect.stringMatching(/ is there again$/),
      ]);
    }
    expect(corrupt).toEqual([
      expect.stringMatching(/^fault: byte \d of the answer to SET_\w+ is changed$/),
      expect.stringMatching(/it refuses SET_\w+ \(status \d+\)$/),
      expect.stringMatching(/ is there again$/),
    ]);
    expect(net0).toContainEqual(expect.stringMatching(/^fault: a kick of queue [01] is dropped/));
    // How often a network card kicks is the guest's business, and no two of its lives are alike in that.
    for (const name of NAMES) expect(second.said[name]).toEqual(first.said[name]);
  });
});

async function live(): Promise<Life> {
  const passt = ['passt', '--foreground', '--quiet', '--vhost-user', '--socket', '{socket}'];
  const devices = {
    ...Object.fromEntries(
      NAMES.map((name) => [name, { type: 'blk', faults: DISKS[name], backend: join(folder, `${name}.sock`) }]),
    ),
    // Its back-end has no VIRTIO_RING_F_EVENT_IDX: the driver kicks again with what it sends next.
    net0: { type: 'net', faults: { seed: 3, 'drop-kicks': 4 }, backend: { command: passt, user: NOBODY } },
  };
  const vm = await startVm(l1, { kernel: linux('shell'), devices });
  await using _ = vm;
  const shell = await GuestShell.open(vm);
  const disks = await shell.run('for d in a b c d e; do head -c 999424 /dev/vd$d | md5sum; done');
  // What waits behind a lost kick goes out with the next packet.
  await takeAddress(shell);
  await shell.run(`(ping -q -w 300 -i 0.2 ${USER_HOST} >/dev/null &)`);
  const fetched = await shell.run(`wget -q -O - http://${USER_HOST}:${HTTP_PORT}/data | md5sum`);
  vm.write('poweroff -f\n');
  expect(await vm.exited()).toBe(0);
  return { sums: `${disks}\n${fetched}`, said: byDevice(vm.messages) };
}

/** "orko-vmm: vm-1: disk: what was said" */
function byDevice(messages: string): Record<string, string[]> {
  const said = messages.split('\n').flatMap((line) => {
    const [, device, text] = /^orko-vmm: \S+: (\w+): (.*)$/.exec(line) ?? [];
    return device !== undefined && text !== undefined ? [{ device, text }] : [];
  });
  const grouped = Object.groupBy(said, ({ device }) => device);
  return Object.fromEntries(Object.entries(grouped).map(([device, all = []]) => [device, all.map(({ text }) => text)]));
}
