import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { formatDts } from '../../../src/fdt/dts.ts';
import { applyOverlay } from '../../../src/fdt/overlay.ts';
import { readDtb } from '../../../src/fdt/reader.ts';
import { addSymbols, takeSymbols } from '../../../src/fdt/symbols.ts';
import { FdtNode, FdtTree, PHANDLE_MAX } from '../../../src/fdt/tree.ts';
import { writeDtb } from '../../../src/fdt/writer.ts';
import { compile, decompile, dtcMissing, fdtoverlay } from './dtc.ts';
import { damage, makeRandom, seed } from './random-tree.ts';

const BASE = `/dts-v1/;
/ {
  #address-cells = <1>; #size-cells = <1>;
  aliases { serial0 = &uart0; };
  chosen { bootargs = "quiet"; };
  soc: soc@0 {
    #address-cells = <1>; #size-cells = <1>; ranges; compatible = "simple-bus"; reg = <0 0x1000>;
    uart0: uart@1000 { reg = <0x1000 0x100>; status = "disabled"; };
    gpio0: gpio@2000 { reg = <0x2000 0x100>; gpio-controller; #gpio-cells = <2>; };
  };
};`;

const OVERLAYS: Record<string, string> = {
  'properties by label': '&uart0 { status = "okay"; new-property; reg = <0x1000 0x200>; };',
  'nodes by path': '&{/} { leds { compatible = "gpio-leds"; led-0 { gpios = <&gpio0 5 0>; }; }; };',
  'nodes merged deeper':
    '&{/soc@0} { uart@1000 { status = "okay"; child { x = <1>; }; }; extra@3000 { reg = <0x3000 1>; }; };',
  'local labels': `&soc {
    key: key@4000 { reg = <0x4000 1>; }; lock@5000 { reg = <0x5000 1>; keys = <&key 1 &key 2>, <&gpio0>; path = &key; };
  };`,
  'a fragment for what an earlier one added':
    '&soc { bus: bus { a; }; }; &bus { device { b; }; }; &{/soc@0/bus/device} { c; };',
  'unaligned references': '&soc { l: l { mixed = [00], "text", <&gpio0 &l>; }; };',
  'fragments written out': `/ {
    fragment@0 { target = <&uart0>; __overlay__ { a = <1>; }; };
    fragment@7 { target-path = "/chosen"; __overlay__ { bootargs = "debug"; x { y; }; }; };
    fragment@8 { target-path = "serial0"; __overlay__ { by-alias; }; };
  };`,
};

const plugin = (text: string): string => `/dts-v1/; /plugin/;\n${text}`;
const overlayOf = (text: string): Uint8Array => compile(plugin(text), '-@', '-q', '-q').output;

function baseTree(): FdtTree {
  const tree = readDtb(compile(BASE, '-@', '-q').output, 'base.dtb');
  takeSymbols(tree, 'base.dtb');
  return tree;
}

/** A small tree with labels, as the VMM makes it: without /__symbols__, without phandles. */
function ownTree(): FdtTree {
  const uart = new FdtNode('uart', { status: 'disabled' });
  uart.labels.add('uart0');
  return new FdtTree(new FdtNode('', {}, [uart]));
}

/** An overlay built by hand, for what dtc would not write. */
function handMade(...children: readonly FdtNode[]): Uint8Array {
  return writeDtb(new FdtTree(new FdtNode('', {}, children)));
}

const fragment = (properties: ConstructorParameters<typeof FdtNode>[1], overlay = new FdtNode('__overlay__')) =>
  new FdtNode('fragment@0', properties, [overlay]);

