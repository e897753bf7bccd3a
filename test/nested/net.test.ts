/**
 * virtio-net as Linux uses it, on a tap and on the user-mode network: data that arrives whole both ways, with both versions
 * of IP and every way the card can be set up; and a card that comes, goes and comes back.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GuestShell } from '../support/guest-shell.ts';
import { host, type NestedHost } from '../support/nested-host.ts';
import { linux, NODE_MAPPINGS, rounds, startVm, TEST_TIMEOUT_MS, type Vm } from '../support/vm.ts';

const MEGABYTES = rounds('net: MB of a transfer', 8, 1);
const PINGS = rounds('net: pings of each size', 2, 1);
const HOST = '10.98.0.1';
const GUEST = '10.98.0.2';
const HOST_IPV6 = 'fd00:98::1';
const GUEST_IPV6 = 'fd00:98::2';
/** Where passt shows the host to the guest: the gateway of QEMU's network, in which L1 lives. */
const USER_HOST = '10.0.2.2';
const GUEST_PORT = 5001;
const UNPRIVILEGED = 1000;

let l1: NestedHost;
/** Names of taps and files of this test, and what is to be undone on the host. */
let cleanup: string[];
let number = 0;

beforeAll(async () => {
  l1 = await host('main');
  await l1.run('modprobe -a tun vhost_net; sysctl -qw net.ipv4.ping_group_range="0 2147483647"');
  await onHost(`head -c ${MEGABYTES}000000 /dev/urandom >/tmp/net-data`);
});
beforeEach(() => {
  cleanup = [];
});
afterEach(async () => {
  await l1.run(`${[...cleanup].reverse().join('; ')}; true`);
});

function onHost(command: string): Promise<string> {
  return l1.must(command);
}

/** A tap that root has made, with addresses of both kinds. */
async function makeTap(options = ''): Promise<string> {
  const name = `otap${number++}`;
  cleanup.push(`ip link del ${name}`);
  await onHost(`ip tuntap add mode tap ${options} name ${name} && ip addr add ${HOST}/24 dev ${name} &&
    ip -6 addr add ${HOST_IPV6}/64 dev ${name} nodad && ip link set ${name} up`);
  return name;
}

const CONFIGURE = `ip link set lo up && ip link set eth0 up && ip addr add ${GUEST}/24 dev eth0 && ip -6 addr add ${GUEST_IPV6}/64 dev eth0`;

async function startOn(net: object, more: object = {}): Promise<{ vm: Vm; shell: GuestShell }> {
  const devices = { net0: { type: 'net', ...net } };
  const vm = await startVm(l1, { kernel: linux('shell'), devices, ...more });
  return { vm, shell: await GuestShell.open(vm) };
}

/** Serves the data on the host at `address` until the end of the test. */
async function serve(address: string, port = 8000 + number++): Promise<string> {
  const at = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  await onHost(`mkdir -p /tmp/net-www && ln -sf /tmp/net-data /tmp/net-www/data &&
    { busybox httpd -f -p ${at} -h /tmp/net-www >/dev/null 2>&1 & echo $! >/tmp/net-httpd-${port}; }`);
  cleanup.push(`kill $(cat /tmp/net-httpd-${port})`);
  return `http://${at}/data`;
}

/** The guest fetches what the host serves, and sends what it has fetched back: both arrive whole. */
async function transferBothWays(shell: GuestShell, url: string, sendBack: string): Promise<void> {
  const digest = (await onHost('md5sum </tmp/net-data')).split(' ')[0];
  const fetched = await shell.run(`wget -q -O /tmp/data ${url} && md5sum </tmp/data`, TEST_TIMEOUT_MS / 2);
  expect(fetched).toContain(digest);
  const listener = l1.spawn(
    sendBack.includes(':') ? `nc -6 -l ${GUEST_PORT} | md5sum` : `nc -4 -l ${GUEST_PORT} | md5sum`,
  );
  await expect.poll(() => l1.run(`ss -ltn | grep -q :${GUEST_PORT}`).then(({ exitCode }) => exitCode)).toBe(0);
  await shell.run(`nc ${sendBack} ${GUEST_PORT} </tmp/data`, TEST_TIMEOUT_MS / 2);
  expect(await listener.exited(TEST_TIMEOUT_MS / 2)).toBe(0);
  expect(listener.stdout).toContain(digest);
}

