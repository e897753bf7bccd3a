/** Putting one device tree node over another, as dtc and libfdt do it: the newcomer's properties win, nodes of one name become one. */
import { FdtNode, type FdtTree } from './tree.ts';

/**
 * Merges `source` into `target`, a node of `tree`: properties are replaced or added, child nodes are merged where the
 * name exists and added where not, labels move here. Nothing is ever removed. A target that has a phandle keeps it,
 * because the tree refers to it by that; `phandleKept` hears which one the source would have liked.
 */
export function mergeNode(
  tree: FdtTree,
  target: FdtNode,
  source: FdtNode,
  phandleKept: (wanted: number, kept: number) => void,
): void {
  const kept = target.phandle;
  for (const [name, value] of source.properties) {
    if (kept !== undefined && (name === 'phandle' || name === 'linux,phandle')) continue;
    target.properties.set(name, value);
  }
  if (kept !== undefined && source.phandle !== undefined) phandleKept(source.phandle, kept);
  for (const label of source.labels) tree.setLabel(target, label);
  for (const child of source.children.values()) {
    const own = target.children.get(child.name) ?? target.add(new FdtNode(child.name));
    mergeNode(tree, own, child, phandleKept);
  }
}
