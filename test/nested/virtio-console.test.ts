/** virtio-console as Linux uses it: the terminal hvc0, and ports with names for programs; whole, both ways, wherever they lead. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { consoleComplaints } from '../support/console-load.ts';
import { GuestShell } from '../support/guest-shell.ts';
import { host, type NestedHost } from '../support/nested-host.ts';
import { type Kernel, linesOf, linux, rounds, startVm, TEST_TIMEOUT_MS, type Vm } from '../support/vm.ts';

const KIB = 1024;
const PORT_BYTES = KIB * rounds('KiB each way through a port, and through the terminal', 10 * 1024, 128);
const PRINTK_BYTES = KIB * rounds('KiB of printk on hvc0', 1024, 16);
const REBINDS = rounds('unbind and bind of virtio_console', 100, 5);
const BOOTS = rounds('boots with hvc0', 10, 3);

const crcOf = (bytes: Uint8Array) => crc32(bytes).toString(16).padStart(8, '0');
/** Linux takes this byte at a console of hvc for SysRq, and the next one for what it shall do. */
const SYSRQ = 0x0f;
const input = Uint8Array.from({ length: PORT_BYTES }, (_, index) => {
  const byte = (index * 13 + (index >> 8) * 5) % 256;
  return byte === SYSRQ ? 0 : byte;
});

let l1: NestedHost;
let count = 0;
beforeAll(async () => {
  l1 = await host('main');
});

/** A place for a socket that no other test has; its path is short enough. */
const socketPath = () => `/run/vcon-${process.pid}-${count++}`;

/** The driver waits for every 16 bytes that the kernel prints, and the two CPUs of an emulated host take milliseconds to meet. */
const PRINTK_TIMEOUT_MS = TEST_TIMEOUT_MS + (PRINTK_BYTES / KIB) * 2_000;

/** Linux whose only console, also the one for its agent, is hvc0. */
function onHvc0(orders: string, cmdline = ''): Kernel {
  const kernel = linux(orders, `console=hvc0 orko.console=hvc0 ${cmdline}`.trim());
  return { ...kernel, cmdline: kernel.cmdline!.replace('console=ttyAMA0 ', '') };
}

/** Linux with its console on hvc0 and hvc0 on the terminal (or pipe) of orko-vmm. */
function startOnHvc0(orders: string, { cmdline = '', device = {}, options = {} } = {}): Promise<Vm> {
  const devices = { con0: { type: 'console', console: 'stdio', ...device } };
  return startVm(l1, { kernel: onHvc0(orders, cmdline), console: 'none', devices }, options);
}

/** What the guest's `port` check has reported: its verdict, what it sent and what it got. */
async function verdictOf(vm: Vm): Promise<{ verdict: string; sentCrc: string; receivedCrc: string }> {
  const pattern = /ORKO-CHECK port (PASS|FAIL) sent=\d+ crc32=(\w+) received=\d+ crc32=(\w+)/;
  await vm.printed(pattern, TEST_TIMEOUT_MS);
  const [verdict, sentCrc, receivedCrc] = pattern.exec(vm.output)!.slice(1);
  return { verdict: verdict!, sentCrc: sentCrc!, receivedCrc: receivedCrc! };
}

/** Attaches to a socket, sends the input, and writes what it gets to a file of that name. */
function exchange(socket: string, file: string) {
  const client = l1.spawn(`exec socat -b65536 - UNIX-CONNECT:${socket} >${file}`);
  client.write(input);
  return client;
}

