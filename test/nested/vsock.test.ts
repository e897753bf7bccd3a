/** virtio-vsock as Linux uses it: streams from both sides, many at once, each of which ends its half and gets its bytes back. */
import { beforeAll, describe, expect, test } from 'vitest';
import { GuestShell } from '../support/guest-shell.ts';
import { host, type NestedHost } from '../support/nested-host.ts';
import { linux, rounds, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';
import { expectWhole, startPeer } from '../support/vsock-load.ts';

const STREAMS = rounds('vsock streams from each side at once', 1000, 100);
const STREAM_BYTES = 1024 * rounds('KiB through each', 64, 16);
const REBINDS = rounds('unbind and bind of the vsock driver', 100, 5);
const DRIVER = 'vmw_vsock_virtio_transport';

let l1: NestedHost;
let count = 0;
beforeAll(async () => {
  l1 = await host('main');
});

const socketPath = () => `/run/vsock-${process.pid}-${count++}`;
const check = (streams: number, bytes: number) => linux('vsock,idle', `orko.streams=${streams} orko.bytes=${bytes}`);

describe('streams', { timeout: 2 * TEST_TIMEOUT_MS }, () => {
  test(`${STREAMS} from each side at once, every byte of ${STREAM_BYTES} comes back`, async () => {
    const path = socketPath();
    const vsock = { type: 'vsock', path, cid: 42 };
    const peer = await startPeer(l1, path, STREAMS, STREAM_BYTES);
    const config = { kernel: check(STREAMS, STREAM_BYTES), memory: '512M', devices: { vsock } };
    await using vm = await startVm(l1, config);
    await expectWhole(vm, peer, STREAMS);
  });

  test.each([
    ['exact InterruptStatus', { interrupt: 'strict' }],
    ['packed rings', { packed: 'on' }],
    ['short queues', { 'queue-size': 4 }],
  ])('a few streams with %s', async (_, more) => {
    const path = socketPath();
    const peer = await startPeer(l1, path, 5, 256 * 1024);
    const devices = { vsock: { type: 'vsock', path, ...more } };
    await using vm = await startVm(l1, { kernel: check(5, 256 * 1024), devices });
    await expectWhole(vm, peer, 5);
  });

  test('after a reboot the device works as before, and who was connected is not', async () => {
    const path = socketPath();
    // Whom the first boot calls never answers, so that its calls last until the reboot.
    const silent = l1.spawn(`exec socat -u UNIX-LISTEN:${path}_5000,fork OPEN:/dev/null`);
    await l1.run(`until [ -S ${path}_5000 ]; do sleep 0.1; done`);
    await using vm = await startVm(l1, { kernel: check(5, 1000), devices: { vsock: { type: 'vsock', path } } });
    await vm.printed('ORKO-READY vsock');
    const early = l1.spawn(`printf 'CONNECT 1024\\n' | socat -t60 - UNIX-CONNECT:${path}`);
    await early.printed('OK ');
    const peer = await startPeer(l1, path, 5, 1000);
    expect((await vm.ctl('reboot')).exitCode).toBe(0);
    expect(await early.exited()).toBe(0);
    await vm.printedTimes('ORKO-READY vsock', 2);
    await silent.kill();
    await expectWhole(vm, peer, 5);
  });
});

describe('beside others', { timeout: 2 * TEST_TIMEOUT_MS }, () => {
  test('nobody listens in the guest, or on the host: refused at once', async () => {
    const path = socketPath();
    await using vm = await startVm(l1, { kernel: linux('shell'), devices: { vsock: { type: 'vsock', path } } });
    await GuestShell.open(vm);
    const refused = await l1.run(`printf 'CONNECT 77\\n' | socat -t60 - UNIX-CONNECT:${path}`);
    expect([refused.exitCode, refused.stdout]).toEqual([0, '']);
  });

  test('a second device in one VM harms nobody, though Linux drives only one', async () => {
    const paths = [socketPath(), socketPath()];
    const [first, second] = paths.map((path, index) => ({ type: 'vsock', path, cid: 10 + index }));
    const peers = await Promise.all(paths.map((path) => startPeer(l1, path, 2, 1000)));
    await using vm = await startVm(l1, { kernel: check(2, 1000), devices: { first, second } });
    await expectWhole(vm, peers[0]!, 2);
    await peers[1]!.kill();
  });

  test(`unbind and bind ${REBINDS} times: it works, and no file descriptor is left behind`, async () => {
    const path = socketPath();
    await using vm = await startVm(l1, { kernel: linux('shell'), devices: { vsock: { type: 'vsock', path } } });
    const shell = await GuestShell.open(vm);
    await using probe = await vm.probe();
    const before = (await probe.usage()).fds;
    const rebind = `cd /sys/bus/virtio/drivers/${DRIVER}; for n in $(seq ${REBINDS}); do echo virtio0 >unbind; echo virtio0 >bind; done`;
    await shell.run(rebind, TEST_TIMEOUT_MS);
    expect((await probe.usage()).fds).toBe(before);
    const refused = await l1.run(`printf 'CONNECT 77\\n' | socat -t60 - UNIX-CONNECT:${path}`);
    expect(refused.exitCode).toBe(0);
  });
});