describe('a tap', { timeout: TEST_TIMEOUT_MS }, () => {
  test('TCP both ways over IPv4 and IPv6, pings of every size', async () => {
    const tap = await makeTap();
    const { vm, shell } = await startOn({ network: `tap:${tap}` });
    await using _ = vm;
    await shell.run(CONFIGURE);
    await transferBothWays(shell, await serve(HOST), HOST);
    await expect.poll(() => shell.try(`ping6 -c 1 -W 2 ${HOST_IPV6}`).then(({ exitCode }) => exitCode)).toBe(0);
    await transferBothWays(shell, await serve(HOST_IPV6), HOST_IPV6);
    const everySize = (command: string) =>
      `for size in 0 1 17 56 1472 1473 4000 16000 65000; do ${command} -c ${PINGS} -W 10 -s $size || exit 1; done`;
    await shell.run(`(${everySize(`ping ${HOST}`)}; ${everySize(`ping6 ${HOST_IPV6}`)})`);
    await onHost(everySize(`ping -q ${GUEST}`));
    expect(await shell.run('dmesg')).not.toMatch(/bad gso|hw csum failure|NETDEV WATCHDOG/);
  });

  test.each([
    ['no offloads', { offloads: false }],
    ['exact InterruptStatus', { interrupt: 'strict' }],
    ['packed rings', { packed: 'on' }],
    // Linux stops a transmit queue that has not 19 free entries, the most that a frame may take.
    ['short queues', { 'queue-size': 32 }],
  ])('TCP both ways with %s', async (_, options) => {
    const tap = await makeTap();
    const { vm, shell } = await startOn({ network: `tap:${tap}`, ...options });
    await using _vm = vm;
    await shell.run(CONFIGURE);
    await transferBothWays(shell, await serve(HOST), HOST);
  });

  test('made by us, with an MTU and in a bridge; gone with the VM', async () => {
    cleanup.push('ip link del obr0');
    await onHost(`ip link add obr0 type bridge && ip addr add ${HOST}/24 dev obr0 && ip link set obr0 up`);
    const { vm, shell } = await startOn({ network: 'tap', mtu: 9000, bridge: 'obr0', mac: '52:54:00:12:34:56' });
    await using _ = vm;
    const [, name] = /net0: The network is the new tap (\S+),/.exec(vm.messages)!;
    await shell.run(CONFIGURE);
    expect(await shell.run('ip link show eth0')).toMatch(/mtu 9000[\s\S]*52:54:00:12:34:56/);
    await onHost(`ip link set obr0 mtu 9000; ping -q -c 2 -W 10 -M do -s 8972 ${GUEST}`);
    await vm.kill('KILL');
    await vm.exited();
    expect((await l1.run(`ip link show ${name}`)).exitCode).not.toBe(0);
  });

  test('several pairs of queues: each vCPU sends through its own', async () => {
    const tap = await makeTap('multi_queue');
    const { vm, shell } = await startOn({ network: `tap:${tap}`, queues: 2 }, { cpus: 2 });
    await using _ = vm;
    await shell.run(CONFIGURE);
    expect(await shell.run('ls /sys/class/net/eth0/queues')).toContain('tx-1');
    const url = await serve(HOST);
    const digest = (await onHost('md5sum </tmp/net-data')).split(' ')[0]!;
    const fetch = (cpu: number) => `taskset ${cpu + 1} wget -q -O - ${url} | md5sum`;
    const output = await shell.run(`${fetch(0)} & ${fetch(1)}; wait`, TEST_TIMEOUT_MS / 2);
    expect(output.split(digest).length - 1).toBe(2);
    for (const cpu of [0, 1]) await shell.run(`taskset ${cpu + 1} ping -c 5 ${HOST}`);
    await transferBothWays(shell, url, HOST);
  });

  test('a file descriptor that somebody else has opened', async () => {
    const tap = await makeTap();
    const vm = await startVm(
      l1,
      { kernel: linux('shell'), devices: { net0: { type: 'net', network: 'fd:3' } } },
      { wrapper: `node ${import.meta.dirname}/support/with-tap.ts ${tap}` },
    );
    await using _ = vm;
    const shell = await GuestShell.open(vm);
    await shell.run(`${CONFIGURE} && ping -c 2 -W 10 ${HOST}`);
  });
});

