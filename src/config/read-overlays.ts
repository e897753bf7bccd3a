/** `overlays:` of the config: paths of compiled overlays, or device-tree nodes written in YAML. */
import type { ConfigError } from '../base/errors.ts';
import type { Overlay, OverlayNode, OverlayProperty, OverlaysField } from './kinds.ts';
import { errorAt, mismatch, notePath, type Reading, textOf } from './reading.ts';
import type { List, Mapping, Source } from './source.ts';

/** Node and property names, Devicetree Specification v0.4 §2.2.1 and §2.2.4. */
const NODE_NAME = /^[A-Za-z0-9,._+-]{1,31}(@[A-Za-z0-9,._+-]+)?$/;
const PROPERTY_NAME = /^[A-Za-z0-9,._+?#-]{1,31}$/;
const CELL_MAX = 2 ** 32 - 1;

export function readOverlays(field: OverlaysField, source: Source, keyPath: string, reading: Reading): Overlay[] {
  if (source.kind !== 'list') throw mismatch(field, source, keyPath);
  return source.items.map((item, index) => {
    const path = `${keyPath}.${index}`;
    if (item.kind === 'mapping') return { kind: 'inline', root: readNode(item, path) };
    const written = textOf(item);
    if (written === undefined || !/\.(dtbo|dts)$/.test(written)) {
      throw errorAt(item.at, path, 'Expected a path that ends in .dtbo or .dts, or a mapping with device-tree nodes');
    }
    return { kind: 'file', path: notePath(written, 'read', item, path, reading) };
  });
}

function readNode(source: Mapping, keyPath: string): OverlayNode {
  const entries = [...source.entries].map(([name, value]): [string, OverlayNode | OverlayProperty] => {
    const path = `${keyPath}.${name}`;
    const isNode = value.kind === 'mapping';
    if (!(isNode ? NODE_NAME : PROPERTY_NAME).test(name)) {
      const what = isNode ? 'node (NAME or NAME@ADDRESS)' : 'property';
      throw errorAt(value.at, path, `"${name}" cannot be the name of a device-tree ${what}`);
    }
    return [name, isNode ? readNode(value, path) : readProperty(value, path)];
  });
  return Object.fromEntries(entries);
}

function readProperty(source: Source, keyPath: string): OverlayProperty {
  if (source.kind === 'list') return readValues(source, keyPath);
  if (source.kind === 'mapping') throw wrongProperty(source, keyPath);
  const { value } = source;
  if (typeof value === 'string' || value === true) return value;
  if (typeof value === 'number') return cell(value, source, keyPath);
  throw wrongProperty(source, keyPath);
}

function readValues(source: List, keyPath: string): number[] | string[] {
  const values = source.items.map((item) => (item.kind === 'scalar' ? item.value : null));
  if (values.length > 0 && values.every((value) => typeof value === 'string')) return values;
  if (values.length > 0 && values.every((value) => typeof value === 'number')) {
    return values.map((value) => cell(value, source, keyPath));
  }
  throw wrongProperty(source, keyPath);
}

function cell(value: number, source: Source, keyPath: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= CELL_MAX) return value;
  const message = `A cell has 32 bits and ${value} does not fit: write a whole number up to 0xffffffff, or a list of cells`;
  throw errorAt(source.at, keyPath, message);
}

function wrongProperty(source: Source, keyPath: string): ConfigError {
  const message =
    'Expected a number, a text, a list of numbers, a list of texts, or true for a property without a value';
  return errorAt(source.at, keyPath, message);
}