describe.skipIf(dtcMissing)(`with dtc${dtcMissing ? `: ${dtcMissing}` : ''}`, () => {
  test.each(Object.keys(OVERLAYS))('applyOverlay: %s, as fdtoverlay does it', (name) => {
    const tree = baseTree();
    const overlay = overlayOf(OVERLAYS[name]!);

    applyOverlay(tree, overlay, 'x.dtbo');

    addSymbols(tree);
    const expected = fdtoverlay(compile(BASE, '-@', '-q').output, overlay);
    expect(decompile(writeDtb(tree), '-s', '-q').text).toBe(decompile(expected, '-s', '-q').text);
  });

  test('applyOverlay: several in a row, the later ones using labels of the earlier, as fdtoverlay does it', () => {
    const overlays = [...Object.values(OVERLAYS), '&key { found; by = <&bus>; };'].map(overlayOf);
    const tree = baseTree();
    for (const overlay of overlays) applyOverlay(tree, overlay, 'x.dtbo');
    addSymbols(tree);
    const expected = fdtoverlay(compile(BASE, '-@', '-q').output, ...overlays);
    expect(decompile(writeDtb(tree), '-s', '-q').text).toBe(decompile(expected, '-s', '-q').text);
  });

  test('applyOverlay: a labelled node without phandle gets one, and no /__symbols__ appears', () => {
    const tree = ownTree();
    applyOverlay(tree, overlayOf('&uart0 { status = "okay"; self = <&uart0>; };'), 'x.dtbo');
    expect(formatDts(tree)).toBe(`/dts-v1/;

/ {
	uart0: uart {
		status = "okay";
		phandle = <0x1>;
		self = <0x1>;
	};
};
`);
  });

  test('applyOverlay: a node keeps its phandle, and the overlay refers to it by that', () => {
    const tree = baseTree();
    const before = tree.labelled('gpio0')!.phandle!;
    const pins = 'fragment@9 { target = <&gpio0>; pins: __overlay__ { in: in {}; }; };';
    applyOverlay(tree, overlayOf(`/ { ${pins} }; &soc { user { a = <&pins 1 &in>; }; };`), 'x.dtbo');
    const user = tree.find('/soc@0/user')!;
    expect(tree.labelled('pins')).toBe(tree.labelled('gpio0'));
    expect(tree.labelled('pins')!.phandle).toBe(before);
    expect([...user.properties.get('a')!]).toEqual([
      0,
      0,
      0,
      before,
      0,
      0,
      0,
      1,
      0,
      0,
      0,
      tree.labelled('in')!.phandle,
    ]);
  });

  test('applyOverlay: an unknown label is named, with its fragment and what there is', () => {
    const overlay = overlayOf('&uart0 { a; }; &uart9 { status = "okay"; };');
    expect(() => applyOverlay(baseTree(), overlay, 'x.dtbo')).toThrow(
      'Cannot apply the device tree overlay x.dtbo: fragment@1 refers to the label uart9, which is missing; the labels are: gpio0, soc, uart0',
    );
    expect(() => applyOverlay(baseTree(), overlay, 'x.dtbo')).toThrow(ConfigError);
  });

  test('applyOverlay: a path that is missing is named', () => {
    expect(() => applyOverlay(baseTree(), overlayOf('&{/soc@0/nothing} { a; };'), 'x.dtbo')).toThrow(
      'fragment@0 is for /soc@0/nothing, and the device tree has no such node',
    );
  });

  test('applyOverlay: a whole device tree is no overlay', () => {
    expect(() => applyOverlay(baseTree(), compile(BASE, '-q').output, 'x.dtb')).toThrow(/no fragment.*\/plugin\//);
  });

  test('applyOverlay: damaged overlays are applied or refused, nothing else', () => {
    const random = makeRandom(seed);
    const overlays = Object.values(OVERLAYS).map(overlayOf);
    const base = compile(BASE, '-@', '-q').output;
    for (let round = 0; round < 500; round++) {
      const tree = readDtb(base, 'base.dtb');
      takeSymbols(tree, 'base.dtb');
      try {
        applyOverlay(tree, damage(overlays[random(overlays.length)]!, random), 'x.dtbo');
        writeDtb(tree);
      } catch (error) {
        expect(error, `seed ${seed} round ${round}`).toBeInstanceOf(ConfigError);
      }
    }
  });
});

const CELL = new Uint8Array(4);

test.each<[string, Uint8Array, RegExp]>([
  ['a fragment without content', handMade(new FdtNode('fragment@3')), /fragment@3 has no node __overlay__/],
  ['no target', handMade(fragment({})), /fragment@0 has neither target nor target-path/],
  ['a target that was never filled in', handMade(fragment({ target: 0xffffffff })), /target of fragment@0 is no node/],
  ['a target of the wrong size', handMade(fragment({ target: [1, 2] })), /target of fragment@0 is no node/],
  ['fixups that are no text', handMade(fragment({}), new FdtNode('__fixups__', { uart0: 1 })), /no list of places/],
  [
    'a fixup that is no place',
    handMade(fragment({}), new FdtNode('__fixups__', { uart0: '/fragment@0:target' })),
    /__fixups__ names "\/fragment@0:target", which is no place/,
  ],
  [
    'a fixup outside its property',
    handMade(fragment({ target: CELL }), new FdtNode('__fixups__', { uart0: '/fragment@0:target:1' })),
    /target:1", which is no place/,
  ],
  [
    'a local fixup outside its property',
    handMade(
      fragment({ target: CELL }),
      new FdtNode('__local_fixups__', {}, [new FdtNode('fragment@0', { target: 4 })]),
    ),
    /__local_fixups__ names \/fragment@0:target:4, and there is no phandle/,
  ],
  [
    'local fixups that are no cells',
    handMade(fragment({}), new FdtNode('__local_fixups__', { x: Uint8Array.of(1) })),
    /__local_fixups__ of :x is no list of cells/,
  ],
  [
    'a local fixup of a missing node',
    handMade(fragment({}), new FdtNode('__local_fixups__', {}, [new FdtNode('gone')])),
    /__local_fixups__ names \/gone, and there is no such node/,
  ],
  [
    'a phandle that has no room left',
    handMade(fragment({ 'target-path': '/' }, new FdtNode('__overlay__', { phandle: PHANDLE_MAX }))),
    /phandles and those in use \(up to 1\) are too many/,
  ],
  [
    'a label of nothing',
    handMade(fragment({ 'target-path': '/' }), new FdtNode('__symbols__', { a: '/fragment@0/gone' })),
    /label a names \/fragment@0\/gone, which is no node/,
  ],
])('applyOverlay: %s is refused with a sentence', (_, blob, sentence) => {
  const tree = ownTree();
  tree.phandleOf(tree.labelled('uart0')!);
  expect(() => applyOverlay(tree, blob, 'x.dtbo')).toThrow(ConfigError);
  expect(() => applyOverlay(tree, blob, 'x.dtbo')).toThrow(/^Cannot (apply|read) the device tree/);
  expect(() => applyOverlay(tree, blob, 'x.dtbo')).toThrow(sentence);
});
