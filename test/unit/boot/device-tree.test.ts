import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { pl011Node, pl031Node, pl061Node, pvpanicNode, virtioMmioNode } from '../../../src/boot/device-nodes.ts';
import { buildDeviceTree, type GuestDeviceTree } from '../../../src/boot/device-tree.ts';
import { IRQ_TYPE_EDGE_RISING, IRQ_TYPE_LEVEL_HIGH, spiCells } from '../../../src/fdt/device-node.ts';
import { formatDts } from '../../../src/fdt/dts.ts';
import { mergeInlineOverlay } from '../../../src/fdt/inline.ts';
import { applyOverlay } from '../../../src/fdt/overlay.ts';
import { readDtb } from '../../../src/fdt/reader.ts';
import { addSymbols } from '../../../src/fdt/symbols.ts';
import { cellsOf } from '../../../src/fdt/value.ts';
import { writeDtb } from '../../../src/fdt/writer.ts';
import { compile, decompile, dtcMissing } from '../fdt/dtc.ts';

const KiB64 = 0x1_0000;

const GICV3: GuestDeviceTree = {
  cpus: [
    { mpidr: 0x8000_0000, compatible: 'arm,cortex-a72', capacity: 1024 },
    { mpidr: 0x8000_0001, capacity: 512 },
  ],
  memory: [
    { base: 0x4000_0000, size: 0x2000_0000 },
    { base: 0x40_0000_0000, size: 0x1000_0000 },
  ],
  reserved: [
    { name: 'restricted-dma', range: { base: 0x5000_0000, size: 0x10_0000 }, compatible: 'restricted-dma-pool' },
    { name: 'secret', range: { base: 0x5010_0000, size: 0x1000 }, noMap: true },
  ],
  gic: {
    version: 3,
    distributor: { base: 0x800_0000, size: KiB64 },
    redistributors: [
      { base: 0x80a_0000, size: 0xf6_0000 },
      { base: 0x50_0000_0000, size: 0x2_0000 },
    ],
    its: { base: 0x808_0000, size: 2 * KiB64 },
  },
  pmu: true,
  chosen: {
    bootargs: 'console=ttyAMA0',
    stdout: 'uart0',
    initrd: { base: 0x4800_0000, size: 0x1234 },
    rngSeed: new Uint8Array(32),
    kaslrSeed: new Uint8Array(8),
  },
  devices: [
    {
      label: 'uart0',
      range: { base: 0x900_0000, size: 0x1000 },
      interrupts: spiCells(1, IRQ_TYPE_LEVEL_HIGH),
      node: pl011Node,
    },
    {
      label: 'rtc0',
      range: { base: 0x901_0000, size: 0x1000 },
      interrupts: spiCells(2, IRQ_TYPE_LEVEL_HIGH),
      node: pl031Node,
    },
    {
      label: 'gpio0',
      range: { base: 0x903_0000, size: 0x1000 },
      interrupts: spiCells(7, IRQ_TYPE_LEVEL_HIGH),
      node: pl061Node,
    },
    { label: 'pvpanic', range: { base: 0x90f_0000, size: 2 }, node: pvpanicNode },
    {
      label: 'net-0',
      range: { base: 0xa00_0000, size: 0x200 },
      interrupts: spiCells(16, IRQ_TYPE_EDGE_RISING),
      node: (context) => virtioMmioNode(context),
    },
  ],
  powerKey: { gpio: 'gpio0', line: 3 },
  aliases: { serial0: 'uart0', rtc0: 'rtc0' },
};

const GICV2: GuestDeviceTree = {
  ...GICV3,
  gic: {
    version: 2,
    distributor: { base: 0x800_0000, size: KiB64 },
    cpuInterface: { base: 0x801_0000, size: KiB64 },
    v2m: { base: 0x802_0000, size: 0x1000, spiBase: 48, spiCount: 64 },
  },
};

const cells = (guest: GuestDeviceTree, path: string, property: string) =>
  cellsOf(buildDeviceTree(guest).find(path)!.properties.get(property)!);

test('buildDeviceTree: the whole tree, as committed beside this test', () => {
  const expected = readFileSync(new URL('device-tree.dts', import.meta.url), 'utf8');
  expect(formatDts(buildDeviceTree(GICV3))).toBe(expected);
});

test('buildDeviceTree: the same description gives the same bytes, which can be read again', () => {
  const blob = writeDtb(buildDeviceTree(GICV3));
  expect(writeDtb(buildDeviceTree(GICV3))).toEqual(blob);
  expect(writeDtb(readDtb(blob, 'own'))).toEqual(blob);
});

test('buildDeviceTree: seeds are taken as they are given', () => {
  const chosen = { rngSeed: Uint8Array.of(1, 2, 3), kaslrSeed: Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1) };
  const node = buildDeviceTree({ ...GICV3, chosen }).find('/chosen')!;
  expect(Object.fromEntries(node.properties)).toEqual({ 'rng-seed': chosen.rngSeed, 'kaslr-seed': chosen.kaslrSeed });
});

