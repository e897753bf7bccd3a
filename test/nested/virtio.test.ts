/**
 * What all virtio devices share, shown with the smallest one: probing, interrupts of both kinds, register pages, exits,
 * drivers that come and go, reboots, pauses, many devices, and an I/O thread with a bug in it.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { TRANSPORT } from '../support/environment.ts';
import { GuestShell } from '../support/guest-shell.ts';
import { hasHost, host, type NestedHost } from '../support/nested-host.ts';
import { linux, NODE_MAPPINGS, rounds, startVm, TEST_TIMEOUT_MS, type Vm } from '../support/vm.ts';
import { bundleFor } from './support/bundle.ts';

const CURRENT = '/sys/class/misc/hw_random/rng_current';
const DRIVER = '/sys/bus/virtio/drivers/virtio_rng';
const READS = 500;
/** What a console that echoes at another pace makes of it, for so many reads. */
const EXITS_SLACK = 0.15;
const MANY = 30;

let l1: NestedHost;
beforeAll(async () => {
  l1 = await host('main');
});

interface Stats {
  readonly kvm: Readonly<Record<string, number>>;
  readonly devices: readonly {
    readonly name: string;
    readonly queues: readonly { chains: number; interrupts: number }[];
  }[];
}

async function statsOf(vm: Vm): Promise<Stats> {
  const { exitCode, stdout, stderr } = await vm.ctl('stats --json');
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  return JSON.parse(stdout).stats;
}

/** Reads so many bytes from device `index`; two reads differ. */
async function readsDiffer(shell: GuestShell, index: number): Promise<void> {
  await shell.run(`echo virtio_rng.${index} >${CURRENT}`);
  expect(await shell.run(`cat ${CURRENT}`)).toBe(`virtio_rng.${index}`);
  const [first, second] = [
    await shell.run('head -c 64 /dev/hwrng | md5sum'),
    await shell.run('head -c 64 /dev/hwrng | md5sum'),
  ];
  expect(first).toMatch(/^[0-9a-f]{32} /);
  expect(first).not.toBe(second);
}