describe('the terminal hvc0', { timeout: 2 * PRINTK_TIMEOUT_MS }, () => {
  test.each([{}, { ports: { other: 'pty' } }])('printk, output and input are whole (%j)', async (device) => {
    const recordTo = join(l1.directory, `hvc0-${count++}`);
    const cmdline = `orko.bytes=${PRINTK_BYTES}`;
    await using vm = await startOnHvc0('console-out', { cmdline, device, options: { recordTo } });
    expect(await vm.exited(PRINTK_TIMEOUT_MS)).toBe(0);
    expect(linesOf(vm.output, 'ORKO-CHECK')).toEqual([expect.stringContaining('console-out PASS')]);
    expect(consoleComplaints(await readFile(recordTo), PRINTK_BYTES)).toEqual([]);
  });

  test('many bytes both ways at once', async () => {
    const recordTo = join(l1.directory, `hvc0-${count++}`);
    const cmdline = `orko.port=console orko.bytes=${PORT_BYTES}`;
    await using vm = await startOnHvc0('port', { cmdline, options: { recordTo } });
    await vm.printed('ORKO-READY');
    vm.write(input);
    const { verdict, sentCrc, receivedCrc } = await verdictOf(vm);
    expect([verdict, receivedCrc]).toEqual(['PASS', crcOf(input)]);
    expect(await vm.exited()).toBe(0);
    const recorded = await readFile(recordTo);
    const start = recorded.indexOf('\n', recorded.indexOf('ORKO-READY')) + 1;
    expect(crcOf(recorded.subarray(start, start + PORT_BYTES))).toBe(sentCrc);
  });

  test('keys of a terminal, Ctrl-A x, and the terminal is restored; the guest knows its size and follows it', async () => {
    const config = join(l1.directory, `vcon-${count++}.yaml`);
    const devices = '{ con0: { type: console, console: stdio } }';
    const kernel = JSON.stringify(onHvc0('terminal-size,idle', 'orko.size=91x33'));
    await l1.run(`printf 'memory: 126M\\nconsole: none\\nkernel: ${kernel}\\ndevices: ${devices}\\n' >${config}`);
    const script = `stty cols 90 rows 30; before=$(stty -g); orko-vmm run ${config}; echo "code=$?"; [ "$before" = "$(stty -g)" ] && echo restored`;
    const shell = l1.spawn(script, { tty: true });
    await shell.printed('ORKO-SIZE 90x30', TEST_TIMEOUT_MS);
    await l1.run(`stty -F $(ls -t /dev/pts/[0-9]* | head -1) cols 91 rows 33`);
    await shell.printed('terminal-size PASS', TEST_TIMEOUT_MS);
    shell.write('\x01x');
    await shell.printed('code=13');
    await shell.printed('restored');
    expect(await shell.exited()).toBe(0);
  });

  test.each([
    ['by its config space', {}],
    ['by a control message, for it has ports', { ports: { other: 'pty' } }],
  ])('resize: the guest hears of it %s', async (_, device) => {
    const cmdline = 'orko.size=120x40';
    await using vm = await startOnHvc0('terminal-size', { cmdline, device: { size: '80x25', ...device } });
    await vm.printed('ORKO-SIZE 80x25');
    expect((await vm.ctl('device con0 resize 100x31')).exitCode).toBe(0);
    await vm.printed('ORKO-SIZE 100x31');
    expect((await vm.ctl('device con0 resize 120x40')).exitCode).toBe(0);
    expect(await vm.exited()).toBe(0);
    expect(vm.output).toContain('terminal-size PASS 120x40');
  });

  test('a reboot keeps it', async () => {
    await using vm = await startOnHvc0('reboot');
    await vm.printedTimes('ORKO-BOOT id=', BOOTS);
    await vm.kill('TERM');
    await vm.kill('TERM');
    await vm.exited();
  });

  test('a client of its socket sees what was printed before, leaves, and another one comes', async () => {
    const socket = socketPath();
    const devices = { con0: { type: 'console', console: `unix:${socket}` } };
    await using _vm = await startVm(l1, { kernel: onHvc0('shell'), console: 'none', devices });
    for (const word of ['one', 'two', 'three']) {
      const client = l1.spawn(`until [ -S ${socket} ]; do sleep 0.1; done; exec socat - UNIX-CONNECT:${socket}`);
      await client.printed(word === 'one' ? 'Type poweroff' : 'said', TEST_TIMEOUT_MS);
      client.write(`echo sa""id ${word}\n`);
      await client.printed(`said ${word}`, TEST_TIMEOUT_MS);
      await client.kill();
      await client.exited();
    }
  });
});

