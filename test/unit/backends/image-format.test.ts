import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { EDGE_BYTES, formatProblem, recogniseFormat } from '../../../src/backends/image-format.ts';

function edges(magic: string, at: number): [Uint8Array, Uint8Array] {
  const head = new Uint8Array(EDGE_BYTES);
  const tail = new Uint8Array(EDGE_BYTES);
  const target = at < 0 ? tail : head;
  target.set(
    [...magic].map((letter) => letter.charCodeAt(0)),
    at < 0 ? EDGE_BYTES + at : at,
  );
  return [head, tail];
}

test.each([
  ['qcow2', 'QFI\xfb\0\0\0\x03', 0],
  ['qcow2', 'QFI\xfb\0\0\0\x02', 0],
  ['qcow', 'QFI\xfb\0\0\0\x01', 0],
  ['QED', 'QED\0', 0],
  ['VMDK', 'KDMV', 0],
  ['VHDX', 'vhdxfile', 0],
  ['VDI', '\x7f\x10\xda\xbe', 0x40],
  ['VHD', 'conectix', -512],
  ['gzip-compressed', '\x1f\x8b\x08', 0],
  ['zstd-compressed', '\x28\xb5\x2f\xfd', 0],
])('recogniseFormat: %s', (name, magic, at) => {
  expect(recogniseFormat(...edges(magic, at))?.name).toBe(name);
  expect(recogniseFormat(...edges(`?${magic.slice(1)}`, at))).toBeUndefined();
});

test('recogniseFormat: what guests put on their disks is raw', () => {
  const partitionTable = new Uint8Array(512);
  partitionTable.set([0x55, 0xaa], 510);
  for (const head of [
    new Uint8Array(512),
    partitionTable,
    Buffer.from('LUKS\xba\xbe\0\x02', 'latin1'),
    new Uint8Array(),
  ]) {
    expect(recogniseFormat(head, new Uint8Array(512))).toBeUndefined();
  }
});

/** qemu-img makes real ones where it is installed. */
function qemuImg(format: string): Uint8Array | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'orko-image-'));
  try {
    execFileSync('qemu-img', ['create', '-q', '-f', format, join(directory, 'image'), '1M'], { stdio: 'pipe' });
    return readFileSync(join(directory, 'image'));
  } catch {
    return undefined;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test.each(['qcow2', 'qcow', 'qed', 'vmdk', 'vhdx', 'vdi', 'vpc', 'parallels'])(
  'recogniseFormat: a real %s image',
  (driver) => {
    const image = qemuImg(driver);
    if (image === undefined) return;
    const tail = image.subarray(-EDGE_BYTES);
    expect(recogniseFormat(image.subarray(0, EDGE_BYTES), tail)?.driver).toBe(driver);
  },
);

test('formatProblem: the line that it offers is YAML and names the file', () => {
  const [, line] = formatProblem({ name: 'qcow2', driver: 'qcow2', at: 0, magic: '' }, '/a, b/"x".qcow2', false).split(
    '\n',
  );
  const { backend } = parse(`{ ${line} }`) as { backend: { command: string[] } };
  expect(backend.command).toEqual([
    'qemu-storage-daemon',
    '--blockdev',
    'driver=qcow2,node-name=disk,file.driver=file,file.filename=/a,, b/"x".qcow2',
    '--export',
    'type=vhost-user-blk,id=export,node-name=disk,writable=on,addr.type=unix,addr.path={socket}',
  ]);
  expect(formatProblem({ name: 'qcow2', driver: 'qcow2', at: 0, magic: '' }, '/a', true)).toContain('read-only=on');
  expect(formatProblem({ name: 'gzip-compressed', at: 0, magic: '' }, '/a', true)).toContain('unpack it');
});