describe('a tap that the kernel serves', { timeout: TEST_TIMEOUT_MS }, () => {
  /** Of net0; the queues of a card that the kernel serves count nothing. */
  async function statsOf(vm: Vm): Promise<{ kernelPairs: number; kicks: number }> {
    const { stdout, stderr } = await vm.ctl('stats --json');
    expect(stderr).toBe('');
    const { counters, queues } = JSON.parse(stdout).stats.devices[0];
    return { kernelPairs: counters['kernel-pairs'], kicks: queues[0].kicks + queues[1].kicks };
  }

  test('TCP both ways over IPv4 and IPv6; the link goes down and up, the driver leaves and returns, the guest reboots', async () => {
    const tap = await makeTap();
    const { vm, shell } = await startOn({ network: `tap:${tap}`, vhost: 'on' });
    await using _ = vm;
    const url = await serve(HOST);
    await shell.run(CONFIGURE);
    await transferBothWays(shell, url, HOST);
    await expect.poll(() => shell.try(`ping6 -c 1 -W 2 ${HOST_IPV6}`).then(({ exitCode }) => exitCode)).toBe(0);
    await onHost(`for size in 0 56 1473 65000; do ping -q -c ${PINGS} -W 10 -s $size ${GUEST} || exit 1; done`);
    expect(await statsOf(vm)).toEqual({ kernelPairs: 1, kicks: 0 });

    expect((await vm.ctl('device net0 link down')).exitCode).toBe(0);
    await expect.poll(() => shell.run('cat /sys/class/net/eth0/carrier')).toBe('0');
    expect((await l1.run(`ping -c 1 -W 1 ${GUEST}`)).exitCode).not.toBe(0);
    expect((await vm.ctl('device net0 link up')).exitCode).toBe(0);
    await expect.poll(() => shell.run('cat /sys/class/net/eth0/carrier')).toBe('1');
    await shell.run(`ping -c 2 -W 10 ${HOST}`);

    await using probe = await vm.probe();
    const before = await probe.usage();
    await shell.run('cd /sys/bus/virtio/drivers/virtio_net && ls -d virtio* >/tmp/name');
    const rebind = `cat /tmp/name >unbind && cat /tmp/name >bind && sleep 0.2; ${CONFIGURE}; ping -c 1 -W 10 ${HOST}`;
    for (let round = rounds('unbind and bind of a card that the kernel serves', 100, 3); round > 0; round--) {
      await shell.run(rebind);
    }
    const { fds, threads } = await probe.usage();
    expect({ fds, threads }).toEqual({ fds: before.fds, threads: before.threads });

    vm.write('reboot -f\n');
    const again = await GuestShell.open(vm, 2);
    await again.run(CONFIGURE);
    await transferBothWays(again, url, HOST);
    expect(await statsOf(vm)).toEqual({ kernelPairs: 1, kicks: 0 });
  });

  test('two pairs of queues; with what the kernel cannot do, the VM does not start', async () => {
    const tap = await makeTap('multi_queue');
    const { vm, shell } = await startOn({ network: `tap:${tap}`, queues: 2, vhost: 'auto' }, { cpus: 2 });
    await using _ = vm;
    await shell.run(CONFIGURE);
    for (const cpu of [0, 1]) await shell.run(`taskset ${cpu + 1} ping -c 3 ${HOST}`);
    await transferBothWays(shell, await serve(HOST), HOST);
    expect(await statsOf(vm)).toEqual({ kernelPairs: 2, kicks: 0 });

    const strict = { type: 'net', network: `tap:${await makeTap()}`, interrupt: 'strict', vhost: 'on' };
    const refused = await startVm(l1, { kernel: linux('shell'), devices: { net0: strict } });
    await using _refused = refused;
    expect(await refused.exited()).toBe(65);
    expect(refused.messages).toContain('The kernel serves no queues with interrupt: strict');
  });
});

