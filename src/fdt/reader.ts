/**
 * Reads a flattened device tree (Devicetree Specification 0.4 §5) that somebody else made: an overlay, or a whole tree.
 * Nothing in it is believed: whatever is wrong ends in a ConfigError that says what and where, never in a RangeError.
 */
import { alignUp } from '../base/bits.ts';
import { ConfigError } from '../base/errors.ts';
import {
  FDT_BEGIN_NODE,
  FDT_END,
  FDT_END_NODE,
  FDT_MAGIC,
  FDT_NOP,
  FDT_PROP,
  FDT_VERSION,
  HEADER_SIZE,
  Header,
  RESERVATION_SIZE,
} from './blob.ts';
import { DEPTH_MAX, FdtNode, FdtTree, type MemoryReservation } from './tree.ts';
import { asciiOf, isName } from './value.ts';

/** The tree in `blob`. `source` is what messages call it: a file name. */
export function readDtb(blob: Uint8Array, source: string): FdtTree {
  const refuse = (what: string): never => {
    throw new ConfigError(`Cannot read the device tree ${source}: ${what}`);
  };
  const { reservations, structure, strings, bootCpu } = readHeader(blob, refuse);
  return new FdtTree(new StructureReader(structure, strings, refuse).root(), reservations, bootCpu);
}

type Refuse = (what: string) => never;

interface Blocks {
  readonly reservations: MemoryReservation[];
  readonly structure: Uint8Array;
  readonly strings: Uint8Array;
  readonly bootCpu: number;
}

function readHeader(blob: Uint8Array, refuse: Refuse): Blocks {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  if (blob.length >= 4 && view.getUint32(Header.magic) !== FDT_MAGIC)
    refuse('it does not start with d0 0d fe ed, so it is no compiled device tree; compile .dts text with dtc first');
  if (blob.length < HEADER_SIZE) refuse(`it ends after ${blob.length} bytes, inside its header of ${HEADER_SIZE}`);

  const word = (name: keyof typeof Header): number => view.getUint32(Header[name]);
  const version = word('version');
  if (version < FDT_VERSION || word('last_comp_version') > FDT_VERSION)
    refuse(`its format is version ${version}, and only version ${FDT_VERSION} is known; compile it anew with dtc`);
  const size = word('totalsize');
  if (size < HEADER_SIZE) refuse(`its header says that it is ${size} bytes long, which is less than the header`);
  if (size > blob.length) refuse(`it is cut off: its header says ${size} bytes, there are ${blob.length}`);

  const block = (what: string, offset: number, length: number, alignment: number): Uint8Array => {
    if (offset % alignment !== 0) refuse(`its ${what} block starts at ${offset}, which is not aligned to ${alignment}`);
    if (offset < HEADER_SIZE || offset + length > size)
      refuse(`its ${what} block (${length} bytes at ${offset}) does not lie inside its ${size} bytes`);
    return blob.subarray(offset, offset + length);
  };
  const reservationsOffset = word('off_mem_rsvmap');
  return {
    reservations: readReservations(
      block('memory reservation', reservationsOffset, Math.max(size - reservationsOffset, 0), 8),
      refuse,
    ),
    structure: block('structure', word('off_dt_struct'), word('size_dt_struct'), 4),
    strings: block('strings', word('off_dt_strings'), word('size_dt_strings'), 1),
    bootCpu: word('boot_cpuid_phys'),
  };
}

function readReservations(block: Uint8Array, refuse: Refuse): MemoryReservation[] {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const reservations: MemoryReservation[] = [];
  for (let offset = 0; offset + RESERVATION_SIZE <= block.length; offset += RESERVATION_SIZE) {
    const entry = { address: view.getBigUint64(offset), size: view.getBigUint64(offset + 8) };
    if (entry.address === 0n && entry.size === 0n) return reservations;
    reservations.push(entry);
  }
  return refuse('its memory reservation block does not end');
}

