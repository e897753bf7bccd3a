/** Shared memory of a device that another process serves: what the back-end may show the guest, and what it may not. */
import { mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { F_GET_SEALS, F_SEAL_SHRINK, MFD_ALLOW_SEALING, MFD_CLOEXEC } from '../../../src/abi/libc.ts';
import { Fd } from '../../../src/host/fd.ts';
import * as libc from '../../../src/host/libc.ts';
import { createMemfd } from '../../../src/host/mapping.ts';
import { pageSize } from '../../../src/host/page-size.ts';
import type { CreatedDevice } from '../../../src/io/protocol.ts';
import { BACK_END } from '../../../src/vhost-user/message.ts';
import {
  VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD,
  VHOST_USER_PROTOCOL_F_SHMEM,
} from '../../../src/vhost-user/protocol-features.ts';
import { BACK_END_REQUESTS } from '../../../src/vhost-user/requests.ts';
import { features } from '../../../src/virtio/features.ts';
import { PROTOCOL_OFFERED, type Script } from '../../support/scripted-back-end.ts';
import { ServedRig } from '../../support/served-rig.ts';
import { openFdCount } from '../../support/session-rig.ts';

const PAGE = pageSize();
const REGION = 3;
const REGION_BYTES = 16 * PAGE;
const WINDOW = 1;
const SHMEM = features(VHOST_USER_PROTOCOL_F_SHMEM, VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD);

/** Two regions, of which the second is used here. */
const sizes = Array.from({ length: 256 }, (_, id) => (id === 1 ? 1n : id === REGION ? BigInt(REGION_BYTES) : 0n));
const SCRIPT: Script = {
  GET_PROTOCOL_FEATURES: () => PROTOCOL_OFFERED | SHMEM,
  GET_SHMEM_CONFIG: () => sizes,
};

let fdCount: number;
let rig: ServedRig;
let file: Fd;
beforeEach(() => {
  fdCount = openFdCount();
  rig = new ServedRig();
  file = createMemfd('a test', REGION_BYTES);
});
afterEach(() => {
  file[Symbol.dispose]();
  rig[Symbol.dispose]();
  expect(openFdCount()).toBe(fdCount);
});

function create({ isPlaced = true, script = {} as Script } = {}): CreatedDevice {
  rig.listen({ ...SCRIPT, ...script });
  rig.create('{ type: rng, backend: { socket: PATH, reply-timeout-s: 1 } }');
  const { created } = rig.heard('created') as unknown as { created: CreatedDevice };
  if (isPlaced) created.windows.forEach((_, index) => void rig.device!.place(index, 0x1_0000_0000));
  return created;
}

interface Asked {
  readonly shmid?: number;
  readonly fd_offset?: bigint;
  readonly shm_offset?: bigint;
  readonly len?: bigint;
  readonly flags?: bigint;
}

/** The back-end asks; its answer is read by `status`. */
function ask(name: 'SHMEM_MAP' | 'SHMEM_UNMAP', asked: Asked = {}, fds = name === 'SHMEM_MAP' ? [file] : []): void {
  const body = { shmid: REGION, fd_offset: 0n, shm_offset: 0n, len: BigInt(PAGE), flags: 1n, ...asked };
  rig.backEnd.channel!.send(BACK_END.encodeRequest(name, body, true), fds);
}

function status(name: 'SHMEM_MAP' | 'SHMEM_UNMAP'): bigint {
  let bytes: Uint8Array | undefined;
  rig.until(() => {
    bytes ??= rig.backEnd.channel!.receive(20, 0)?.bytes;
    return bytes !== undefined;
  }, 'an answer');
  const acks = [0n, 1n].map((value) => BACK_END.encodeAck(BACK_END_REQUESTS[name].id, value));
  return BigInt(acks.findIndex((ack) => Buffer.compare(ack, bytes!) === 0));
}

const told = (kind: string) => rig.reports.filter((report) => report.kind === kind) as unknown as Piece[];
interface Piece {
  readonly piece: number;
  readonly pointer: bigint;
  readonly offset: number;
}

/** Shows a page; the guest has it. */
function show(asked: Asked = {}): Piece {
  const before = told('show').length;
  ask('SHMEM_MAP', asked);
  rig.until(() => told('show').length > before, 'the page');
  const shown = told('show').at(-1)!;
  rig.device!.shown(shown.piece, undefined);
  expect(status('SHMEM_MAP')).toBe(0n);
  return shown;
}

function refusal(): string {
  const logs = rig.reports.flatMap((report) => (report.kind === 'log' ? [report.message] : []));
  return logs.at(-1)!.replace(/^.*?sock: /, '');
}

test('the device has its regions as windows in which nothing lies, of whole pages', () => {
  expect(create().windows).toEqual([
    { what: 'shared memory 1 of dev', size: PAGE, pointer: undefined, readOnly: false, shmId: 1 },
    { what: 'shared memory 3 of dev', size: REGION_BYTES, pointer: undefined, readOnly: false, shmId: REGION },
  ]);
});

test('a piece is shown, as the file has it, and taken back; the answers come when the guest sees it, or not any more', () => {
  create();
  ask('SHMEM_MAP', { fd_offset: BigInt(PAGE), shm_offset: BigInt(2 * PAGE), len: BigInt(2 * PAGE) });
  rig.until(() => told('show').length === 1, 'the piece');
  const [shown] = told('show');
  expect(shown).toMatchObject({ window: WINDOW, offset: 2 * PAGE, size: 2 * PAGE, readOnly: false });
  expect(rig.backEnd.channel!.receive(20, 0)).toBeUndefined();
  new Uint8Array(libc.viewOf(shown!.pointer, PAGE))[0] = 77;
  rig.device!.shown(shown!.piece, undefined);
  expect(status('SHMEM_MAP')).toBe(0n);
  const target = new Uint8Array(1);
  readSync(file.number, target, 0, 1, PAGE);
  expect(target).toEqual(Uint8Array.of(77));

  ask('SHMEM_UNMAP', { shm_offset: BigInt(2 * PAGE), len: BigInt(2 * PAGE) });
  rig.until(() => told('hide').length === 1, 'the end of the piece');
  expect(rig.backEnd.channel!.receive(20, 0)).toBeUndefined();
  rig.device!.hidden(shown!.piece);
  expect(status('SHMEM_UNMAP')).toBe(0n);
  // The place is free again.
  show({ shm_offset: BigInt(2 * PAGE) });
});

test('what may only be read is shown so', () => {
  create();
  ask('SHMEM_MAP', { flags: 0n });
  rig.until(() => told('show').length === 1, 'the piece');
  expect(told('show')[0]).toMatchObject({ readOnly: true });
});

test('a piece that comes before the windows lie anywhere waits for that', () => {
  const { windows } = create({ isPlaced: false });
  ask('SHMEM_MAP');
  let turns = 0;
  rig.until(() => ++turns > 3, 'the request');
  expect(told('show')).toEqual([]);
  windows.forEach((_, index) => void rig.device!.place(index, 0x1_0000_0000));
  expect(told('show')).toHaveLength(1);
});

const big = 2n ** 63n;
test.each<[string, Asked, string]>([
  ['a region that there is not', { shmid: 9 }, 'it has no such region'],
  ['more than the region', { len: BigInt(REGION_BYTES + PAGE) }, `the region has ${REGION_BYTES} bytes`],
  ['a place behind its end', { shm_offset: BigInt(REGION_BYTES) }, `the region has ${REGION_BYTES} bytes`],
  ['numbers that overflow', { shm_offset: big, len: big }, `the region has ${REGION_BYTES} bytes`],
  ['nothing', { len: 0n }, `the region has ${REGION_BYTES} bytes`],
  ['half a page', { len: 2048n }, 'the places and sizes of memory are multiples of'],
  ['a page that lies askew', { shm_offset: 2048n }, 'the places and sizes of memory are multiples of'],
  ['a file that begins askew', { fd_offset: 2048n }, 'the places and sizes of memory are multiples of'],
  ['more than the file has', { fd_offset: BigInt(REGION_BYTES) }, 'that ends at'],
  ['no place of any file', { fd_offset: big }, 'that is said to have'],
])('B14 the back-end asks to show %s: refused, and it goes on', (_, asked, why) => {
  create();
  ask('SHMEM_MAP', asked);
  expect(status('SHMEM_MAP')).toBe(1n);
  expect(refusal()).toMatch(/^it may not show \d+ bytes at \d+ of shared memory region \d: /);
  expect(refusal()).toContain(why);
  show();
});

test('B14 a piece over another one is refused, beside it is fine', () => {
  create();
  show({ shm_offset: BigInt(PAGE), len: BigInt(2 * PAGE) });
  for (const [at, pages] of [
    [0, 2],
    [1, 1],
    [2, 4],
    [0, 8],
  ] as const) {
    ask('SHMEM_MAP', { shm_offset: BigInt(at * PAGE), len: BigInt(pages * PAGE) });
    expect(status('SHMEM_MAP')).toBe(1n);
    expect(refusal()).toContain('something is shown there');
  }
  show({ shm_offset: 0n });
  show({ shm_offset: BigInt(3 * PAGE) });
});

test.each<[string, (folder: string) => Fd, string]>([
  ['a file of a folder', plainFile, 'that comes as a file that may be cut short'],
  ['a folder', folderFile, 'that comes as a file that may be cut short'],
  ['a memfd without seals', () => memfd(0), 'that comes as a file that may be cut short'],
  ['something that is no file', () => Fd.open('/dev/zero', 2), 'that comes as a file that may be cut short'],
])('B14 the back-end shows %s: refused', (_, make, why) => {
  using other = make(rig.folder);
  create();
  ask('SHMEM_MAP', {}, [other]);
  expect(status('SHMEM_MAP')).toBe(1n);
  expect(refusal()).toContain(why);
});

function plainFile(folder: string): Fd {
  writeFileSync(join(folder, 'plain'), new Uint8Array(PAGE));
  return new Fd(openSync(join(folder, 'plain'), 'r+'));
}

function folderFile(folder: string): Fd {
  mkdirSync(join(folder, 'sub'));
  return new Fd(openSync(join(folder, 'sub'), 'r'));
}

function memfd(flags: number): Fd {
  const fd = new Fd(libc.memfd_create('test', MFD_CLOEXEC | flags));
  libc.ftruncate(fd.number, PAGE);
  return fd;
}

test('a memfd that can be sealed is sealed, so that nobody cuts it short', () => {
  create();
  using open = memfd(MFD_ALLOW_SEALING);
  ask('SHMEM_MAP', {}, [open]);
  rig.until(() => told('show').length === 1, 'the piece');
  expect(libc.fcntl(open.number, F_GET_SEALS, 0) & F_SEAL_SHRINK).toBe(F_SEAL_SHRINK);
  expect(libc.ftruncate(open.number, 0)).toBe(-1);
});

test('B15 what was not shown so cannot be taken back', () => {
  create();
  show({ len: BigInt(2 * PAGE) });
  for (const asked of [{}, { len: BigInt(3 * PAGE) }, { shm_offset: BigInt(PAGE) }]) {
    ask('SHMEM_UNMAP', asked);
    expect(status('SHMEM_UNMAP')).toBe(1n);
    expect(refusal()).toMatch(/^it may not take back .*: it was not shown so$/);
  }
});

test('B14 256 pieces are the most', () => {
  const many = sizes.map((size, id) => (id === REGION ? BigInt(300 * PAGE) : size));
  create({ script: { GET_SHMEM_CONFIG: () => many } });
  for (let piece = 0; piece < 256; piece++) show({ shm_offset: BigInt(piece * PAGE) });
  ask('SHMEM_MAP', { shm_offset: BigInt(256 * PAGE) });
  expect(status('SHMEM_MAP')).toBe(1n);
  expect(refusal()).toContain('256 pieces are the most');
});

test('KVM does not take it: refused', () => {
  create();
  ask('SHMEM_MAP');
  rig.until(() => told('show').length === 1, 'the piece');
  rig.device!.shown(told('show')[0]!.piece, 'Cannot set a memory slot: No space');
  expect(status('SHMEM_MAP')).toBe(1n);
  expect(refusal()).toBe('it may not show memory: Cannot set a memory slot: No space');
});

test('a reset takes all of it back, before it is done; what the back-end asks for meanwhile is answered at once', () => {
  let isStopping = false;
  create({
    script: {
      GET_VRING_BASE: ({ body }) => {
        isStopping = true;
        // As one that cannot stop before it has its answers.
        ask('SHMEM_UNMAP');
        return { ...(body as object), num: 0 };
      },
    },
  });
  const shown = show();
  rig.activate();
  ask('SHMEM_MAP', { shm_offset: BigInt(PAGE) });
  rig.until(() => told('show').length === 2, 'a second piece');
  let isDone = false;
  rig.device!.reset(() => {
    isDone = true;
  });
  expect(told('hide')).toHaveLength(2);
  expect(status('SHMEM_MAP')).toBe(1n);
  rig.until(() => isStopping, 'the end of the ring');
  expect(status('SHMEM_UNMAP')).toBe(0n);
  rig.until(() => isDone, 'the reset');
  // The main thread comes to it now.
  const second = told('show').at(-1)!;
  rig.device!.shown(second.piece, undefined);
  rig.device!.hidden(shown.piece);
  rig.device!.hidden(second.piece);
  show();
});

test('a back-end that is lost: its pieces are taken back, and the next one may show its own there', () => {
  create();
  const shown = show();
  rig.backEnd[Symbol.dispose]();
  rig.until(() => rig.backEnds.length === 2 && rig.backEnd.channel !== undefined, 'another one');
  expect(told('hide')).toMatchObject([{ piece: shown.piece }]);
  rig.until(() => rig.backEnd.heard.includes('GET_SHMEM_CONFIG'), 'its regions');
  show();
});

test('the next one has other regions: it cannot be used', () => {
  let mine = sizes;
  create({ script: { GET_SHMEM_CONFIG: () => mine } });
  mine = sizes.map((size) => size * 2n);
  rig.backEnd[Symbol.dispose]();
  rig.until(() => /other regions of shared memory/.test(JSON.stringify(told('log'))), 'its end');
});

test('B16 regions that no guest can address', () => {
  rig.listen({ ...SCRIPT, GET_SHMEM_CONFIG: () => sizes.map((size) => (size > 0n ? 2n ** 60n : 0n)) });
  rig.create('{ type: rng, backend: PATH }');
  expect(rig.heard('refused')).toMatchObject({
    error: { message: expect.stringContaining('it has more shared memory than a guest can address (region 1)') },
  });
});

test('one that never said that it has shared memory asks to show some: refused', () => {
  rig.listen();
  rig.create('{ type: rng, backend: PATH }');
  rig.heard('created');
  ask('SHMEM_MAP');
  expect(status('SHMEM_MAP')).toBe(1n);
  expect(refusal()).toContain('it has no such region');
});
