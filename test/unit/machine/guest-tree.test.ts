/** The device tree of a config with virtio devices: their nodes, and what hangs on their buses. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';
import { formatDts } from '../../../src/fdt/dts.ts';
import { cellsOf } from '../../../src/fdt/value.ts';
import { assumedFacts } from '../../../src/machine/assumed-facts.ts';
import { guestTree } from '../../../src/machine/guest-tree.ts';

const directory = mkdtempSync(join(tmpdir(), 'orko-tree-'));
afterAll(() => rmSync(directory, { recursive: true }));

function treeOf(yaml: string) {
  const config = parseConfig(`kernel: Image\n${yaml}`, {
    file: 'vm.yaml',
    directory,
    resolvePath: (path) => join(directory, path),
  });
  return guestTree(config, assumedFacts(config));
}

test('a virtio device has its place, an edge-triggered interrupt, and the name of the config as label', async () => {
  const devices = Array.from({ length: 34 }, (_, index) => `  r${index}: { type: rng }\n`).join('');
  const tree = await treeOf(`devices:\n${devices}`);
  const node = (label: string) => tree.labelled(label)!;
  expect(node('r0').name).toBe('virtio_mmio@a000000');
  expect([...node('r0').properties.keys()]).toEqual(['compatible', 'reg', 'interrupts', 'dma-coherent']);
  expect(cellsOf(node('r0').properties.get('interrupts')!)).toEqual([0, 16, 1]);
  expect(cellsOf(node('r0').properties.get('reg')!)).toEqual([0, 0x0a00_0000, 0, 0x200]);
  expect(cellsOf(node('r31').properties.get('interrupts')!)).toEqual([0, 47, 1]);
  expect(cellsOf(node('r32').properties.get('interrupts')!)).toEqual([0, 112, 1]);
  expect(node('r33').name).toBe('virtio_mmio@a210000');
});

test('pools: in /memory behind RAM, reserved, and the region of the devices on them', async () => {
  const backend = 'type: blk, backend: /run/a.sock';
  const tree = await treeOf(`
memory: 128M
devices:
  a: { ${backend}, memory: { pool: both, size: 16M } }
  b: { ${backend} }
  c: { ${backend}, memory: { pool: both } }
  d: { ${backend}, memory: { size: 2M } }
`);
  const both = tree.labelled('pool_both')!;
  expect(tree.pathOf(both)).toBe('/reserved-memory/pool-both@48000000');
  expect([...both.properties.keys()]).toEqual(['compatible', 'reg', 'phandle']);
  expect(cellsOf(both.properties.get('reg')!)).toEqual([0, 0x4800_0000, 0, 0x100_0000]);
  expect(cellsOf(tree.labelled('pool_d')!.properties.get('reg')!)).toEqual([0, 0x4900_0000, 0, 0x20_0000]);
  const memory = tree.root.children.get('memory@40000000')!;
  expect(cellsOf(memory.properties.get('reg')!)).toEqual([0, 0x4000_0000, 0, 0x920_0000]);
  const regions = ['a', 'b', 'c', 'd'].map((label) => tree.labelled(label)!.properties.get('memory-region'));
  expect(regions[1]).toBeUndefined();
  expect(regions[0]).toEqual(both.properties.get('phandle'));
  expect(regions[2]).toEqual(regions[0]);
  expect(regions[3]).not.toEqual(regions[0]);
});

test('children: nodes written in the config, with labels that other nodes use, whichever comes first', async () => {
  const tree = await treeOf(`
devices:
  user:
    type: rng
    children: [{ led: { gpios: [{ ref: bank }, 3, 0] } }]
  gpios:
    type: rng
    children:
      - "bank: gpio": { compatible: "virtio,device29", gpio-controller: true, "#gpio-cells": 2 }
overlays: [{ /leds: { gpios: [{ ref: bank }, 1, 0] } }]
`);
  const bank = tree.labelled('bank')!;
  expect(tree.pathOf(bank)).toBe('/virtio_mmio@a010000/gpio');
  expect(bank.phandle).toBeDefined();
  for (const path of ['/virtio_mmio@a000000/led', '/leds']) {
    expect(cellsOf(tree.find(path)!.properties.get('gpios')!)?.[0], path).toBe(bank.phandle);
  }
});

test.skipIf(spawnSync('dtc', ['--version']).status !== 0)(
  'children: a .dts file, whose root is the node of the device, and which may use labels of the tree',
  async () => {
    writeFileSync(
      join(directory, 'sensors.dts'),
      `/dts-v1/; /plugin/;
&{/} { i2c: i2c { compatible = "virtio,device22"; #address-cells = <1>; #size-cells = <0>;
  sensor: sensor@48 { compatible = "acme,sensor"; reg = <0x48>; interrupt-parent = <&gpio0>; }; }; };
&uart0 { current-speed = <9600>; };`,
    );
    const tree = await treeOf(`
devices: { bus: { type: rng, children: [sensors.dts] } }
overlays: [{ /thermal: { sensors: { ref: sensor } } }]
`);
    expect(tree.pathOf(tree.labelled('sensor')!)).toBe('/virtio_mmio@a000000/i2c/sensor@48');
    expect(cellsOf(tree.labelled('sensor')!.properties.get('interrupt-parent')!)).toEqual([
      tree.labelled('gpio0')!.phandle,
    ]);
    expect(cellsOf(tree.find('/thermal')!.properties.get('sensors')!)).toEqual([tree.labelled('sensor')!.phandle]);
    expect(formatDts(tree)).toContain('current-speed = <0x2580>');
  },
);

test.each([
  [
    'devices: { bus: { type: rng, children: [{ gpio: { gpios: [{ ref: nobody }] } }] } }',
    'devices.bus.children.0.gpio.gpios names nobody',
  ],
  ['devices: { bus: { type: rng, children: [none.dtbo] } }', 'Cannot read the overlay'],
  ['devices: { uart0: { type: rng } }', 'would get the label uart0, which is taken'],
])('%j is refused with its sentence', async (yaml, sentence) => {
  await expect(treeOf(yaml)).rejects.toThrow(sentence);
});
