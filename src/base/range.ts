/** Ranges of guest addresses, end exclusive. */
import { formatAddress } from './units.ts';

/** A guest physical address (IPA): at most 52 bits, so a double holds it exactly. Host pointers are `bigint`. */
export type GuestAddress = number;

export interface AddressRange {
  readonly base: GuestAddress;
  /** Bytes, > 0. */
  readonly size: number;
}

export function endOf(range: AddressRange): GuestAddress {
  return range.base + range.size;
}

export function overlaps(a: AddressRange, b: AddressRange): boolean {
  return a.base < endOf(b) && b.base < endOf(a);
}

/** Whether all of `inner` lies in `outer`. */
export function contains(outer: AddressRange, inner: AddressRange): boolean {
  return inner.base >= outer.base && endOf(inner) <= endOf(outer);
}

/** "0x4000_0000–0x5fff_ffff", last address included, as the memory map in the docs. */
export function formatRange(range: AddressRange): string {
  return `${formatAddress(range.base)}–${formatAddress(endOf(range) - 1)}`;
}
