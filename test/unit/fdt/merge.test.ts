import { expect, test } from 'vitest';
import { formatDts } from '../../../src/fdt/dts.ts';
import { mergeNode } from '../../../src/fdt/merge.ts';
import { FdtNode, FdtTree } from '../../../src/fdt/tree.ts';

test('mergeNode: properties are replaced, nodes merged by name, labels moved, phandles kept', () => {
  const inner = new FdtNode('inner', { a: 1, phandle: 5 });
  inner.labels.add('old');
  const tree = new FdtTree(new FdtNode('', { top: 1 }, [inner]));
  const newInner = new FdtNode('inner', { phandle: 9, a: 2, b: 3 }, [new FdtNode('leaf', { phandle: 10 })]);
  newInner.labels.add('new');
  const other = new FdtNode('other');
  other.labels.add('old');
  const kept: number[][] = [];

  mergeNode(tree, tree.root, new FdtNode('__overlay__', { top: 2 }, [newInner, other]), (...pair) => kept.push(pair));

  expect(kept).toEqual([[9, 5]]);
  expect(formatDts(tree)).toBe(`/dts-v1/;

/ {
	top = <0x2>;

	new: inner {
		a = <0x2>;
		phandle = <0x5>;
		b = <0x3>;

		leaf {
			phandle = <0xa>;
		};
	};

	old: other {
	};
};
`);
});
