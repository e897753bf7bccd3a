import { expect, test } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { addSymbols, isLabel, takeSymbols } from '../../../src/fdt/symbols.ts';
import { FdtNode, FdtTree } from '../../../src/fdt/tree.ts';

test('addSymbols, takeSymbols: labels go into the blob and come back, labelled nodes get phandles', () => {
  const node = new FdtNode('node@1');
  node.labels.add('one').add('uno');
  const tree = new FdtTree(new FdtNode('', {}, [node]));

  addSymbols(tree);

  expect(node.phandle).toBe(1);
  expect([...tree.find('/__symbols__')!.properties.keys()]).toEqual(['one', 'uno']);
  node.labels.clear();
  takeSymbols(tree, 'x.dtb');
  expect([...node.labels]).toEqual(['one', 'uno']);
  expect(tree.find('/__symbols__')).toBeUndefined();
});

test.each<[string, Record<string, string | number>]>([
  ['a path to nothing', { a: '/nothing' }],
  ['no path', { a: 1 }],
  ['a relative path', { a: 'node' }],
  ['no label', { 'a-b': '/' }],
])('takeSymbols: %s is refused with a sentence', (_, symbols) => {
  const tree = new FdtTree(new FdtNode('', {}, [new FdtNode('__symbols__', symbols)]));
  expect(() => takeSymbols(tree, 'x.dtb')).toThrow(ConfigError);
});

test('isLabel: as dtc reads them', () => {
  expect(['uart0', '_x', 'A_1'].every(isLabel)).toBe(true);
  expect(['', '0a', 'a-b', 'a b', 'é'].some(isLabel)).toBe(false);
});
