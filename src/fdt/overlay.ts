/**
 * Applies a compiled overlay (`.dtbo`) to a device tree, as libfdt's fdt_overlay_apply() and so fdtoverlay do it (dtc's
 * Documentation/dt-object-internal.txt): the overlay's own phandles are moved behind those in use, its references to labels
 * of the tree are filled in, then each fragment is merged into its target in turn, so that a fragment may aim at what an
 * earlier one has added. Two things are kinder than there: a labelled node needs no phandle beforehand, and a node that
 * has a phandle keeps it (as libfdt since 1.7).
 */
import { ConfigError } from '../base/errors.ts';
import { mergeNode } from './merge.ts';
import { readDtb } from './reader.ts';
import { takeSymbols } from './symbols.ts';
import { type FdtNode, type FdtTree, PHANDLE_MAX } from './tree.ts';
import { cellAt, cellsOf, setCellAt, stringsOf } from './value.ts';

const OVERLAY = '__overlay__';
const FIXUPS = '__fixups__';
const LOCAL_FIXUPS = '__local_fixups__';

/** A cell of the overlay that holds a phandle of the overlay. Values keep their identity when nodes are merged. */
interface LocalReference {
  readonly value: Uint8Array;
  readonly offset: number;
}

/**
 * Merges the overlay in `blob` into `tree`. `source` is what messages call it: a file name. Paths in it begin at `base`: what
 * the overlay writes as `&{/}` is that node.
 */
export function applyOverlay(tree: FdtTree, blob: Uint8Array, source: string, base = ''): void {
  const refuse = (what: string): never => {
    throw new ConfigError(`Cannot apply the device tree overlay ${source}: ${what}`);
  };
  const overlay = readDtb(blob, source);
  const fragments = [...overlay.root.children.values()].filter(
    (node) => node.children.has(OVERLAY) || node.name.startsWith('fragment@'),
  );
  if (fragments.length === 0)
    refuse('it has no fragment, so it is no overlay; its source needs /plugin/; after /dts-v1/;');

  resolveFixups(tree, overlay, refuse);
  const references = renumberPhandles(tree, overlay, refuse);
  takeSymbols(overlay, source);
  for (const fragment of fragments) {
    const content = fragment.children.get(OVERLAY) ?? refuse(`${fragment.name} has no node ${OVERLAY}`);
    mergeNode(tree, targetOf(tree, fragment, base, refuse), content, (wanted, kept) => {
      for (const { value, offset } of references) if (cellAt(value, offset) === wanted) setCellAt(value, offset, kept);
    });
  }
}

type Refuse = (what: string) => never;

/** Fills in what the overlay's source wrote as `<&label>` with a label of the tree: /__fixups__ says label → places. */
function resolveFixups(tree: FdtTree, overlay: FdtTree, refuse: Refuse): void {
  for (const [label, value] of overlay.root.children.get(FIXUPS)?.properties ?? []) {
    const texts = stringsOf(value) ?? refuse(`${FIXUPS} has no list of places for the label ${label}`);
    const places = texts.map(
      (text) => placeOf(overlay, text) ?? refuse(`${FIXUPS} names "${text}", which is no place`),
    );
    const node = tree.labelled(label);
    if (!node) {
      const known = tree.labels().join(', ') || 'none';
      refuse(`${places[0]?.fragment} refers to the label ${label}, which is missing; the labels are: ${known}`);
    } else for (const { value, offset } of places) setCellAt(value, offset, tree.phandleOf(node));
  }
}

/** "/fragment@0/__overlay__/led:gpios:4", as dtc writes it; the property must have a cell at that byte. */
function placeOf(overlay: FdtTree, text: string): (LocalReference & { fragment: string }) | undefined {
  const [, path = '', property = '', offset] = /^(\/[^:]*):([^:]+):(\d+)$/.exec(text) ?? [];
  const value = overlay.find(path)?.properties.get(property);
  if (!value || cellAt(value, Number(offset)) === undefined) return undefined;
  return { fragment: path.split('/')[1] ?? path, value, offset: Number(offset) };
}

/** Moves the overlay's phandles behind those of the tree, and with them the cells that /__local_fixups__ lists. */
function renumberPhandles(tree: FdtTree, overlay: FdtTree, refuse: Refuse): LocalReference[] {
  const delta = tree.phandleLast();
  if (delta + overlay.phandleLast() > PHANDLE_MAX)
    refuse(`its phandles and those in use (up to ${delta}) are too many`);
  for (const [, node] of overlay.nodes()) {
    const phandle = node.phandle;
    for (const name of ['phandle', 'linux,phandle'])
      if (phandle !== undefined && node.properties.has(name)) node.set(name, phandle + delta);
  }
  const references: LocalReference[] = [];
  const fixups = overlay.root.children.get(LOCAL_FIXUPS);
  if (fixups) collectLocal(overlay.root, fixups, '', references, refuse);
  for (const { value, offset } of references) setCellAt(value, offset, cellAt(value, offset)! + delta);
  return references;
}

/** /__local_fixups__ has the shape of the overlay; a property there holds the byte offsets of the cells in the real one. */
function collectLocal(node: FdtNode, fixups: FdtNode, path: string, found: LocalReference[], refuse: Refuse): void {
  for (const [property, offsets] of fixups.properties) {
    const value = node.properties.get(property);
    for (const offset of cellsOf(offsets) ?? refuse(`${LOCAL_FIXUPS} of ${path}:${property} is no list of cells`)) {
      const cell = value && cellAt(value, offset);
      if (!value || cell === undefined || cell > PHANDLE_MAX)
        refuse(`${LOCAL_FIXUPS} names ${path}:${property}:${offset}, and there is no phandle at that place`);
      else found.push({ value, offset });
    }
  }
  for (const child of fixups.children.values()) {
    const own = node.children.get(child.name);
    if (own) collectLocal(own, child, `${path}/${child.name}`, found, refuse);
    else refuse(`${LOCAL_FIXUPS} names ${path}/${child.name}, and there is no such node`);
  }
}

/** The node of `tree` that a fragment is for: by phandle (filled in from a label), else by path. */
function targetOf(tree: FdtTree, fragment: FdtNode, base: string, refuse: Refuse): FdtNode {
  const target = fragment.properties.get('target');
  if (target) {
    const phandle = target.length === 4 ? cellAt(target, 0)! : PHANDLE_MAX + 1;
    return tree.withPhandle(phandle) ?? refuse(`the target of ${fragment.name} is no node (phandle ${phandle})`);
  }
  const path = stringsOf(fragment.properties.get('target-path') ?? new Uint8Array())?.[0];
  if (path === undefined) return refuse(`${fragment.name} has neither target nor target-path`);
  return (
    tree.find(base + (path === '/' ? '' : path) || '/') ??
    refuse(`${fragment.name} is for ${path}, and the device tree has no such node`)
  );
}
