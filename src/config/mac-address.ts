/** The Ethernet address of a card whose config names none. */

/** FNV-1a in 32 bits (RFC 9923 §4). */
const OFFSET_BASIS = 0x811c_9dc5;
const PRIME = 0x0100_0193;
/** The first byte of an address (IEEE 802-2014 §8.2): of a group, and given by whoever runs the network. */
const GROUP = 1;
const LOCAL = 2;

/** `02:…`: the same for the same names on every host and at every start, and hardly for others. */
export function macAddressOf(vmName: string, deviceName: string): string {
  // Names are ASCII (schema.ts, read.ts).
  const names = Array.from(`${vmName}/${deviceName}`, (letter) => letter.charCodeAt(0));
  const low = hash(names, OFFSET_BASIS);
  const bytes = [...bytesOf(low), ...bytesOf(hash(names, low)).slice(0, 2)];
  bytes[0] = (bytes[0]! & ~GROUP) | LOCAL;
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function hash(bytes: readonly number[], basis: number): number {
  return bytes.reduce((value, byte) => Math.imul(value ^ byte, PRIME), basis);
}

function bytesOf(word: number): number[] {
  return [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff);
}
