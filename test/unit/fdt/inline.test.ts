import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ConfigError } from '../../../src/base/errors.ts';
import { formatDts } from '../../../src/fdt/dts.ts';
import { mergeInlineOverlay } from '../../../src/fdt/inline.ts';
import { FdtNode, FdtTree } from '../../../src/fdt/tree.ts';

function sample(): FdtTree {
  const uart = new FdtNode('uart@1000', { status: 'disabled', old: true }, [new FdtNode('child')]);
  uart.labels.add('uart0');
  const aliases = new FdtNode('aliases', { serial0: '/uart@1000' });
  return new FdtTree(new FdtNode('', {}, [aliases, uart]));
}

function merged(yaml: string): FdtTree {
  const tree = sample();
  mergeInlineOverlay(tree, parse(yaml), 'deviceTree');
  return tree;
}

test('mergeInlineOverlay: every kind of value, nodes below nodes, references to what comes later', () => {
  const tree = merged(`
uart0:
  status: okay
  old: false
  child: false
serial0:
  current-speed: 115200
/leds@2:
  compatible: [gpio-leds, simple-leds]
  led-0:
    gpios: [{ ref: /gpio }, 5, 0, { ref: "&uart0" }]
    flag: true
    negative: -1
    high: 0xffffffff
  mac: { bytes: "00:16 3e" }
  window: { u64: 0x400000000 }
  windows: { u64: [1, "0xffffffffffffffff"] }
  reg: [{ u64: 0x100000000 }, 16]
  one: { ref: uart0 }
  "#size-cells": 0
/:
  gpio: {}
`);
  expect(formatDts(tree)).toBe(`/dts-v1/;

/ {
	aliases {
		serial0 = "/uart@1000";
	};

	uart0: uart@1000 {
		status = "okay";
		current-speed = <0x1c200>;
		phandle = <0x2>;
	};

	leds@2 {
		compatible = "gpio-leds", "simple-leds";
		mac = [00 16 3e];
		window = <0x4 0x0>;
		windows = <0x0 0x1 0xffffffff 0xffffffff>;
		reg = <0x1 0x0 0x10>;
		one = <0x2>;
		#size-cells = <0x0>;

		led-0 {
			gpios = <0x1 0x5 0x0 0x2>;
			flag;
			negative = <0xffffffff>;
			high = <0xffffffff>;
		};
	};

	gpio {
		phandle = <0x1>;
	};
};
`);
});

const nested = (depth: number): unknown => (depth === 0 ? {} : { n: nested(depth - 1) });

test.each<[string, unknown, string, RegExp]>([
  ['a list', [], 'dt', /dt should be an object whose keys/],
  ['an unknown label', { uart9: {} }, 'dt.uart9', /names uart9, and .* no such node; its labels are: uart0/],
  ['a path in nothing', { '/a/b': {} }, 'dt./a/b', /names \/a\/b, and/],
  ['a node that is a number', { uart0: 1 }, 'dt.uart0', /should be an object, the content of a node/],
  ['no value', { uart0: { a: null } }, 'dt.uart0.a', /has no value; write true/],
  ['an empty list', { uart0: { a: [] } }, 'dt.uart0.a', /is an empty list; write true/],
  ['a number with 33 bits', { uart0: { a: 2 ** 32 } }, 'dt.uart0.a', /4294967296.*write { u64: 4294967296 }/],
  ['a number below', { uart0: { a: -(2 ** 31) - 1 } }, 'dt.uart0.a', /no 32-bit number/],
  ['a fraction', { uart0: { a: [1, 1.5] } }, 'dt.uart0.a', /has 1.5 in it/],
  ['text among numbers', { uart0: { a: [1, 'x'] } }, 'dt.uart0.a', /has "x" in it; a list holds either/],
  ['a node in a list', { uart0: { a: [{ b: 1 }] } }, 'dt.uart0.a', /has {"b":1} in it/],
  ['odd hex digits', { uart0: { a: { bytes: '0' } } }, 'dt.uart0.a', /has bytes "0"; write text/],
  ['bytes that are a number', { uart0: { a: { bytes: 11 } } }, 'dt.uart0.a', /has bytes 11; write text/],
  ['65 bits', { uart0: { a: { u64: '0x10000000000000000' } } }, 'dt.uart0.a', /has u64 0x1/],
  ['an unsafe number', { uart0: { a: { u64: 2 ** 60 } } }, 'dt.uart0.a', /above 2\^53 write it as text/],
  ['a u64 that is no number', { uart0: { a: { u64: 'many' } } }, 'dt.uart0.a', /has u64 many/],
  ['a reference to nothing', { uart0: { a: { ref: '/x' } } }, 'dt.uart0.a', /names \/x, and/],
  ['a bad name', { uart0: { 'a b': 1 } }, 'dt.uart0.a b', /has the name "a b"; allowed are/],
  ['a bad node name', { '/a b': {} }, 'dt./a b', /has the name "a b"/],
  ['an empty name', { '/uart/': { '': 1 } }, 'dt./uart/.', /has the name ""/],
  ['a NUL', { uart0: { a: 'x\0' } }, 'dt.uart0.a', /holds a NUL/],
  ['65 nodes deep', { '/': nested(65) }, `dt./${'.n'.repeat(64)}`, /nested more than 64/],
])('mergeInlineOverlay: %s is refused with its key path', (_, overlay, keyPath, sentence) => {
  const attempt = () => mergeInlineOverlay(sample(), overlay, 'dt');
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(expect.objectContaining({ keyPath, message: expect.stringMatching(sentence) }));
});
