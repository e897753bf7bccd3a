/** `orko-vmm probe` and what it checks, with our own back-ends, and those of Debian: qemu-storage-daemon, virtiofsd, passt. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GuestShell } from '../support/guest-shell.ts';
import { type HostProcess, host, type NestedHost } from '../support/nested-host.ts';
import { linux, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';

const BACK_END = 20;
const VIRTIOFSD = '/usr/libexec/virtiofsd';
const NOBODY = 65534;
const TAP = 'probetap';
/** Hundreds of connections and starts of programs, under emulation. */
const CHECK_TIMEOUT_MS = 2 * TEST_TIMEOUT_MS;

interface Mask {
  readonly mask: string;
  readonly names: readonly string[];
}
interface Probe {
  readonly type: string | null;
  readonly couldBe: readonly string[];
  readonly queues: number | null;
  readonly features: Mask;
  readonly protocolFeatures: Mask;
  readonly config: Readonly<Record<string, string>> | null;
  readonly findings: readonly { readonly severity: string; readonly text: string }[];
  readonly verdicts?: readonly { readonly id: string; readonly outcome: string; readonly why: string }[];
}

let l1: NestedHost;
let folder: string;
let number = 0;
let daemon: HostProcess | undefined;

beforeAll(async () => {
  l1 = await host('main');
});
beforeEach(async () => {
  folder = `/tmp/probe-${process.pid}-${number++}`;
  await onHost(`mkdir -m 777 ${folder}`);
});
afterEach(async () => {
  await daemon?.kill('KILL').catch(() => {});
  daemon = undefined;
  await onHost(`rm -rf ${folder}; ip link del ${TAP} 2>/dev/null; true`);
});

function onHost(command: string): Promise<string> {
  return l1.must(command, { timeoutMs: TEST_TIMEOUT_MS / 2 });
}

async function probe(words: string): Promise<Probe & { readonly exitCode: number | null }> {
  const { exitCode, stdout, stderr } = await l1.run(`orko-vmm probe --json ${words}`, { timeoutMs: CHECK_TIMEOUT_MS });
  if (stdout === '') throw new Error(`probe has ended with ${exitCode}: ${stderr}`);
  return { exitCode, ...(JSON.parse(stdout) as Probe) };
}

/** For the log: what these versions offer. */
function show({ features, protocolFeatures, findings, couldBe }: Probe, what: string): void {
  const masks = `${features.mask} ${features.names.join(' ')}; ${protocolFeatures.mask} ${protocolFeatures.names.join(' ')}`;
  const texts = findings.map(({ severity, text }) => `${severity}: ${text}`).join('; ');
  process.stdout.write(`  probe ${what}: ${masks}; could be ${couldBe.join(', ')}; ${texts}\n`);
}

/** What failed, as "id: why"; the counts go to the log. */
function failuresOf(found: Probe, what: string): string[] {
  show(found, what);
  const { verdicts = [] } = found;
  const count = (wanted: string) => verdicts.filter(({ outcome }) => outcome === wanted).length;
  const failed = verdicts.filter(({ outcome }) => outcome === 'fail').map(({ id, why }) => `${id}: ${why}`);
  process.stdout.write(
    `  probe ${what}: ${count('pass')} of ${verdicts.length} passed; failed: ${failed.join('; ')}\n`,
  );
  return failed;
}

/** Features and protocol features, which are those of the versions in Debian 13. */
const masksOf = ({ features, protocolFeatures }: Probe) => [features.mask, protocolFeatures.mask];

/** Each with the options that it needs. */
const OURS: Readonly<Record<string, () => string>> = {
  blk: () => `--path ${folder}/disk`,
  console: () => `--console unix:${folder}/console`,
  net: () => `--network tap:${TAP}`,
  rng: () => '',
  rtc: () => '',
  vsock: () => `--path ${folder}/vsock --cid 42`,
};

describe('our own back-ends', { timeout: CHECK_TIMEOUT_MS }, () => {
  test.each(Object.keys(OURS))('%s: keeps every rule, and outlives everything that is done to it', async (type) => {
    await onHost(`truncate -s 8M ${folder}/disk; modprobe tun && ip tuntap add mode tap name ${TAP}`);
    const command = `orko-vmm backend ${type} --socket-path {socket} ${OURS[type]!()}`;
    const found = await probe(`--check --timeout-s 30 --type ${type} --command '${command}'`);
    expect(failuresOf(found, `backend ${type}`)).toEqual([]);
    const { exitCode, findings, verdicts = [] } = found;
    expect(exitCode).toBe(0);
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(verdicts.filter(({ outcome }) => outcome === 'skipped')).toEqual([]);
    // One process serves all of it.
    expect(verdicts.filter(({ why }) => /has ended|was ended/.test(why))).toEqual([]);
    const absent = verdicts.filter(({ outcome }) => outcome === 'not-applicable').map(({ id }) => id);
    expect(absent).toEqual(type === 'blk' ? [] : expect.arrayContaining(['message-inflight-huge']));
  });
});

