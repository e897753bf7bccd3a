import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { expect, test } from 'vitest';
import { formatRange } from '../../../src/base/range.ts';
import { formatAddress } from '../../../src/base/units.ts';
import { CONFIG } from '../../../src/config/schema.ts';
import {
  gicAddresses,
  INTERRUPT_COUNT,
  INTX_SPIS,
  LAYOUT,
  PMU_INTID,
  SPI,
  V2M_SPIS,
  VIRTIO_SPIS,
} from '../../../src/machine/layout.ts';
import { tablesOf } from './markdown.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const TEXT = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
const TABLES = tablesOf(TEXT);

/** SPI n is interrupt 32 + n of the GIC, PPI n is 16 + n (IHI 0069 §2.2.1). */
const SPI_FIRST = 32;
const PPI_FIRST = 16;

test('the memory map is that of src/machine/layout.ts', () => {
  const rows = TABLES.find(([head]) => head?.[0] === 'range')!.slice(1);
  const ranges = Object.values(LAYOUT).map((range) => formatRange(range));
  const ram = `${formatAddress(CONFIG.keys.memory.keys.base.default)} …`;
  expect(rows.map(([range]) => range)).toEqual([...ranges, ram]);
});

test('the redistributors are as many as the memory map says', () => {
  const ram = { base: 2 ** 30, size: 2 ** 29 };
  const [, above] = gicAddresses(124, ram).redistributors;
  expect(gicAddresses(123, ram).redistributors).toHaveLength(1);
  expect(above).toEqual({ base: 2 ** 31, count: 1 });
});

test('the interrupts are those of src/machine/layout.ts', () => {
  const rows = TABLES.find(([head]) => head?.[0] === 'interrupt')!.slice(1);
  const range = (name: string, base: number, count: number) => [
    ...[name, `SPI ${base}–${base + count - 1}`, `${SPI_FIRST + base}–${SPI_FIRST + base + count - 1}`],
  ];
  expect(rows).toEqual([
    ...Object.entries(SPI).map(([device, spi]) => [device.toUpperCase(), `SPI ${spi}`, `${SPI_FIRST + spi}`]),
    range('PCI INTA#–INTD#', INTX_SPIS[0], INTX_SPIS.length),
    range('GICv2m', V2M_SPIS.base, V2M_SPIS.count),
    ...VIRTIO_SPIS.map(({ base, count }, index) => {
      const first = index === 0 ? 0 : VIRTIO_SPIS[0].count;
      return range(`virtio-mmio ${first}–${first + count - 1}`, base, count);
    }),
    ['PMU', `PPI ${PMU_INTID - PPI_FIRST}`, `${PMU_INTID}`],
  ]);
  expect(TEXT).toContain(`The GIC has ${INTERRUPT_COUNT} interrupts.`);
});

test('every folder of src has its row, and imports only from those above it', () => {
  const folders = TABLES.find(([head]) => head?.[0] === 'folder')!
    .slice(1)
    .map(([cell]) => /^`src\/([\w-]+)\/`$/.exec(cell!)?.[1]);
  const inTree = sourcesIn(join(ROOT, 'src')).flatMap((path) => /\/src\/([\w-]+)\//.exec(path)?.[1] ?? []);
  expect(new Set(folders)).toEqual(new Set(inTree));
  const upward: string[] = [];
  for (const [rank, folder] of folders.entries()) {
    for (const file of sourcesIn(join(ROOT, 'src', folder!))) {
      for (const target of importsOf(file)) if (folders.indexOf(target) > rank) upward.push(`${file} → ${target}`);
    }
  }
  expect(upward).toEqual([]);
});

function sourcesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

/** The folders of src that a file imports from, types and lazy imports too. */
function importsOf(file: string): string[] {
  const imports = [...readFileSync(file, 'utf8').matchAll(/(?:from|import\() ?'(\.[^']+)'/g)];
  return imports
    .map(([, path]) => resolve(file, '..', path!))
    .filter((path) => path.startsWith(join(ROOT, 'src') + sep))
    .map((path) => path.slice(join(ROOT, 'src').length + 1).split(sep)[0]!);
}