test('buildDeviceTree: a GICv2 has CPU interface, MSI frame by INTID and PPI masks', () => {
  expect(cells(GICV2, '/interrupt-controller', 'reg')).toEqual([0, 0x8000000, 0, 0x10000, 0, 0x8010000, 0, 0x10000]);
  expect(cells(GICV2, '/interrupt-controller/v2m', 'arm,msi-base-spi')).toEqual([80]);
  expect(cells(GICV2, '/interrupt-controller/v2m', 'arm,msi-num-spis')).toEqual([64]);
  expect(cells(GICV2, '/pmu', 'interrupts')).toEqual([1, 7, 0x304]);
  const nine = { ...GICV2, cpus: Array.from({ length: 9 }, (_, mpidr) => ({ mpidr })) };
  expect(cells(nine, '/timer', 'interrupts')?.slice(0, 3)).toEqual([1, 13, 0xff04]);
});

test('buildDeviceTree: a cpu is known by the affinity of its MPIDR, in two cells once one has Aff3', () => {
  const of = (...mpidrs: number[]) => ({ ...GICV3, cpus: mpidrs.map((mpidr) => ({ mpidr })) });
  expect(cells(of(0xc103_020f), '/cpus/cpu@3020f', 'reg')).toEqual([0x3020f]);
  expect(cells(of(0x8000_0000, 0x01_8000_0000), '/cpus/cpu@100000000', 'reg')).toEqual([1, 0]);
  expect(cells(of(0x8000_0000, 0x01_8000_0000), '/cpus/cpu@0', 'reg')).toEqual([0, 0]);
  expect(buildDeviceTree(of(0x8000_0100)).bootCpu).toBe(0x100);
});

test('buildDeviceTree: what is not described is not there', () => {
  const tree = buildDeviceTree({ cpus: [{ mpidr: 0 }], memory: GICV3.memory, gic: GICV3.gic, chosen: {}, devices: [] });
  expect([...tree.root.children.keys()]).toEqual([
    'chosen',
    'memory@40000000',
    'memory@4000000000',
    'cpus',
    'psci',
    'interrupt-controller@8000000',
    'timer',
    'apb-pclk',
  ]);
  expect(tree.find('/chosen')?.properties.size).toBe(0);
});

test('buildDeviceTree: a device may refer to nodes by label, and hand in children', () => {
  const tree = buildDeviceTree({
    ...GICV3,
    devices: [
      ...GICV3.devices,
      {
        label: 'i2c',
        range: { base: 0xa01_0000, size: 0x200 },
        node: (context) =>
          virtioMmioNode(context).set('msi-parent', [context.phandleOf('its'), context.gic, context.clock]),
      },
    ],
  });
  expect(cellsOf(tree.labelled('i2c')!.properties.get('msi-parent')!)).toEqual([
    tree.labelled('its')!.phandle,
    tree.labelled('gic')!.phandle,
    tree.labelled('apb_pclk')!.phandle,
  ]);
  expect(tree.labelled('i2c')!.properties.has('interrupts')).toBe(false);
});

test('buildDeviceTree: a device cannot take a label that is taken', () => {
  const device = { label: 'gic', range: { base: 0xa01_0000, size: 0x200 }, node: pvpanicNode };
  const attempt = () => buildDeviceTree({ ...GICV3, devices: [device] });
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(/device gic would get the label gic, which is taken/);
});

test('buildDeviceTree: a label that nothing has is our own mistake', () => {
  expect(() => buildDeviceTree({ ...GICV3, aliases: { serial1: 'uart1' } })).toThrow(/Bug.*label uart1/);
});

describe.skipIf(dtcMissing)(`with dtc${dtcMissing ? `: ${dtcMissing}` : ''}`, () => {
  const overlay = `/dts-v1/; /plugin/;
    &uart0 { current-speed = <115200>; };
    &{/} { leds { compatible = "gpio-leds"; led { gpios = <&gpio0 5 0>; clocks = <&apb_pclk>; }; }; };`;
  const inline = {
    net_0: { 'local-mac-address': { bytes: '02 00 00 00 00 01' } },
    '/buttons': { pad: { ref: 'gpio0' } },
  };

  test.each([
    ['GICv3', GICV3],
    ['GICv2', GICV2],
  ])('buildDeviceTree: %s passes dtc there and back without a warning, also with overlays', (_, guest) => {
    const tree = buildDeviceTree(guest);
    expectCleanBothWays(tree);
    applyOverlay(tree, compile(overlay, '-@').output, 'leds.dtbo');
    mergeInlineOverlay(tree, inline, 'deviceTree');
    expectCleanBothWays(tree);
    addSymbols(tree);
    expect(decompile(writeDtb(tree)).messages).toBe('');
  });
});

function expectCleanBothWays(tree: ReturnType<typeof buildDeviceTree>): void {
  const blob = writeDtb(tree);
  expect(decompile(blob).messages).toBe('');
  const again = compile(formatDts(tree));
  expect(again.messages).toBe('');
  expect(Buffer.compare(again.output, blob)).toBe(0);
}
