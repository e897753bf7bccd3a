import { describe, expect, test } from 'vitest';
import { formatDts } from '../../../src/fdt/dts.ts';
import { readDtb } from '../../../src/fdt/reader.ts';
import { FdtNode, FdtTree } from '../../../src/fdt/tree.ts';
import { writeDtb } from '../../../src/fdt/writer.ts';
import { compile, dtcMissing } from './dtc.ts';
import { makeRandom, randomTree, seed } from './random-tree.ts';

const words = (blob: Uint8Array, offset: number, count: number) =>
  Array.from({ length: count }, (_, index) => new DataView(blob.buffer, blob.byteOffset).getUint32(offset + 4 * index));

test('writeDtb: header and tokens of the smallest tree with a property', () => {
  const blob = writeDtb(new FdtTree(new FdtNode('', { a: 7 }), [], 3));

  expect(words(blob, 0, 10)).toEqual([0xd00dfeed, 90, 56, 88, 40, 17, 16, 3, 2, 32]);
  expect(words(blob, 40, 4)).toEqual([0, 0, 0, 0]);
  expect(words(blob, 56, 8)).toEqual([1, 0, 3, 4, 0, 7, 2, 9]);
  expect([...blob.subarray(88)]).toEqual([0x61, 0]);
});

test('writeDtb: reservations come first, names share their tails', () => {
  const tree = new FdtTree(new FdtNode('', { status: 1, us: 2, tus: 3 }), [{ address: 1n << 32n, size: 4096n }]);
  const blob = writeDtb(tree);
  expect(words(blob, 40, 8)).toEqual([1, 0, 0, 4096, 0, 0, 0, 0]);
  expect(new TextDecoder().decode(blob.subarray(words(blob, 12, 1)[0]))).toBe('status\0');
});

test('writeDtb, readDtb: what was written is read, and written again it is the same', () => {
  const random = makeRandom(seed);
  for (let round = 0; round < 100; round++) {
    const tree = randomTree(random);
    const blob = writeDtb(tree);
    const again = readDtb(blob, 'random');
    expect(formatDts(again), `seed ${seed} round ${round}`).toBe(formatDts(tree));
    expect(Buffer.compare(writeDtb(again), blob), `seed ${seed} round ${round}`).toBe(0);
  }
});

test('writeDtb: a tree larger than the first buffer', () => {
  const root = new FdtNode('', { big: new Uint8Array(100_000).fill(7) });
  for (let index = 0; index < 500; index++) root.add(new FdtNode(`node-${index}`, { index }));
  const again = readDtb(writeDtb(new FdtTree(root)), 'large').root;
  expect(again.properties.get('big')).toHaveLength(100_000);
  expect([...again.children.keys()]).toEqual([...root.children.keys()]);
});

describe.skipIf(dtcMissing)(`with dtc${dtcMissing ? `: ${dtcMissing}` : ''}`, () => {
  test('writeDtb, formatDts: dtc makes the same bytes of the text', () => {
    const random = makeRandom(seed);
    for (let round = 0; round < 15; round++) {
      const tree = randomTree(random);
      const text = formatDts(tree);
      const { output } = compile(text, '-q', '-q', '-f', '-b', '0');
      expect(Buffer.compare(output, writeDtb(tree)), `seed ${seed} round ${round}\n${text}`).toBe(0);
    }
  });
});