describe('ports', { timeout: 2 * TEST_TIMEOUT_MS }, () => {
  test.each([
    ['as it is', {}],
    ['with exact InterruptStatus', { interrupt: 'strict' }],
    ['with packed rings', { packed: 'on' }],
    ['with short queues', { 'queue-size': 4 }],
  ])('many bytes both ways at once, %s', async (_, more) => {
    const [socket, received] = [socketPath(), join(l1.directory, `port-${count++}`)];
    const device = { type: 'console', ports: { 'org.orko.data': `unix:${socket}` }, ...more };
    const kernel = linux('port', `orko.port=org.orko.data orko.bytes=${PORT_BYTES}`);
    await using vm = await startVm(l1, { kernel, devices: { con0: device } });
    // The guest waits for somebody to come.
    await vm.printed('ORKO-READY');
    const client = exchange(socket, received);
    const { verdict, sentCrc, receivedCrc } = await verdictOf(vm);
    expect([verdict, receivedCrc]).toEqual(['PASS', crcOf(input)]);
    expect(await vm.exited()).toBe(0);
    client.end();
    await client.exited();
    expect(crcOf(await readFile(received))).toBe(sentCrc);
  });

  test('two devices: every port has its name, and its own bytes', async () => {
    const sockets = [socketPath(), socketPath()];
    const devices = {
      con0: { type: 'console', console: 'pty', ports: { first: `unix:${sockets[0]}`, log: 'file:/dev/null' } },
      con1: { type: 'console', console: 'pty', ports: { second: `unix:${sockets[1]}` } },
    };
    await using vm = await startVm(l1, { kernel: linux('shell'), devices });
    const shell = await GuestShell.open(vm);
    const names = await shell.run(
      'cd /sys/class/virtio-ports; for port in *p[1-9]*; do echo $port $(cat $port/name); done',
    );
    expect(names.split('\n').map((line) => line.replace(/^vport\d/, ''))).toEqual(['p1 first', 'p2 log', 'p1 second']);
    expect(await shell.run('ls -1 /dev/hvc0 /dev/hvc1')).toBe('/dev/hvc0\n/dev/hvc1');
    const port = (name: string) => `/dev/$(basename $(dirname $(grep -lx ${name} /sys/class/virtio-ports/*/name)))`;
    for (const [index, name] of ['first', 'second'].entries()) {
      const client = l1.spawn(`exec socat - UNIX-CONNECT:${sockets[index]}`);
      client.write(`to ${name}\n`);
      // As long as nobody is at the other end, a read finds the end of the file.
      const talk = `exec 3<>${port(name)}; until read line <&3; do sleep 0.1; done; echo "from ${name}" >&3; echo "$line"`;
      expect(await shell.run(talk)).toBe(`to ${name}`);
      await client.printed(`from ${name}`);
      await client.kill();
      await client.exited();
      await shell.run('exec 3>&-');
    }
    for (const [index, said] of ['hvc0', 'hvc1'].entries()) {
      const [, pty] = new RegExp(`con${index}: The console is (\\S+)`).exec(vm.messages)!;
      const terminal = l1.spawn(`exec socat - ${pty},raw,echo=0`);
      await shell.run(`echo this is ${said} >/dev/${said}`);
      await terminal.printed(`this is ${said}`);
      await terminal.kill();
      await terminal.exited();
    }
  });

  test('programs on the host come and go: the guest reads the end of each, and hears the next', async () => {
    const socket = socketPath();
    await using vm = await startVm(l1, {
      kernel: linux('shell'),
      devices: { con0: { type: 'console', ports: { agent: `unix:${socket}` } } },
    });
    const shell = await GuestShell.open(vm);
    await shell.run('(while [ ! -s /tmp/over ]; do cat /dev/vport0p1 >>/tmp/heard; sleep 0.1; done) & sleep 1');
    for (const word of ['one', 'two', 'three']) {
      await l1.run(`echo ${word} | timeout 10 socat -u - UNIX-CONNECT:${socket}`);
      await shell.run(
        `for try in $(seq 100); do grep -q ${word} /tmp/heard && break; sleep 0.1; done; grep ${word} /tmp/heard`,
      );
    }
    expect(await shell.run('cat /tmp/heard')).toBe('one\ntwo\nthree');
  });
});

test(`unbind and bind ${REBINDS} times: it works, and no file descriptor is left behind`, {
  timeout: 2 * TEST_TIMEOUT_MS,
}, async () => {
  const socket = socketPath();
  const devices = { con0: { type: 'console', console: 'pty', ports: { agent: `unix:${socket}` } } };
  await using vm = await startVm(l1, { kernel: linux('shell'), devices });
  const shell = await GuestShell.open(vm);
  await using probe = await vm.probe();
  const before = (await probe.usage()).fds;
  const rebind = `cd /sys/bus/virtio/drivers/virtio_console; for n in $(seq ${REBINDS}); do echo virtio0 >unbind; echo virtio0 >bind; done`;
  await shell.run(rebind, TEST_TIMEOUT_MS);
  expect((await probe.usage()).fds).toBe(before);
  const client = l1.spawn(`exec socat - UNIX-CONNECT:${socket}`);
  client.write('still here\n');
  // The driver names a port when it gets round to the control message that says so.
  const named = 'until file=$(grep -lx agent /sys/class/virtio-ports/*/name); do sleep 0.1; done';
  const read = `${named}; read line </dev/$(basename $(dirname $file)); echo "$line"`;
  expect(await shell.run(read)).toBe('still here');
  await client.kill();
  await client.exited();
});