describe('virtio devices', { timeout: TEST_TIMEOUT_MS }, () => {
  test('two devices in two I/O threads, direct and strict interrupts; drivers come and go; a reboot and a pause', async () => {
    const devices = {
      rng0: { type: 'rng' },
      rng1: { type: 'rng', interrupt: 'strict', iothread: 'other', packed: 'on' },
    };
    await using vm = await startVm(l1, { kernel: linux('shell'), cpus: 2, devices });
    const shell = await GuestShell.open(vm);
    expect(await shell.run('cat /sys/class/misc/hw_random/rng_available')).toContain('virtio_rng.0 virtio_rng.1');
    await readsDiffer(shell, 0);
    await readsDiffer(shell, 1);
    const lines = TRANSPORT === 'pci' ? /ITS-PCI-MSIX.* virtio0-/ : /48 Edge +virtio0\n.* 49 Edge +virtio1/;
    expect(await shell.run('grep virtio /proc/interrupts')).toMatch(lines);

    await using probe = await vm.probe();
    const before = await probe.usage();
    for (let round = rounds('unbind and bind', 100, 5); round > 0; round--) {
      await shell.run(
        `for d in virtio0 virtio1; do echo $d >${DRIVER}/unbind && echo $d >${DRIVER}/bind || exit 1; done`,
      );
    }
    await readsDiffer(shell, 0);
    const { fds, mappings, threads } = await probe.usage();
    expect({ fds, threads }).toEqual({ fds: before.fds, threads: before.threads });
    expect(mappings).toBeLessThan(before.mappings + NODE_MAPPINGS);

    expect((await vm.ctl('pause')).exitCode).toBe(0);
    const [paused, later] = [await statsOf(vm), await statsOf(vm)];
    expect(later.devices).toEqual(paused.devices);
    expect((await vm.ctl('resume')).exitCode).toBe(0);
    await readsDiffer(shell, 1);

    vm.write('reboot -f\n');
    const again = await GuestShell.open(vm, 2);
    await readsDiffer(again, 0);
    await readsDiffer(again, 1);
    vm.write('poweroff -f\n');
    expect(await vm.exited()).toBe(0);
    expect(vm.messages).toBe('');
  });

  test.for([
    ['main', 'direct', 'auto', 0],
    ['main', 'direct', 'off', 1],
    ['main', 'strict', 'auto', 1],
    ['main', 'strict', 'off', 2],
    // Without FWB a page is published where all that changes it is the main thread.
    ['pi4', 'direct', 'auto', 0],
    ['pi4', 'strict', 'auto', 2],
  ] as const)('exits per request on %s: interrupts %s, register pages %s: %d on mmio', async (row, { skip }) => {
    const [name, interrupt, registerPages, onMmio] = row;
    // A message is acknowledged by nobody.
    const expected = TRANSPORT === 'pci' ? 0 : onMmio;
    skip(!hasHost(name), 'it runs on an Arm machine, which is what it is');
    const devices = { rng0: { type: 'rng', interrupt } };
    await using vm = await startVm(await host(name), {
      kernel: linux('shell'),
      devices,
      'register-pages': registerPages,
    });
    const shell = await GuestShell.open(vm);
    const exitsOf = async (source: string): Promise<{ exits: number; requests: number }> => {
      const before = await statsOf(vm);
      await shell.run(`dd if=${source} of=/dev/null bs=64 count=${READS} 2>/dev/null`);
      const after = await statsOf(vm);
      return {
        exits: after.kvm['mmio_exit_user']! - before.kvm['mmio_exit_user']!,
        requests: after.devices[0]!.queues[0]!.chains - before.devices[0]!.queues[0]!.chains,
      };
    };
    // Each read of 64 bytes is a request of its own. The command itself has exits too, all of them the console's.
    const console = await exitsOf('/dev//zero');
    const { exits, requests } = await exitsOf('/dev/hwrng');
    const each = (exits - console.exits) / requests;
    process.stdout.write(`  ${interrupt}, register-pages ${registerPages}: ${each.toFixed(3)} exits per request\n`);
    // The kernel's own thread fetches entropy now and then.
    expect(console.requests).toBeLessThan(READS / 50);
    expect(requests).toBeGreaterThanOrEqual(READS);
    expect(Math.abs(each - expected)).toBeLessThan(EXITS_SLACK);
  });

  test.skipIf(!hasHost('pi4'))('on a board with GICv2 and without FWB', async () => {
    const pi4 = await host('pi4');
    await using vm = await startVm(pi4, { kernel: linux('shell'), devices: { rng0: { type: 'rng' } } });
    await readsDiffer(await GuestShell.open(vm), 0);
  });

  test(`${MANY} devices in one VM: places, interrupts and register pages for all`, async () => {
    const devices = Object.fromEntries(Array.from({ length: MANY }, (_, index) => [`rng${index}`, { type: 'rng' }]));
    await using vm = await startVm(l1, { kernel: linux('shell'), devices });
    const shell = await GuestShell.open(vm);
    const available = await shell.run('cat /sys/class/misc/hw_random/rng_available');
    expect(available.match(/virtio_rng\.\d+/g)).toHaveLength(MANY);
    await readsDiffer(shell, 0);
    await readsDiffer(shell, MANY - 1);
    expect((await statsOf(vm)).devices.map(({ name }) => name)).toEqual(Object.keys(devices));
  });

  test('a bug in an I/O thread ends the VM within 2 s with one message', { retry: 2 }, async () => {
    const config = join(l1.directory, 'io-bug.yaml');
    const kernel = JSON.stringify(linux('shell'));
    await writeFile(config, `name: io-bug\nmemory: 126M\nkernel: ${kernel}\ndevices: { rng0: { type: rng } }\n`);
    const pidFile = '/run/io-bug.pid';
    const faulty = await bundleFor(l1, 'faulty-main');
    const vm = l1.spawn(
      `FAULT=io sh -c 'echo $$ >${pidFile}; exec node ${faulty} run ${config} </dev/null'; echo "END $? $(date +%s%3N)" >&2`,
    );
    await vm.printed('Type poweroff', TEST_TIMEOUT_MS);
    await l1.run(`kill -USR2 $(cat ${pidFile})`);
    await expect.poll(() => vm.stderr, { timeout: 20_000 }).toMatch(/END \d+ \d+/);
    const [, at] = /FAULT (\d+)/.exec(vm.stderr)!;
    const [, code, end] = /END (\d+) (\d+)/.exec(vm.stderr)!;
    expect(code).toBe('70');
    expect(Number(end) - Number(at)).toBeLessThan(2000);
    expect(vm.stderr.match(/^orko-vmm: .*$/gm)).toEqual([expect.stringContaining('I/O thread io failed: Cannot read')]);
  });
});
