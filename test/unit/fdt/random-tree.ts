/** Random device trees and random damage, from a seed that failures print: set ORKO_SEED to see one again. */
import { FdtNode, FdtTree } from '../../../src/fdt/tree.ts';
import type { PropertyValue } from '../../../src/fdt/value.ts';

export const seed = Number(process.env['ORKO_SEED'] ?? Date.now() % 2 ** 31);

/** A whole number from 0 to `limit` − 1. */
export type Random = (limit: number) => number;

/** mulberry32: small, and good enough to choose test cases. */
export function makeRandom(seed: number): Random {
  let state = seed | 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const NAMES = ['reg', 'status', 'compatible', 'us', 'atus', '#size-cells', 'linux,code', 'a', 'A.b_c+d', 'x?y', '1st'];
const TEXTS = ['okay', '', 'a b', 'tab\t"quoted" \\', '~', 'two\nlines', 'x'.repeat(40)];

export function randomTree(random: Random): FdtTree {
  const reservations = Array.from({ length: random(3) }, (_, index) => ({
    address: BigInt(index) << 40n,
    size: BigInt(random(2 ** 30) + 1),
  }));
  const tree = new FdtTree(new FdtNode(''), reservations);
  fill(tree.root, random, 4);
  return tree;
}

function fill(node: FdtNode, random: Random, depth: number): void {
  for (let count = random(6); count > 0; count--) node.set(NAMES[random(NAMES.length)]!, randomValue(random));
  if (depth === 0) return;
  for (let count = random(4); count > 0; count--)
    fill(node.add(new FdtNode(`n${count},x@${random(2 ** 32).toString(16)}`)), random, depth - 1);
}

function randomValue(random: Random): PropertyValue {
  const list = <T>(item: () => T): T[] => Array.from({ length: 1 + random(4) }, item);
  switch (random(5)) {
    case 0:
      return true;
    case 1:
      return list(() => random(2 ** 32));
    case 2:
      return list(() => BigInt(random(2 ** 32)) << BigInt(random(33)));
    case 3:
      return list(() => TEXTS[random(TEXTS.length)]!);
    default:
      return Uint8Array.from(list(() => random(256)));
  }
}

/** A copy of `blob` with a few bytes or words changed, or its end cut off. */
export function damage(blob: Uint8Array, random: Random): Uint8Array {
  const copy = new Uint8Array(blob.subarray(0, random(8) === 0 ? random(blob.length) : blob.length));
  const view = new DataView(copy.buffer);
  for (let count = 1 + random(3); count > 0 && copy.length >= 4; count--) {
    const offset = random(copy.length - 3);
    if (random(2) === 0) copy[offset] = random(256);
    else view.setUint32(offset - (offset % 4), [0, 1, 2, 3, 4, 9, 0x7fffffff, 0xffffffff][random(8)]!);
  }
  return copy;
}