describe('the user-mode network', { timeout: TEST_TIMEOUT_MS }, () => {
  const DHCP_SCRIPT = `echo 'ip addr add $ip/$mask dev $interface; ip route add default via $router' >/tmp/dhcp; chmod +x /tmp/dhcp; sed -i '1i#!/bin/sh' /tmp/dhcp`;
  const LEASE = `ip link set lo up; ip link set eth0 up; ${DHCP_SCRIPT}; udhcpc -n -q -i eth0 -s /tmp/dhcp`;

  test('an address by DHCP, TCP both ways, a port that leads to the guest; it ends with the VM', async () => {
    const { vm, shell } = await startOn({ forward: ['tcp:127.0.0.1:8022:22'] });
    await using _ = vm;
    await shell.run(LEASE);
    await transferBothWays(shell, (await serve('127.0.0.1')).replace('127.0.0.1', USER_HOST), USER_HOST);
    await shell.run(`ping -c 2 -W 10 ${USER_HOST}`);
    await shell.run('(echo served | nc -l -p 22 >/tmp/asked) & sleep 1');
    expect(await onHost('echo asked | timeout 10 nc -N 127.0.0.1 8022')).toBe('served');
    expect(await shell.run('sleep 1; cat /tmp/asked')).toBe('asked');
    expect(await onHost('pgrep -c passt')).toBe('1');
    await vm.kill('KILL');
    await vm.exited();
    await expect.poll(() => l1.run('pgrep passt').then(({ stdout }) => stdout), { timeout: 5000 }).toBe('');
  });

  test('IPv6, where the host has an address', async () => {
    cleanup.push('ip link del odummy0');
    await onHost(`ip link add odummy0 type dummy && ip -6 addr add 2001:db8::15/64 dev odummy0 nodad && ip link set odummy0 up &&
      ip -6 route replace default via 2001:db8::1 dev odummy0 metric 1`);
    const { vm, shell } = await startOn({});
    await using _ = vm;
    await shell.run('ip link set lo up; echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip link set eth0 up');
    await shell.run('ip -6 addr add 2001:db8::15/64 dev eth0');
    await shell.run('ip -6 route add default via 2001:db8::1 dev eth0; sleep 2');
    const url = await serve('::1');
    const digest = (await onHost('md5sum </tmp/net-data')).split(' ')[0];
    const fetched = await shell.run(`wget -q -O - ${url.replace('::1', '2001:db8::1')} | md5sum`, TEST_TIMEOUT_MS / 2);
    expect(fetched).toContain(digest);
  });

  test('needs no privileges', async () => {
    const vm = await startVm(
      l1,
      { kernel: linux('shell'), devices: { net0: { type: 'net' } } },
      {
        wrapper: `setpriv --reuid ${UNPRIVILEGED} --regid ${UNPRIVILEGED} --groups $(stat -c %g /dev/kvm) env HOME=/tmp`,
      },
    );
    await using _ = vm;
    const shell = await GuestShell.open(vm);
    await shell.run(LEASE);
    const url = (await serve('127.0.0.1')).replace('127.0.0.1', USER_HOST);
    await shell.run(`wget -q -O /dev/null ${url}`, TEST_TIMEOUT_MS / 2);
  });

  test('its end takes the link down; that it cannot start ends the VM with its words', async () => {
    const { vm, shell } = await startOn({});
    await using _ = vm;
    await shell.run(LEASE);
    await onHost('pkill -KILL -x passt');
    await vm.said('net0: The network is gone: the link is down');
    await vm.said('net0: passt ');
    expect(vm.messages).toMatch(/net0: passt (was ended by SIGKILL|has ended)/);
    expect(await shell.run('cat /sys/class/net/eth0/carrier')).toBe('0');

    const taken = l1.spawn('exec nc -l 127.0.0.1 8023');
    const failing = await startVm(l1, {
      kernel: linux('shell'),
      devices: { net0: { type: 'net', forward: ['tcp:127.0.0.1:8023:22'] } },
    });
    await using _failing = failing;
    expect(await failing.exited()).not.toBe(0);
    expect(failing.messages).toMatch(/Cannot start passt: .*8023/);
    await taken.kill();
  });
});

