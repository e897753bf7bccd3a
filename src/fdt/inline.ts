/**
 * Overlays written in the config file itself, as plain YAML. A key on top says which node; what is below is merged into it:
 *
 *   overlays:
 *     - uart0:                              # a label or an alias, as in .dts &uart0
 *         current-speed: 115200             # number: one cell, −2^31 … 2^32 − 1
 *         status: okay                      # text: a string
 *       /chosen:                            # a path: the node, or a new one in a node that exists
 *         linux,sysrq-reset-seq: [1, 2]     # list of numbers: cells
 *       /leds:
 *         compatible: [acme,leds, gpio-leds]    # list of texts: a string list
 *         led-0:                                # an object: a node, made where it is missing
 *           gpios: [{ ref: gpio0 }, 5, 0]       # ref: phandle of a label or a path, also of a node made here
 *           retain-state-suspended: true        # true: a property without a value
 *           panic-indicator: false              # false: no such property (or node) from here on
 *         mac: { bytes: "00 16 3e 00 00 01" }
 *         window: { u64: 0x400000000 }          # one or a list; above 2^53 as text, "0x..."
 *
 * A node may be given a label, as in .dts: "gpio1: gpio". YAML wants quotes around that, and around names that start with # or &:
 * "#size-cells": 0. An object whose only key is bytes, u64 or ref is
 * a value, never a node. Nodes are made before values are read, so the order does not matter.
 */
import { ConfigError } from '../base/errors.ts';
import { DEPTH_MAX, FdtNode, type FdtTree } from './tree.ts';
import { encodeValue, isName } from './value.ts';

/** Merges the overlay `overlay` into `tree`. `keyPath` is where it stands in the config, for messages. */
export function mergeInlineOverlay(tree: FdtTree, overlay: unknown, keyPath: string): void {
  const merge = new InlineMerge(tree);
  const top = objectOf(overlay) ?? refuse(keyPath, 'should be an object whose keys are node paths or labels');
  for (const [reference, content] of Object.entries(top)) {
    const place = `${keyPath}.${reference}`;
    const node = tree.resolve(reference) ?? merge.newNode(reference, place);
    merge.shape(node, content, place);
  }
  merge.fill();
}

/** Two passes: `shape` makes all nodes and notes the values, `fill` sets them, when every reference can be found. */
export class InlineMerge {
  readonly #tree: FdtTree;
  readonly #values: { node: FdtNode; property: string; value: unknown; place: string }[] = [];

  constructor(tree: FdtTree) {
    this.#tree = tree;
  }

