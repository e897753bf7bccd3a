/** The device tree of a config with virtio devices: their nodes, and what hangs on their buses. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';
import { formatDts } from '../../../src/fdt/dts.ts';
import { cellsOf } from '../../../src/fdt/value.ts';
import { writeDtb } from '../../../src/fdt/writer.ts';
import { assumedFacts } from '../../../src/machine/assumed-facts.ts';
import { guestTree } from '../../../src/machine/guest-tree.ts';
import { decompile, dtcMissing } from '../fdt/dtc.ts';

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

test('PCI: a host bridge with windows, wired interrupts and messages; functions have nodes where something stands in them', async () => {
  const tree = await treeOf(`
memory: 1G
devices:
  a: { type: rng, transport: pci }
  b: { type: rng }
  c: { type: rng, transport: pci, children: [{ gpio: { compatible: "virtio,device29" } }] }
  d: { type: blk, backend: /run/a.sock, memory: pool, transport: pci }
`);
  const pcie = tree.labelled('pcie')!;
  const cells = (name: string) => cellsOf(pcie.properties.get(name)!)!;
  expect(cells('bus-range')).toEqual([0, 15]);
  expect(cells('ranges').slice(0, 7)).toEqual([0x0200_0000, 0, 0x1000_0000, 0, 0x1000_0000, 0, 0x2eff_0000]);
  expect(cells('msi-map')).toEqual([0, tree.labelled('its')!.phandle, 0, 0x1_0000]);
  const map = cells('interrupt-map');
  expect(map.length).toBe(16 * 10);
  const gic = tree.labelled('gic')!.phandle;
  // INTA# of device 1, and INTB# of device 3.
  expect(map.slice(40, 50)).toEqual([0x800, 0, 0, 1, gic, 0, 0, 0, 4, 4]);
  expect(map.slice(130, 140)).toEqual([0x1800, 0, 0, 2, gic, 0, 0, 0, 3, 4]);
  expect([...pcie.children.keys()]).toEqual(['virtio@2', 'virtio@3']);
  expect(tree.pathOf(tree.labelled('c')!)).toBe('/pcie@3f000000/virtio@2');
  expect(tree.labelled('d')!.properties.get('memory-region')).toEqual(
    tree.labelled('pool_d')!.properties.get('phandle'),
  );
  expect(tree.labelled('b')!.name).toBe('virtio_mmio@a000000');
  if (!dtcMissing) expect(decompile(writeDtb(tree)).messages).toBe('');
});

test('PCI: GICv2 takes messages by its v2m frame, GICv3 without an ITS takes none', async () => {
  const yaml = 'devices: { a: { type: rng, transport: pci } }';
  const v2 = await treeOf(`gic: v2\n${yaml}`);
  expect(cellsOf(v2.labelled('pcie')!.properties.get('msi-map')!)![1]).toBe(v2.labelled('v2m')!.phandle);
  const none = await treeOf(`its: off\n${yaml}`);
  expect(none.labelled('pcie')!.properties.has('msi-map')).toBe(false);
  await expect(treeOf('devices: { pcie: { type: rng, transport: pci } }')).resolves.toBeDefined();
});

test('PCI: more devices than there are slots become functions of them', async () => {
  const devices = Array.from(
    { length: 40 },
    (_, index) => `  r${index}: { type: rng, transport: pci, children: [{ a: {} }] }\n`,
  );
  const tree = await treeOf(`devices:\n${devices.join('')}`);
  expect(['r0', 'r30', 'r31', 'r39'].map((name) => tree.labelled(name)!.name)).toEqual([
    ...['virtio@1', 'virtio@1f', 'virtio@1,1', 'virtio@9,1'],
  ]);
});
