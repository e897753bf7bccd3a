import { expect, test } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { Header } from '../../../src/fdt/blob.ts';
import { readDtb } from '../../../src/fdt/reader.ts';
import { FdtNode, FdtTree } from '../../../src/fdt/tree.ts';
import { writeDtb } from '../../../src/fdt/writer.ts';
import { damage, makeRandom, randomTree, seed } from './random-tree.ts';

const NODE = 1;
const END_NODE = 2;
const PROP = 3;
const NOP = 4;
const END = 9;

/** A blob with the given words as its structure block and `strings` as its strings block. */
function blobOf(structure: readonly number[], strings = 'p\0'): Uint8Array {
  const blob = new Uint8Array(56 + structure.length * 4 + strings.length);
  const view = new DataView(blob.buffer);
  const end = 56 + structure.length * 4;
  const header = [0xd00dfeed, blob.length, 56, end, 40, 17, 16, 0, strings.length, structure.length * 4];
  for (const [index, word] of [...header, 0, 0, 0, 0, ...structure].entries()) view.setUint32(index * 4, word);
  blob.set(new TextEncoder().encode(strings), end);
  return blob;
}

function withHeader(field: keyof typeof Header, value: number): Uint8Array {
  const blob = writeDtb(new FdtTree(new FdtNode('', { p: 1 })));
  new DataView(blob.buffer).setUint32(Header[field], value);
  return blob;
}

const name = (text: string): number[] => {
  const bytes = new Uint8Array(Math.ceil((text.length + 1) / 4) * 4);
  bytes.set(new TextEncoder().encode(text));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(index * 4));
};

test('readDtb: NOPs are skipped, trailing bytes do not matter', () => {
  const blob = blobOf([NOP, NODE, 0, NOP, PROP, 0, 0, NODE, ...name('child'), END_NODE, NOP, END_NODE, NOP, END]);
  const tree = readDtb(new Uint8Array([...blob, 1, 2, 3]), 'nops');
  expect([...tree.root.properties]).toEqual([['p', new Uint8Array()]]);
  expect([...tree.root.children.keys()]).toEqual(['child']);
});

test('readDtb: values are copies, also of a Buffer', () => {
  const blob = Buffer.from(writeDtb(new FdtTree(new FdtNode('', { p: 1 }))));
  const tree = readDtb(blob, 'copy');
  blob.fill(0);
  expect(tree.root.properties.get('p')).toEqual(Uint8Array.of(0, 0, 0, 1));
});

const deep = (depth: number) => [
  ...Array.from({ length: depth }, (_, index) => [NODE, ...(index === 0 ? [0] : name('n'))]).flat(),
  ...new Array<number>(depth).fill(END_NODE),
  END,
];

test('readDtb: 64 nodes deep is read', () => {
  expect([...readDtb(blobOf(deep(64)), 'deep').nodes()]).toHaveLength(64);
});

test.each<[string, Uint8Array, RegExp]>([
  ['text instead of a blob', new TextEncoder().encode('/dts-v1/;\n/ {};\n'), /no compiled device tree; compile/],
  ['nothing', new Uint8Array(), /ends after 0 bytes/],
  ['half a header', writeDtb(new FdtTree()).slice(0, 20), /ends after 20 bytes, inside its header/],
  ['an old version', withHeader('version', 16), /version 16, and only version 17/],
  ['a future version', withHeader('last_comp_version', 18), /only version 17/],
  ['a size below the header', withHeader('totalsize', 39), /39 bytes long/],
  ['a cut-off file', writeDtb(new FdtTree()).slice(0, -1), /cut off: its header says \d+ bytes, there are/],
  ['structure outside', withHeader('off_dt_struct', 0x7ffffffc), /structure block .* does not lie inside/],
  ['structure unaligned', withHeader('off_dt_struct', 57), /not aligned to 4/],
  ['structure too long', withHeader('size_dt_struct', 0xfffffffc), /structure block .* does not lie inside/],
  ['strings outside', withHeader('size_dt_strings', 0xffffffff), /strings block .* does not lie inside/],
  ['reservations outside', withHeader('off_mem_rsvmap', 0xfffffff8), /reservation block .* does not lie inside/],
  ['reservations without end', withHeader('off_mem_rsvmap', 80), /reservation block does not end/],
  ['an empty structure', blobOf([]), /structure block ends too early/],
  ['no root', blobOf([END]), /starts with token 9 instead of a root/],
  ['a named root', blobOf([NODE, ...name('root'), END_NODE, END]), /root node is called "root"/],
  ['an endless name', blobOf([NODE, 0x61616161]), /name of a node in \/ runs past/],
  ['an open node', blobOf([NODE, 0]), /ends too early/],
  ['no end', blobOf([NODE, 0, END_NODE]), /ends too early/],
  ['two roots', blobOf([NODE, 0, END_NODE, NODE, 0, END_NODE, END]), /token 1 follows the root/],
  ['an unknown token', blobOf([NODE, 0, 5, END_NODE, END]), /unknown token 5 at 8 .* in node \//],
  ['a node name with a slash', blobOf([NODE, 0, NODE, ...name('a/b'), END_NODE]), /in \/ has the name "a\/b"/],
  ['a nameless child', blobOf([NODE, 0, NODE, 0, END_NODE]), /in \/ has the name ""/],
  ['twins', blobOf([NODE, 0, NODE, ...name('a'), END_NODE, NODE, ...name('a')]), /\/ has two nodes called a/],
  ['a property twice', blobOf([NODE, 0, PROP, 0, 0, PROP, 0, 0]), /\/ has two properties called p/],
  ['a late property', blobOf([NODE, 0, NODE, ...name('a'), END_NODE, PROP, 0, 0]), /property of \/ follows a node/],
  ['a property name outside', blobOf([NODE, 0, PROP, 0, 2]), /name at 2, outside the strings block/],
  ['an unfinished property name', blobOf([NODE, 0, PROP, 0, 0], 'p'), /outside the strings block/],
  ['a bad property name', blobOf([NODE, 0, PROP, 0, 0], 'p q\0'), /property of \/ has the name "p q"/],
  ['a long property', blobOf([NODE, 0, PROP, 0xffffffff, 0]), /property p of \/ says it has 4294967295 bytes/],
  ['65 nodes deep', blobOf(deep(65)), /more than 64 deep/],
])('readDtb: %s is refused with a sentence', (_, blob, sentence) => {
  expect(() => readDtb(blob, 'board.dtb')).toThrow(ConfigError);
  expect(() => readDtb(blob, 'board.dtb')).toThrow(sentence);
  expect(() => readDtb(blob, 'board.dtb')).toThrow(/^Cannot read the device tree board.dtb: /);
});

test('readDtb: damaged blobs are read or refused, nothing else', () => {
  const random = makeRandom(seed);
  let refused = 0;
  for (let round = 0; round < 1000; round++) {
    const blob = damage(writeDtb(randomTree(random)), random);
    try {
      writeDtb(readDtb(blob, 'damaged'));
    } catch (error) {
      expect(error, `seed ${seed} round ${round}`).toBeInstanceOf(ConfigError);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(0);
});