  /** A node that a path names and that does not exist; its parent does. */
  newNode(path: string, place: string): FdtNode {
    const slash = path.lastIndexOf('/');
    const parent = path.startsWith('/') ? this.#tree.find(path.slice(0, slash) || '/') : undefined;
    if (!parent) return refuse(place, missing(this.#tree, path));
    return parent.add(new FdtNode(checkName(path.slice(slash + 1), place)));
  }

  /** Merges the nodes of `content`, and later its values, into `node`. */
  shape(node: FdtNode, content: unknown, place: string, depth = 1): void {
    if (depth > DEPTH_MAX) refuse(place, `is nested more than ${DEPTH_MAX} nodes deep`);
    const entries = objectOf(content) ?? refuse(place, 'should be an object, the content of a node');
    for (const [name, value] of Object.entries(entries)) {
      const inner = `${place}.${name}`;
      if (value === false) {
        checkName(name, inner);
        node.properties.delete(name);
        node.children.delete(name);
      } else if (objectOf(value) && !taggedOf(value))
        this.shape(this.#child(node, name, inner), value, inner, depth + 1);
      else if (checkName(name, inner)) this.#values.push({ node, property: name, value, place: inner });
    }
  }

  /** The child that `key` names, made where it is missing, with the label that stands before its name. */
  #child(parent: FdtNode, key: string, place: string): FdtNode {
    const [, label, bare] = /^([a-zA-Z_][a-zA-Z0-9_]*):\s*(.*)$/.exec(key) ?? [];
    const name = checkName(bare ?? key, place);
    const node = parent.children.get(name) ?? parent.add(new FdtNode(name));
    if (label !== undefined) this.#tree.setLabel(node, label);
    return node;
  }

  fill(): void {
    for (const { node, property, value, place } of this.#values)
      node.properties.set(property, this.#encode(value, place));
  }

  #encode(value: unknown, place: string): Uint8Array {
    if (value === true) return new Uint8Array();
    if (value === null || value === undefined)
      return refuse(place, 'has no value; write true for an empty property, {} for an empty node');
    if (typeof value === 'string') return encodeValue(checkText(value, place));
    const tagged = taggedOf(value);
    if (tagged && 'bytes' in tagged) return bytesFrom(tagged['bytes'], place);
    if (tagged && 'u64' in tagged) return encodeValue(listOf(tagged['u64']).map((item) => u64From(item, place)));
    const items = listOf(value);
    if (items.length === 0) return refuse(place, 'is an empty list; write true for an empty property');
    if (items.every((item) => typeof item === 'string'))
      return encodeValue(items.map((item) => checkText(item, place)));
    return encodeValue(items.flatMap((item) => this.#cells(item, place)));
  }

  /** The cells of one list item: a number, `{ ref: … }`, or `{ u64: … }`. */
  #cells(item: unknown, place: string): (number | bigint)[] {
    const tagged = taggedOf(item);
    if (tagged && 'ref' in tagged) {
      const reference = String(tagged['ref']);
      return [this.#tree.phandleOf(this.#tree.resolve(reference) ?? refuse(place, missing(this.#tree, reference)))];
    }
    if (tagged && 'u64' in tagged) return listOf(tagged['u64']).map((number) => u64From(number, place));
    if (typeof item !== 'number' && typeof item !== 'bigint')
      return refuse(place, `has ${JSON.stringify(item)} in it; a list holds either strings, or numbers and { ref: … }`);
    const cell = Number(item);
    if (!Number.isInteger(cell) || cell < -(2 ** 31) || cell >= 2 ** 32)
      refuse(place, `has ${item} in it, which is no 32-bit number; write { u64: ${item} } for 64 bits`);
    return [cell];
  }
}

function missing(tree: FdtTree, reference: string): string {
  return `names ${reference}, and the device tree has no such node; its labels are: ${tree.labels().join(', ') || 'none'}`;
}

function bytesFrom(value: unknown, place: string): Uint8Array {
  const digits = typeof value === 'string' ? value.replace(/[\s:]+/g, '') : 'none';
  if (!/^([0-9a-fA-F]{2})*$/.test(digits))
    refuse(place, `has bytes ${JSON.stringify(value)}; write text with two hex digits each: "00 1f e0"`);
  return Uint8Array.from(digits.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function u64From(value: unknown, place: string): bigint {
  const isNumber = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
  const isText = typeof value === 'string' && /^(0x[0-9a-fA-F]+|[0-9]+)$/.test(value);
  const number = isNumber || isText ? BigInt(value as number | bigint | string) : -1n;
  if (number < 0n || number >= 1n << 64n)
    refuse(place, `has u64 ${value}, which is no number from 0 to 2^64 − 1; above 2^53 write it as text`);
  return number;
}

function checkName(name: string, place: string): string {
  return isName(name)
    ? name
    : refuse(place, `has the name "${name}"; allowed are letters, digits and , . _ + * # ? @ -`);
}

function checkText(text: string, place: string): string {
  return text.includes('\0') ? refuse(place, 'holds a NUL character, which ends a device tree string') : text;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** `{ bytes: … }`, `{ u64: … }` or `{ ref: … }`. */
function taggedOf(value: unknown): Record<string, unknown> | undefined {
  const object = objectOf(value);
  const keys = object ? Object.keys(object) : [];
  return keys.length === 1 && ['bytes', 'u64', 'ref'].includes(keys[0]!) ? object : undefined;
}

function refuse(keyPath: string, what: string): never {
  throw new ConfigError(`Cannot merge into the device tree: ${keyPath} ${what}`, { keyPath });
}