describe('a card that comes and goes', { timeout: TEST_TIMEOUT_MS }, () => {
  test('the link goes down and up, by config and by ctl', async () => {
    const tap = await makeTap();
    const { vm, shell } = await startOn({ network: `tap:${tap}`, link: 'down' });
    await using _ = vm;
    await shell.run(CONFIGURE);
    expect(await shell.run('cat /sys/class/net/eth0/carrier')).toBe('0');
    expect((await vm.ctl('device net0 link up')).exitCode).toBe(0);
    await expect.poll(() => shell.run('cat /sys/class/net/eth0/carrier')).toBe('1');
    await shell.run(`ping -c 2 -W 10 ${HOST}`);
    expect((await vm.ctl('device net0 link down')).exitCode).toBe(0);
    await expect.poll(() => shell.run('cat /sys/class/net/eth0/carrier')).toBe('0');
    expect((await shell.try(`ping -c 1 -W 2 ${HOST}`)).exitCode).not.toBe(0);
    expect((await vm.ctl('device net0 link up')).exitCode).toBe(0);
    await expect.poll(() => shell.run('cat /sys/class/net/eth0/carrier')).toBe('1');
    await shell.run(`ping -c 2 -W 10 ${HOST}`);
  });

  test('the driver leaves and returns while data flows; nothing leaks', async () => {
    const tap = await makeTap();
    const { vm, shell } = await startOn({ network: `tap:${tap}` });
    await using _ = vm;
    await shell.run(CONFIGURE);
    await using probe = await vm.probe();
    const before = await probe.usage();
    const count = rounds('unbind and bind of virtio_net', 100, 5);
    const url = await serve(HOST);
    await shell.run('cd /sys/bus/virtio/drivers/virtio_net && ls -d virtio* >/tmp/name');
    const cycle = [
      `(wget -q -O /dev/null ${url} &) >/dev/null 2>&1`,
      'usleep 300000',
      'cat /tmp/name >unbind && cat /tmp/name >bind && sleep 0.2',
      CONFIGURE,
      'killall wget 2>/dev/null',
    ].join('; ');
    for (let round = 0; round < count; round++) await shell.run(`${cycle}; ping -c 1 -W 10 ${HOST} >/dev/null`);
    await transferBothWays(shell, url, HOST);
    const after = await probe.usage();
    expect(after.fds).toBe(before.fds);
    expect(after.mappings).toBeLessThan(before.mappings + NODE_MAPPINGS);
  });

  test('two cards at once, each on its own network, across a reboot', async () => {
    const tap = await makeTap();
    const vm = await startVm(l1, {
      kernel: linux('shell'),
      devices: { net0: { type: 'net', network: `tap:${tap}` }, net1: { type: 'net', network: 'user' } },
    });
    await using _ = vm;
    const urls = [await serve(HOST), (await serve('127.0.0.1')).replace('127.0.0.1', USER_HOST)];
    for (const boot of [1, 2]) {
      const shell = await GuestShell.open(vm, boot);
      await shell.run(`${CONFIGURE}; ip link set eth1 up; ip addr add 10.0.2.15/24 dev eth1`);
      const digest = (await onHost('md5sum </tmp/net-data')).split(' ')[0]!;
      const fetches = urls.map((url) => `wget -q -O - ${url} | md5sum`);
      const output = await shell.run(`${fetches.join(' & ')}; wait`, TEST_TIMEOUT_MS / 2);
      expect(output.split(digest).length - 1).toBe(2);
      if (boot === 1) vm.write('reboot -f\n');
    }
  });
});
