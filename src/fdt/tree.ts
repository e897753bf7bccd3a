/**
 * The device tree as objects: nodes, properties, labels and phandles (Devicetree Specification 0.4 §2). It is what the
 * writer and `dts.ts` print, what the reader returns and what overlays are merged into.
 *
 * Labels (`uart0: pl011@9000000`) are kept on their nodes, so that overlays and the config can say `&uart0`; they reach
 * the blob only through `addSymbols()`. Phandles are handed out when somebody first refers to a node.
 */
import { assert } from '../base/assert.ts';
import { cellAt, encodeValue, isName, type PropertyValue, stringsOf } from './value.ts';

/** Deeper trees are refused by Linux (drivers/of/fdt.c, FDT_MAX_DEPTH), and so by us, with a sentence. */
export const DEPTH_MAX = 64;

/** The highest phandle: 0 and 0xffff_ffff mean "none" (Devicetree Specification 0.4 §2.3.3, libfdt.h). */
export const PHANDLE_MAX = 0xffff_fffe;

/** A physical range that the guest must not touch: the memory reservation block, not /reserved-memory. */
export interface MemoryReservation {
  readonly address: bigint;
  readonly size: bigint;
}

export class FdtNode {
  /** With its unit address: "pl011@9000000"; empty for the root. */
  readonly name: string;
  /** Values as bytes, in the order in which they are written. */
  readonly properties = new Map<string, Uint8Array>();
  readonly children = new Map<string, FdtNode>();
  readonly labels = new Set<string>();

  constructor(name: string, properties: Record<string, PropertyValue> = {}, children: readonly FdtNode[] = []) {
    assert(name === '' || isName(name), `"${name}" is no node name`);
    this.name = name;
    for (const [property, value] of Object.entries(properties)) this.set(property, value);
    for (const child of children) this.add(child);
  }

  set(property: string, value: PropertyValue): this {
    assert(isName(property), `"${property}" is no property name`);
    this.properties.set(property, encodeValue(value));
    return this;
  }

  /** Appends `child`, whose name must be new here, and returns it. */
  add(child: FdtNode): FdtNode {
    assert(child.name !== '' && !this.children.has(child.name), `a second node "${child.name}" in "${this.name}"`);
    this.children.set(child.name, child);
    return child;
  }

  /** The number by which others refer to this node, if it has one. `linux,phandle` is its name before 2009. */
  get phandle(): number | undefined {
    const value = this.properties.get('phandle') ?? this.properties.get('linux,phandle');
    const phandle = value?.length === 4 ? cellAt(value, 0)! : 0;
    return phandle > 0 && phandle <= PHANDLE_MAX ? phandle : undefined;
  }
}

export class FdtTree {
  readonly root: FdtNode;
  readonly reservations: MemoryReservation[];
  /** The header's boot_cpuid_phys: `reg` of the CPU that boots. */
  readonly bootCpu: number;
  /** Nodes get phandles before they are added to the tree, so a look at the tree is not enough to find a free one. */
  #phandleLast = 0;

  constructor(root: FdtNode = new FdtNode(''), reservations: readonly MemoryReservation[] = [], bootCpu = 0) {
    assert(root.name === '', 'the root node has no name');
    this.root = root;
    this.reservations = [...reservations];
    this.bootCpu = bootCpu;
  }

  /** Every node with its path, parents first, in the order in which they are written. */
  *nodes(): Generator<[path: string, node: FdtNode]> {
    yield* walk('/', this.root);
  }

  /**
   * The node at "/soc/uart@1000". A unit address may be left out where that is unambiguous ("/soc/uart"), and the path
   * may start with an alias ("serial0", Devicetree Specification 0.4 §3.3).
   */
  find(path: string): FdtNode | undefined {
    if (!path.startsWith('/')) {
      const [alias = '', ...rest] = path.split('/');
      const target = stringsOf(this.root.children.get('aliases')?.properties.get(alias) ?? new Uint8Array())?.[0];
      return target?.startsWith('/') ? this.find([target, ...rest].join('/')) : undefined;
    }
    let node: FdtNode | undefined = this.root;
    for (const name of path.split('/').filter((part) => part !== '')) node = node && childNamed(node, name);
    return node;
  }

  /** The node that people mean by "/path", "&label", "label" or an alias. */
  resolve(reference: string): FdtNode | undefined {
    return this.labelled(reference.replace(/^&/, '')) ?? this.find(reference);
  }

  labelled(label: string): FdtNode | undefined {
    return firstNode(this.root, (node) => node.labels.has(label));
  }

  /** All labels, sorted, for messages that say what there would have been. */
  labels(): string[] {
    return [...this.nodes()].flatMap(([, node]) => [...node.labels]).sort();
  }

  /** Gives `node`, which is in the tree, the label; whoever had it loses it. */
  setLabel(node: FdtNode, label: string): void {
    this.labelled(label)?.labels.delete(label);
    node.labels.add(label);
  }

  pathOf(node: FdtNode): string {
    for (const [path, candidate] of this.nodes()) if (candidate === node) return path;
    throw new Error(`Bug in orko-vmm: node "${node.name}" is not in the tree`);
  }

  withPhandle(phandle: number): FdtNode | undefined {
    return firstNode(this.root, (node) => node.phandle === phandle);
  }

  /** The phandle of `node`, which gets one if it has none yet. It need not be in the tree yet. */
  phandleOf(node: FdtNode): number {
    const phandle = node.phandle ?? this.phandleLast() + 1;
    assert(phandle <= PHANDLE_MAX, 'the device tree has run out of phandles');
    this.#phandleLast = Math.max(this.#phandleLast, phandle);
    if (node.phandle === undefined) node.set('phandle', phandle);
    return phandle;
  }

  /** The highest phandle in use, 0 when there is none. */
  phandleLast(): number {
    let last = this.#phandleLast;
    firstNode(this.root, (node) => {
      last = Math.max(last, node.phandle ?? 0);
      return false;
    });
    return last;
  }
}

/** The first node that `test` likes, parents first. Plain recursion: a generator costs ten times as much at start-up. */
function firstNode(node: FdtNode, test: (node: FdtNode) => boolean): FdtNode | undefined {
  if (test(node)) return node;
  for (const child of node.children.values()) {
    const found = firstNode(child, test);
    if (found) return found;
  }
  return undefined;
}

function* walk(path: string, node: FdtNode): Generator<[string, FdtNode]> {
  yield [path, node];
  const prefix = path === '/' ? path : `${path}/`;
  for (const child of node.children.values()) yield* walk(prefix + child.name, child);
}

function childNamed(node: FdtNode, name: string): FdtNode | undefined {
  const exact = node.children.get(name);
  if (exact || name.includes('@')) return exact;
  const matches = [...node.children.values()].filter((child) => child.name.startsWith(`${name}@`));
  return matches.length === 1 ? matches[0] : undefined;
}
