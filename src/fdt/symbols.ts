/**
 * Labels in a blob: the node /__symbols__, which holds one property per label with the node's path. `dtc -@` writes it;
 * overlays that are applied later, by a boot loader or by fdtoverlay, need it (dtc's Documentation/dt-object-internal.txt).
 */
import { ConfigError } from '../base/errors.ts';
import { FdtNode, type FdtTree } from './tree.ts';
import { stringsOf } from './value.ts';

export const SYMBOLS = '__symbols__';

/** Turns the node /__symbols__ of a tree that was read into labels. `source` is what messages call the tree. */
export function takeSymbols(tree: FdtTree, source: string): void {
  const symbols = tree.root.children.get(SYMBOLS);
  if (!symbols) return;
  tree.root.children.delete(SYMBOLS);
  for (const [label, value] of symbols.properties) {
    const path = stringsOf(value)?.[0];
    const node = path?.startsWith('/') ? tree.find(path) : undefined;
    if (!node || !isLabel(label))
      throw new ConfigError(
        `Cannot read the device tree ${source}: its label ${label} names ${path}, which is no node`,
      );
    node.labels.add(label);
  }
}

/** Adds /__symbols__, and the phandles by which overlays refer to labelled nodes. */
export function addSymbols(tree: FdtTree): void {
  const symbols = new FdtNode(SYMBOLS);
  for (const [path, node] of tree.nodes()) {
    if (node.labels.size > 0) tree.phandleOf(node);
    for (const label of node.labels) symbols.set(label, path);
  }
  tree.root.add(symbols);
}

/** Whether dtc reads `label` as one. */
export function isLabel(label: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label);
}
