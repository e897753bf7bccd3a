/**
 * Writes a device tree as a flattened blob, version 17 (Devicetree Specification 0.4 §5). The same tree gives the same
 * bytes, and they are those that `dtc` makes of the tree's .dts text: property names share their tails, nothing is padded.
 */
import { alignUp } from '../base/bits.ts';
import {
  FDT_BEGIN_NODE,
  FDT_END,
  FDT_END_NODE,
  FDT_LAST_COMPATIBLE_VERSION,
  FDT_MAGIC,
  FDT_PROP,
  FDT_VERSION,
  HEADER_SIZE,
  Header,
  RESERVATION_SIZE,
} from './blob.ts';
import type { FdtNode, FdtTree } from './tree.ts';

export function writeDtb(tree: FdtTree): Uint8Array {
  const strings = new StringTable();
  const structure = new ByteSink();
  writeNode(structure, strings, tree.root);
  structure.word(FDT_END);

  const reservationsSize = (tree.reservations.length + 1) * RESERVATION_SIZE;
  const structOffset = HEADER_SIZE + reservationsSize;
  const stringsOffset = structOffset + structure.length;
  const blob = new Uint8Array(stringsOffset + strings.text.length);
  const view = new DataView(blob.buffer);

  view.setUint32(Header.magic, FDT_MAGIC);
  view.setUint32(Header.totalsize, blob.length);
  view.setUint32(Header.off_dt_struct, structOffset);
  view.setUint32(Header.off_dt_strings, stringsOffset);
  view.setUint32(Header.off_mem_rsvmap, HEADER_SIZE);
  view.setUint32(Header.version, FDT_VERSION);
  view.setUint32(Header.last_comp_version, FDT_LAST_COMPATIBLE_VERSION);
  view.setUint32(Header.boot_cpuid_phys, tree.bootCpu);
  view.setUint32(Header.size_dt_strings, strings.text.length);
  view.setUint32(Header.size_dt_struct, structure.length);
  for (const [index, { address, size }] of tree.reservations.entries()) {
    view.setBigUint64(HEADER_SIZE + index * RESERVATION_SIZE, address);
    view.setBigUint64(HEADER_SIZE + index * RESERVATION_SIZE + 8, size);
  }
  blob.set(structure.bytes(), structOffset);
  putAscii(blob, stringsOffset, strings.text);
  return blob;
}

function writeNode(sink: ByteSink, strings: StringTable, node: FdtNode): void {
  sink.word(FDT_BEGIN_NODE);
  sink.name(node.name);
  for (const [name, value] of node.properties) {
    sink.word(FDT_PROP);
    sink.word(value.length);
    sink.word(strings.offsetOf(name));
    sink.padded(value);
  }
  for (const child of node.children.values()) writeNode(sink, strings, child);
  sink.word(FDT_END_NODE);
}

/** The strings block, §5.5: each name once, and not at all where another one ends in it. */
class StringTable {
  text = '';
  readonly #offsets = new Map<string, number>();

  offsetOf(name: string): number {
    const known = this.#offsets.get(name);
    if (known !== undefined) return known;
    let offset = this.text.indexOf(`${name}\0`);
    if (offset < 0) {
      offset = this.text.length;
      this.text += `${name}\0`;
    }
    this.#offsets.set(name, offset);
    return offset;
  }
}

/** A growing buffer of big-endian words; everything written is padded to the next word. */
class ByteSink {
  length = 0;
  #buffer = new Uint8Array(8192);
  #view = new DataView(this.#buffer.buffer);

  word(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.length, value);
    this.length += 4;
  }

  /** A NUL-terminated name. */
  name(text: string): void {
    this.#reserve(text.length + 1);
    putAscii(this.#buffer, this.length, text);
    this.length = alignUp(this.length + text.length + 1, 4);
  }

  padded(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.length);
    this.length = alignUp(this.length + value.length, 4);
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }

  #reserve(size: number): void {
    const needed = this.length + alignUp(size, 4);
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(2 * needed);
    grown.set(this.bytes());
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }
}

function putAscii(target: Uint8Array, offset: number, text: string): void {
  for (let index = 0; index < text.length; index++) target[offset + index] = text.charCodeAt(index);
}