/** Walks the tokens of the structure block (§5.4) and makes nodes of them. */
class StructureReader {
  readonly #structure: Uint8Array;
  readonly #view: DataView;
  readonly #strings: Uint8Array;
  readonly #refuse: Refuse;
  #offset = 0;

  constructor(structure: Uint8Array, strings: Uint8Array, refuse: Refuse) {
    this.#structure = structure;
    this.#view = new DataView(structure.buffer, structure.byteOffset, structure.byteLength);
    this.#strings = strings;
    this.#refuse = refuse;
  }

  root(): FdtNode {
    const token = this.#token();
    if (token !== FDT_BEGIN_NODE) this.#refuse(`it starts with token ${token} instead of a root node`);
    const name = this.#nodeName('/');
    if (name !== '') this.#refuse(`its root node is called "${name}" and should have no name`);
    const root = new FdtNode('');
    this.#fill(root, '/', 1);
    const last = this.#token();
    if (last !== FDT_END) this.#refuse(`token ${last} follows the root node where the end should be`);
    return root;
  }

  /** Reads what stands between a node's name and its end. */
  #fill(node: FdtNode, path: string, depth: number): void {
    if (depth > DEPTH_MAX) this.#refuse(`its nodes are nested more than ${DEPTH_MAX} deep, which Linux does not read`);
    for (;;) {
      const token = this.#token();
      if (token === FDT_END_NODE) return;
      if (token === FDT_PROP) this.#property(node, path);
      else if (token === FDT_BEGIN_NODE) {
        const name = this.#nodeName(path);
        if (!isName(name)) this.#refuse(`a node in ${path} has the name ${JSON.stringify(name)}, which is not allowed`);
        if (node.children.has(name)) this.#refuse(`${path} has two nodes called ${name}`);
        this.#fill(node.add(new FdtNode(name)), path === '/' ? `/${name}` : `${path}/${name}`, depth + 1);
      } else this.#refuse(`unknown token ${token} at ${this.#offset - 4} of its structure block, in node ${path}`);
    }
  }

  #property(node: FdtNode, path: string): void {
    if (node.children.size > 0) this.#refuse(`a property of ${path} follows a node; all properties must come first`);
    const size = this.#word();
    const name = this.#propertyName(this.#word(), path);
    if (node.properties.has(name)) this.#refuse(`${path} has two properties called ${name}`);
    if (size > this.#structure.length - this.#offset)
      this.#refuse(`property ${name} of ${path} says it has ${size} bytes and runs past the structure block`);
    // Not slice(): blobs come from files as Buffer, whose slice() is a view, and overlays change what they read.
    node.properties.set(name, new Uint8Array(this.#structure.subarray(this.#offset, this.#offset + size)));
    this.#offset = alignUp(this.#offset + size, 4);
  }

  #propertyName(offset: number, path: string): string {
    const end = offset < this.#strings.length ? this.#strings.indexOf(0, offset) : -1;
    if (end < 0) this.#refuse(`a property of ${path} has its name at ${offset}, outside the strings block`);
    const name = asciiOf(this.#strings.subarray(offset, end));
    if (!isName(name)) this.#refuse(`a property of ${path} has the name ${JSON.stringify(name)}, which is not allowed`);
    return name;
  }

  #nodeName(parent: string): string {
    const end = this.#structure.indexOf(0, this.#offset);
    if (end < 0) this.#refuse(`the name of a node in ${parent} runs past the structure block`);
    const name = asciiOf(this.#structure.subarray(this.#offset, end));
    this.#offset = alignUp(end + 1, 4);
    return name;
  }

  #token(): number {
    let token = this.#word();
    while (token === FDT_NOP) token = this.#word();
    return token;
  }

  #word(): number {
    if (this.#offset + 4 > this.#structure.length) this.#refuse('its structure block ends too early');
    const value = this.#view.getUint32(this.#offset);
    this.#offset += 4;
    return value;
  }
}
