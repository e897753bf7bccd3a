/**
 * A device tree as text for people, and for dtc, which makes the same blob of it again (dtc's Documentation/dts-format.txt).
 * A blob does not say what its values are: what can be text is shown as text, then as cells, else as bytes. Phandles are
 * shown as the numbers they are, except where the property says that it holds one and its node has a label.
 */
import type { FdtNode, FdtTree } from './tree.ts';
import { cellAt, cellsOf, stringsOf } from './value.ts';

const ESCAPES: Record<string, string> = {
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

/**
 * Properties that hold phandles, each followed by as many cells as the named property of its node says, or by none
 * (Devicetree Specification 0.4 §2.4, and dtc's checks.c, which warns about numbers in these).
 */
const REFERENCES: Record<string, string | undefined> = {
  clocks: '#clock-cells',
  dmas: '#dma-cells',
  gpios: '#gpio-cells',
  'interrupt-parent': undefined,
  'interrupts-extended': '#interrupt-cells',
  'io-channels': '#io-channel-cells',
  iommus: '#iommu-cells',
  mboxes: '#mbox-cells',
  'memory-region': undefined,
  'msi-parent': '#msi-cells',
  phys: '#phy-cells',
  'power-domains': '#power-domain-cells',
  pwms: '#pwm-cells',
  resets: '#reset-cells',
};

export function formatDts(tree: FdtTree): string {
  const reservations = tree.reservations.map(
    ({ address, size }) => `/memreserve/ 0x${address.toString(16)} 0x${size.toString(16)};\n`,
  );
  return `/dts-v1/;\n\n${reservations.join('')}${formatNode(tree, tree.root, '/', '')}`;
}

function formatNode(tree: FdtTree, node: FdtNode, title: string, indent: string): string {
  const inner = `${indent}\t`;
  const properties = [...node.properties].map(([name, value]) => `${inner}${formatProperty(tree, name, value)};\n`);
  const children = [...node.children.values()].map((child) => {
    const labels = [...child.labels].map((label) => `${label}: `);
    return formatNode(tree, child, labels.join('') + child.name, inner);
  });
  const blocks = properties.length > 0 ? [properties.join(''), ...children] : children;
  return `${indent}${title} {\n${blocks.join('\n')}${indent}};\n`;
}

function formatProperty(tree: FdtTree, name: string, value: Uint8Array): string {
  return value.length === 0 ? name : `${name} = ${formatValue(tree, name, value)}`;
}

function formatValue(tree: FdtTree, name: string, value: Uint8Array): string {
  const strings = stringsOf(value);
  if (strings?.every((text) => text !== ''))
    return strings.map((text) => `"${text.replace(/[\t-\r"\\]/g, (character) => ESCAPES[character]!)}"`).join(', ');
  const cells = cellsOf(value);
  if (!cells) return `[${Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join(' ')}]`;
  const labels = labelsIn(tree, name, cells);
  return `<${cells.map((cell, index) => labels.get(index) ?? `0x${cell.toString(16)}`).join(' ')}>`;
}

/** Which of the cells are phandles of labelled nodes: index → "&label". */
function labelsIn(tree: FdtTree, property: string, cells: readonly number[]): Map<number, string> {
  const labels = new Map<number, string>();
  const kind = property.endsWith('-gpios') ? 'gpios' : property;
  if (!Object.hasOwn(REFERENCES, kind)) return labels;
  const counter = REFERENCES[kind];
  for (let index = 0; index < cells.length; ) {
    const node = tree.withPhandle(cells[index]!);
    if (!node) return labels;
    const [label] = node.labels;
    if (label !== undefined) labels.set(index, `&${label}`);
    const following = counter === undefined ? undefined : node.properties.get(counter);
    index += 1 + (following ? (cellAt(following, 0) ?? 0) : 0);
  }
  return labels;
}