describe('probe', { timeout: CHECK_TIMEOUT_MS }, () => {
  test('qemu-storage-daemon: a disk, with its size; it keeps the rules of a good driver', async () => {
    await onHost(`truncate -s 8M ${folder}/disk`);
    const disk = `--blockdev driver=file,node-name=d,filename=${folder}/disk`;
    const address = 'addr.type=unix,addr.path={socket}';
    const command = `qemu-storage-daemon ${disk} --export type=vhost-user-blk,id=e,node-name=d,writable=on,${address}`;
    const found = await probe(`--check --timeout-s 10 --command '${command}'`);
    expect(found).toMatchObject({ type: 'blk', queues: 1, config: { capacity: '16384', num_queues: '1' } });
    expect(masksOf(found)).toEqual(['0x175007e46', '0x8f2b']);
    expect(found.features.names).toContain('VIRTIO_BLK_F_TOPOLOGY');
    expect(found.protocolFeatures.names).toContain('VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS');
    // libvhost-user does not look at the offset of GET_CONFIG, nor at the index of a ring before it uses it.
    const known = /^(config-part|ack-refuses|message-(memory-count|[sg]et-vring-(num|base)-(far-)?beyond)):/;
    expect(failuresOf(found, 'qemu-storage-daemon').filter((failure) => !known.test(failure))).toEqual([]);
    expect(found.verdicts!.filter(({ outcome }) => outcome === 'skipped')).toEqual([]);
  });

  test('virtiofsd: a type that cannot be told, and one that is; it ends with each connection', async () => {
    await onHost(`mkdir ${folder}/shared`);
    const command = `${VIRTIOFSD} --socket-path {socket} --shared-dir ${folder}/shared --sandbox none`;
    const untold = await probe(`--command '${command}'`);
    show(untold, 'virtiofsd');
    expect(untold).toMatchObject({ exitCode: 0, type: null });
    expect(untold.couldBe).toContain('fs');
    const found = await probe(`--check --timeout-s 10 --type fs --command '${command}'`);
    expect(found).toMatchObject({ type: 'fs' });
    expect(masksOf(found)).toEqual(['0x174000000', '0x8a42b']);
    expect(failuresOf(found, 'virtiofsd')).toEqual([]);
    for (const id of ['version-1', 'ack', 'features-stable', 'start-stop', 'feature-subsets', 'ring-base']) {
      expect(found.verdicts).toContainEqual(expect.objectContaining({ id, outcome: 'pass' }));
    }
  });

  test('virtiofsd: its state is saved, and loaded into another one', async () => {
    await onHost(`mkdir ${folder}/shared`);
    const command = `${VIRTIOFSD} --socket-path {socket} --shared-dir ${folder}/shared --sandbox none`;
    const moved = (words: string) => l1.run(`orko-vmm probe --type fs --timeout-s 30 --command '${command}' ${words}`);
    const state = `${folder}/fs.state`;
    const saved = await moved(`--save-state ${state}`);
    expect(saved).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/its state was saved: \d+ bytes in /) });
    process.stdout.write(`  ${saved.stdout.split('\n').at(-2)}\n`);
    expect(await moved(`--load-state ${state}`)).toMatchObject({ exitCode: 0 });
    await onHost(`head -c 100 /dev/urandom >${state}`);
    expect(await moved(`--load-state ${state}`)).toMatchObject({
      exitCode: 69,
      stderr: expect.stringContaining('its state could not be loaded'),
    });
  });

  test('vhost-device-vsock, and vhost-user-gpu without a GPU: what they are', async () => {
    // Not what they survive: vhost-device-vsock listens anew after each connection, and resets those that come in between.
    const vsock = `vhost-device-vsock --vm guest-cid=42,socket={socket},uds-path=${folder}/vsock`;
    const found = await probe(`--timeout-s 30 --type vsock --command '${vsock}'`);
    show(found, 'vhost-device-vsock');
    expect(found).toMatchObject({ exitCode: 0, type: 'vsock', config: { guest_cid: '42' } });
    expect(masksOf(found)).toEqual(['0x161000000', '0x209']);
    const command = '/opt/qemu-11/usr/lib/qemu/vhost-user-gpu --socket-path {socket}';
    const gpu = await probe(`--timeout-s 30 --type gpu --command '${command}'`);
    show(gpu, 'vhost-user-gpu');
    expect(gpu).toMatchObject({ exitCode: 0, type: 'gpu', queues: 2 });
    expect(gpu.features.names).toContain('VIRTIO_GPU_F_EDID');
  });

  test('virtiofsd at a socket: one connection, and no check without --command', async () => {
    const socket = `${folder}/fs.sock`;
    await onHost(`mkdir ${folder}/shared`);
    daemon = l1.spawn(`exec ${VIRTIOFSD} --socket-path ${socket} --shared-dir ${folder}/shared --sandbox none`);
    await onHost(`for n in $(seq 100); do [ -S ${socket} ] && exit 0; sleep 0.1; done; exit 1`);
    const checked = await probe(`--check --timeout-s 10 --type fs ${socket}`);
    expect(new Set(checked.verdicts!.map(({ outcome }) => outcome))).toEqual(new Set(['skipped']));
    expect(checked.verdicts![0]!.why).toContain('have it started for each check by --command');
  });

  test('passt: a network card', async () => {
    const socket = `${folder}/net.sock`;
    const as = `setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups`;
    daemon = l1.spawn(`exec ${as} passt --foreground --quiet --vhost-user --socket ${socket}`);
    await onHost(`for n in $(seq 100); do [ -S ${socket} ] && exit 0; sleep 0.1; done; exit 1`);
    const found = await probe(`--check --timeout-s 10 ${socket}`);
    expect(found).toMatchObject({ type: 'net' });
    expect(masksOf(found)).toEqual(['0x144008000', '0x8000e']);
    failuresOf(found, 'passt');
    // It ends when it is told something wrong; what comes before that is what a VM does.
    for (const id of ['version-1', 'features-stable', 'start-stop', 'feature-subsets']) {
      expect(found.verdicts!.find((verdict) => verdict.id === id)).toMatchObject({ outcome: 'pass' });
    }
  });

  test('a disk at a socket, with faults, recorded: what was said, and it still answers so', async () => {
    await onHost(`truncate -s 8M ${folder}/disk`);
    const node = `--blockdev driver=file,node-name=d,filename=${folder}/disk`;
    const address = `addr.type=unix,addr.path=${folder}/disk.sock`;
    daemon = l1.spawn(
      `exec qemu-storage-daemon ${node} --export type=vhost-user-blk,id=e,node-name=d,writable=on,${address}`,
    );
    const recording = `${folder}/disk.vhost`;
    const faults = { 'delay-ms': 3, 'slow-mapping-ms': 200 };
    const disk = { type: 'blk', record: recording, faults, backend: `${folder}/disk.sock` };
    await using vm = await startVm(l1, { kernel: linux('shell'), devices: { disk } });
    const shell = await GuestShell.open(vm);
    await shell.run('dd if=/dev/vda of=/dev/null bs=64k count=16 iflag=direct');
    vm.write('poweroff -f\n');
    expect(await vm.exited()).toBe(0);
    expect(vm.messages).toMatch(/disk: fault: the answer to ADD_MEM_REG is held back for 20\d ms/);

    const text = await onHost(`orko-vmm vhost-log ${recording}`);
    process.stdout.write(`${text}\n`);
    expect(text).toMatch(/^disk \(VIRTIO_ID_BLOCK\), recorded from /);
    expect(text).toMatch(/<-- GET_FEATURES +answers 0x[0-9a-f]+\n +VIRTIO_BLK_F_/);
    expect(text).toMatch(/--> SET_VRING_ADDR +ring 0: in guest memory descriptors 0x[0-9a-f]+, available 0x/);
    expect(text).toMatch(/\*\*\* fault: the answer to ADD_MEM_REG is held back/);
    const replayed = await l1.run(`orko-vmm vhost-log ${recording} --replay ${folder}/disk.sock`);
    expect(replayed).toMatchObject({ exitCode: 0, stdout: '', stderr: expect.stringMatching(/all as recorded\n$/) });
  });

  test('nobody there, and a back-end of another kind', async () => {
    const none = await l1.run(`orko-vmm probe ${folder}/none.sock`);
    expect(none).toMatchObject({ exitCode: 69, stderr: expect.stringContaining('No such file or directory') });
    await onHost(`mkdir ${folder}/shared`);
    const command = `${VIRTIOFSD} --socket-path {socket} --shared-dir ${folder}/shared --sandbox none`;
    const wrong = await probe(`--type blk --command '${command}'`);
    expect(wrong.exitCode).toBe(BACK_END);
    expect(wrong.findings.map(({ severity }) => severity)).toContain('error');
  });
});
