import { expect, test } from 'vitest';
import { FdtNode, FdtTree } from '../../../src/fdt/tree.ts';

function sample(): { tree: FdtTree; uart: FdtNode; other: FdtNode } {
  const uart = new FdtNode('uart@1000', { status: 'okay' });
  const other = new FdtNode('uart@2000');
  const single = new FdtNode('soc@0', {}, [uart, other]);
  const aliases = new FdtNode('aliases', { serial0: '/soc@0/uart@1000', soc: '/soc@0', broken: 'soc' });
  return { tree: new FdtTree(new FdtNode('', {}, [aliases, single])), uart, other };
}

test('find: paths, unit addresses left out where that is clear, aliases', () => {
  const { tree, uart, other } = sample();
  expect(tree.find('/')).toBe(tree.root);
  expect(tree.find('/soc@0/uart@2000')).toBe(other);
  expect(tree.find('/soc/uart@1000')).toBe(uart);
  expect(tree.find('/soc/uart')).toBeUndefined();
  expect(tree.find('/soc@1')).toBeUndefined();
  expect(tree.find('serial0')).toBe(uart);
  expect(tree.find('soc/uart@2000')).toBe(other);
  expect(tree.find('broken')).toBeUndefined();
  expect(tree.find('nothing')).toBeUndefined();
});

test('setLabel, resolve: a label has one owner and goes before aliases', () => {
  const { tree, uart, other } = sample();
  tree.setLabel(uart, 'console');
  expect(tree.resolve('&console')).toBe(uart);
  tree.setLabel(other, 'console');
  expect(tree.resolve('console')).toBe(other);
  expect(tree.resolve('serial0')).toBe(uart);
  tree.setLabel(other, 'serial0');
  expect(tree.resolve('serial0')).toBe(other);
  expect(tree.labels()).toEqual(['console', 'serial0']);
});

test('pathOf: from the root, and a bug for a stranger', () => {
  const { tree, uart } = sample();
  expect(tree.pathOf(tree.root)).toBe('/');
  expect(tree.pathOf(uart)).toBe('/soc@0/uart@1000');
  expect(() => tree.pathOf(new FdtNode('x'))).toThrow(/not in the tree/);
});

test('phandleOf: new ones come after all in use, also before nodes are added', () => {
  const { tree, uart, other } = sample();
  uart.set('phandle', 7);
  const early = new FdtNode('early');
  expect(tree.phandleOf(early)).toBe(8);
  expect(tree.phandleOf(other)).toBe(9);
  expect(tree.phandleOf(other)).toBe(9);
  expect(tree.phandleOf(uart)).toBe(7);
  expect(tree.withPhandle(9)).toBe(other);
  expect(tree.withPhandle(8)).toBeUndefined();
  expect(tree.phandleLast()).toBe(9);
});

test('phandle: the two values that mean none, and the old spelling', () => {
  expect(new FdtNode('n', { phandle: 0 }).phandle).toBeUndefined();
  expect(new FdtNode('n', { phandle: 0xffff_ffff }).phandle).toBeUndefined();
  expect(new FdtNode('n', { phandle: [1, 2] }).phandle).toBeUndefined();
  expect(new FdtNode('n', { 'linux,phandle': 3 }).phandle).toBe(3);
});

test('FdtNode: a name twice, or none, is our own mistake', () => {
  const node = new FdtNode('n', {}, [new FdtNode('a')]);
  expect(() => node.add(new FdtNode('a'))).toThrow(/Bug.*second node/);
  expect(() => node.add(new FdtNode(''))).toThrow(/Bug/);
  expect(() => new FdtNode('a/b')).toThrow(/Bug.*node name/);
  expect(() => node.set('a b', 1)).toThrow(/Bug.*property name/);
});
