import { expect, test } from 'vitest';
import { formatDts } from '../../../src/fdt/dts.ts';
import { FdtNode, FdtTree } from '../../../src/fdt/tree.ts';

const line = (name: string, value: ConstructorParameters<typeof FdtNode>[1]) =>
  formatDts(new FdtTree(new FdtNode('', value)))
    .split('\n')
    .find((text) => text.includes(name))
    ?.trim();

test('formatDts: text as text, cells as cells, the rest as bytes', () => {
  expect(line('p', { p: true })).toBe('p;');
  expect(line('p', { p: ['a"b', 'c\\\n'] })).toBe('p = "a\\"b", "c\\\\\\n";');
  expect(line('p', { p: '' })).toBe('p = [00];');
  expect(line('p', { p: ['a', ''] })).toBe('p = [61 00 00];');
  expect(line('p', { p: [0, 24, 0x1_0000_0000n] })).toBe('p = <0x0 0x18 0x1 0x0>;');
  expect(line('p', { p: Uint8Array.of(1, 0xab, 3) })).toBe('p = [01 ab 03];');
});

test('formatDts: reservations, labels, nested nodes', () => {
  const leaf = new FdtNode('leaf@1', { reg: 1 });
  leaf.labels.add('a').add('b');
  const tree = new FdtTree(new FdtNode('', { x: 1 }, [new FdtNode('soc', {}, [leaf]), new FdtNode('empty')]), [
    { address: 0x10000n, size: 4096n },
  ]);
  expect(formatDts(tree)).toBe(`/dts-v1/;

/memreserve/ 0x10000 0x1000;
/ {
	x = <0x1>;

	soc {
		a: b: leaf@1 {
			reg = <0x1>;
		};
	};

	empty {
	};
};
`);
});

test('formatDts: references to labelled nodes, each with its own number of cells', () => {
  const gpio = new FdtNode('gpio', { '#gpio-cells': 2 });
  const plain = new FdtNode('plain', { '#gpio-cells': 1 });
  const tree = new FdtTree();
  const user = new FdtNode('user', {
    'reset-gpios': [tree.phandleOf(gpio), 1, 2, tree.phandleOf(plain), 1, tree.phandleOf(gpio), 2, 1],
    'interrupt-parent': tree.phandleOf(gpio),
    constructor: tree.phandleOf(gpio),
    gpios: [99, tree.phandleOf(gpio)],
  });
  for (const node of [gpio, plain, user]) tree.root.add(node);
  gpio.labels.add('gpio0');

  const text = formatDts(tree);

  expect(text).toContain('reset-gpios = <&gpio0 0x1 0x2 0x2 0x1 &gpio0 0x2 0x1>;');
  expect(text).toContain('interrupt-parent = <&gpio0>;');
  expect(text).toContain('constructor = <0x1>;');
  expect(text).toContain(' gpios = <0x63 0x1>;'.trim());
});
